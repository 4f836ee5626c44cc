/**
 * Who watches a connection: one cuts it after so many bytes, one ends it with GOAWAY when its client pings too often.
 * Pure but for what they have counted.
 */
import type { Clock } from '../shared/platform/clock.ts';
import type { Verdict, Watcher } from './carrier.ts';
import { ACK, FRAME, FrameScanner, goawayFrame, PREFACE_BYTES } from './http2-frames.ts';
import { PingPolicy } from './ping-policy.ts';

const ENHANCE_YOUR_CALM = 0xb;

/** Resets once this many bytes would have passed, both ways together. */
export function byteLimit(bytes: number): Watcher {
  let left = bytes;
  const count = (chunk: Buffer): Verdict => {
    left -= chunk.length;
    return left < 0 ? 'reset' : 'pass';
  };
  return { received: count, sent: count };
}

/** Only for plaintext: of TLS it would see ciphertext. */
export function pingLimit(clock: Clock): Watcher {
  const policy = new PingPolicy();
  const incoming = new FrameScanner(PREFACE_BYTES);
  const outgoing = new FrameScanner();
  let lastStreamId = 0;
  let tooMany = false;
  const goaway = (): Buffer => goawayFrame(lastStreamId, ENHANCE_YOUR_CALM, 'too_many_pings');
  return {
    received(chunk) {
      for (const { type, flags, streamId } of incoming.push(chunk).frames) {
        if (type === FRAME.headers) lastStreamId = Math.max(lastStreamId, streamId);
        if (type === FRAME.ping && !(flags & ACK) && policy.ping(clock.nowMs())) tooMany = true;
      }
      return tooMany && outgoing.atBoundary ? { last: goaway() } : 'pass';
    },
    sent(chunk) {
      const { frames, boundary } = outgoing.push(chunk);
      // in the middle of a frame when it was one too many: the goodbye goes where that frame ends
      if (tooMany) return boundary === null ? 'pass' : { last: Buffer.concat([chunk.subarray(0, boundary), goaway()]) };
      if (frames.some(({ type }) => type === FRAME.headers || type === FRAME.data)) policy.forgive();
      return 'pass';
    },
  };
}

/** The first that objects has its way. */
export function watchers(all: readonly Watcher[]): Watcher {
  const first = (verdicts: Verdict[]): Verdict => verdicts.find((verdict) => verdict !== 'pass') ?? 'pass';
  return {
    received: (chunk) => first(all.map((watcher) => watcher.received(chunk))),
    sent: (chunk) => first(all.map((watcher) => watcher.sent(chunk))),
  };
}
