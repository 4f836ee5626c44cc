/**
 * Cuts a byte stream into JSON objects as a Go encoder writes them: one after another, with or without white space
 * between. Pure but for its own buffer. Throws on anything that is not an object and on a frame over the limit.
 */
const OPEN = 0x7b;
const CLOSE = 0x7d;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const WHITE = new Set([0x20, 0x09, 0x0a, 0x0d]);

export class JsonFrames {
  readonly #maxBytes: number;
  #pending: Buffer = Buffer.alloc(0);
  #scanned = 0;
  #depth = 0;
  #inString = false;
  #escaped = false;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** The objects that are complete now, in order. */
  push(chunk: Buffer): unknown[] {
    this.#pending = this.#pending.length === 0 ? chunk : Buffer.concat([this.#pending, chunk]);
    const values: unknown[] = [];
    let start = 0;
    let at = this.#scanned;
    for (; at < this.#pending.length; at++) {
      if (at - start >= this.#maxBytes) throw new Error(`a frame is larger than ${this.#maxBytes} bytes`);
      const byte = this.#pending[at] as number;
      if (this.#inString) {
        if (this.#escaped) this.#escaped = false;
        else if (byte === BACKSLASH) this.#escaped = true;
        else if (byte === QUOTE) this.#inString = false;
      } else if (byte === OPEN) {
        this.#depth++;
      } else if (this.#depth === 0) {
        if (!WHITE.has(byte)) throw new Error(`byte 0x${byte.toString(16)} between two objects`);
        start = at + 1;
      } else if (byte === QUOTE) {
        this.#inString = true;
      } else if (byte === CLOSE && --this.#depth === 0) {
        values.push(JSON.parse(this.#pending.toString('utf8', start, at + 1)));
        start = at + 1;
      }
    }
    // copied, so that a small rest does not keep a large chunk in memory
    this.#pending = Buffer.from(this.#pending.subarray(start));
    this.#scanned = at - start;
    return values;
  }
}
