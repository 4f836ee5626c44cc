import { expect, test } from 'vitest';
import { FRAME, PREFACE_BYTES } from '../../../src/manager/http2-frames.ts';
import { byteLimit, pingLimit, watchers } from '../../../src/manager/watchers.ts';
import { systemClock } from '../../../src/shared/platform/clock.ts';

function frame(type: number, streamId = 0, flags = 0): Buffer {
  const bytes = Buffer.alloc(17);
  bytes.writeUIntBE(8, 0, 3);
  bytes.writeUInt8(type, 3);
  bytes.writeUInt8(flags, 4);
  bytes.writeUInt32BE(streamId, 5);
  return bytes;
}

const PING = frame(FRAME.ping);
const standing = { ...systemClock, nowMs: () => 0 };

function connected() {
  const limit = pingLimit(standing);
  limit.received(Buffer.concat([Buffer.alloc(PREFACE_BYTES), frame(FRAME.headers, 7)]));
  return limit;
}
const goodbye = { last: expect.toSatisfy((bytes: Buffer) => bytes.subarray(-14).toString() === 'too_many_pings') };

test('the fourth ping at once is one too many: GOAWAY names the last stream', () => {
  const limit = connected();
  expect([1, 2, 3].map(() => limit.received(PING))).toEqual(['pass', 'pass', 'pass']);
  const verdict = limit.received(PING);
  expect(verdict).toEqual(goodbye);
  if (typeof verdict === 'string') throw new Error('no bytes');
  expect(Buffer.from(verdict.last).readUInt32BE(9)).toBe(7);
});

test('in the middle of a frame that goes out it waits for its end', () => {
  const limit = connected();
  limit.sent(frame(FRAME.data, 7).subarray(0, 12));
  // what was sent forgave: four more
  expect([1, 2, 3, 4].map(() => limit.received(PING))).toEqual(['pass', 'pass', 'pass', 'pass']);
  expect(limit.sent(frame(FRAME.data, 7).subarray(12, 14))).toBe('pass');
  const verdict = limit.sent(Buffer.concat([frame(FRAME.data, 7).subarray(14), frame(FRAME.data, 7)]));
  expect(verdict).toEqual(goodbye);
  if (typeof verdict === 'string') throw new Error('no bytes');
  // the rest of the frame, then the goodbye, and nothing of the next frame
  expect(verdict.last).toHaveLength(3 + 9 + 8 + 'too_many_pings'.length);
});

test('answers to its own pings are none, and headers or data forgive', () => {
  const limit = connected();
  for (let at = 0; at < 10; at++) {
    expect(limit.received(frame(FRAME.ping, 0, 1))).toBe('pass');
    expect(limit.received(PING)).toBe('pass');
    expect(limit.sent(frame(at % 2 ? FRAME.data : FRAME.headers, 7))).toBe('pass');
  }
});

test('of several watchers the first that objects has its way', () => {
  const both = watchers([byteLimit(1), byteLimit(100)]);
  expect(both.received(Buffer.alloc(1))).toBe('pass');
  expect(both.sent(Buffer.alloc(1))).toBe('reset');
});
