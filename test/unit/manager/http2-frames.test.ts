import { expect, test } from 'vitest';
import { FRAME, FrameScanner, goawayFrame, PREFACE_BYTES } from '../../../src/manager/http2-frames.ts';

function frame(type: number, flags: number, streamId: number, payload = ''): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head.writeUInt8(type, 3);
  head.writeUInt8(flags, 4);
  head.writeUInt32BE(streamId, 5);
  return Buffer.concat([head, Buffer.from(payload)]);
}

const PREFACE = Buffer.alloc(PREFACE_BYTES, 'P');
const BYTES = Buffer.concat([
  PREFACE,
  frame(4, 0, 0),
  frame(FRAME.headers, 4, 3, 'hello'),
  frame(FRAME.ping, 1, 0, '12345678'),
]);
const HEADS = [
  { type: 4, flags: 0, streamId: 0 },
  { type: FRAME.headers, flags: 4, streamId: 3 },
  { type: FRAME.ping, flags: 1, streamId: 0 },
];

test.each([1, 2, 7, 9, 24, 33, 1000])('frames in chunks of %i bytes', (size) => {
  const scanner = new FrameScanner(PREFACE_BYTES);
  const heads = [];
  for (let at = 0; at < BYTES.length; at += size) heads.push(...scanner.push(BYTES.subarray(at, at + size)).frames);
  expect(heads).toEqual(HEADS);
  expect(scanner.atBoundary).toBe(true);
});

test('the first place between two frames', () => {
  const scanner = new FrameScanner();
  const data = frame(FRAME.data, 0, 1, 'hello');
  expect(scanner.push(data.subarray(0, 11))).toEqual({ frames: [{ type: 0, flags: 0, streamId: 1 }], boundary: 0 });
  expect(scanner.atBoundary).toBe(false);
  expect(scanner.push(data.subarray(11, 13)).boundary).toBeNull();
  expect(scanner.push(Buffer.concat([data.subarray(13), data])).boundary).toBe(1);
  expect(scanner.atBoundary).toBe(true);
});

test('a GOAWAY frame, as RFC 9113 has it', () => {
  const bytes = goawayFrame(5, 0xb, 'why');
  expect(bytes.toString('hex')).toBe(
    `00000b0700${'00000000'}${'00000005'}${'0000000b'}${Buffer.from('why').toString('hex')}`,
  );
  expect(new FrameScanner().push(bytes).frames).toEqual([{ type: FRAME.goaway, flags: 0, streamId: 0 }]);
});
