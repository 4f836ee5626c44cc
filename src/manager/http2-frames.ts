/**
 * HTTP/2 frames in one direction of a connection in plaintext (RFC 9113, 4.1): their heads, and where the next one
 * begins. Pure but for its own place in the stream. It looks at no payload and checks nothing.
 */
export interface FrameHead {
  type: number;
  flags: number;
  streamId: number;
}

export const FRAME = { data: 0, headers: 1, ping: 6, goaway: 7 } as const;
export const ACK = 1;

const HEAD_BYTES = 9;
/** `PRI * HTTP/2.0` and what follows it, which a client sends first. */
export const PREFACE_BYTES = 24;

export class FrameScanner {
  #skip: number;
  readonly #head: number[] = [];

  /** `skipBytes`: what comes before the first frame. */
  constructor(skipBytes = 0) {
    this.#skip = skipBytes;
  }

  /** Whether everything so far ended with a whole frame. */
  get atBoundary(): boolean {
    return this.#skip === 0 && this.#head.length === 0;
  }

  /** The heads that are complete now. `boundary`: the first place in the chunk between two frames, or null. */
  push(chunk: Uint8Array): { frames: FrameHead[]; boundary: number | null } {
    const frames: FrameHead[] = [];
    let boundary = this.atBoundary ? 0 : null;
    for (let at = 0; at < chunk.length; ) {
      if (this.#skip > 0) {
        const skipped = Math.min(this.#skip, chunk.length - at);
        this.#skip -= skipped;
        at += skipped;
      } else {
        this.#head.push(chunk[at++] ?? 0);
        if (this.#head.length === HEAD_BYTES) frames.push(this.#takeHead());
      }
      if (this.atBoundary) boundary ??= at;
    }
    return { frames, boundary };
  }

  #takeHead(): FrameHead {
    const head = Buffer.from(this.#head.splice(0));
    this.#skip = head.readUIntBE(0, 3);
    return { type: head.readUInt8(3), flags: head.readUInt8(4), streamId: head.readUInt32BE(5) & 0x7fffffff };
  }
}

/** A whole GOAWAY frame. `code`: of RFC 9113, 7. */
export function goawayFrame(lastStreamId: number, code: number, debugText: string): Buffer {
  const debug = Buffer.from(debugText);
  const frame = Buffer.alloc(HEAD_BYTES + 8);
  frame.writeUIntBE(8 + debug.length, 0, 3);
  frame.writeUInt8(FRAME.goaway, 3);
  frame.writeUInt32BE(lastStreamId, HEAD_BYTES);
  frame.writeUInt32BE(code, HEAD_BYTES + 4);
  return Buffer.concat([frame, debug]);
}
