/**
 * How an entry lies in a segment file: mark (2 bytes), index (6), time (6, Unix ms), length of the payload (4), CRC-32
 * of all that and the payload (4), the payload. Big-endian. Pure. What is damaged is stepped over to the next whole
 * frame, so that a fault costs the frames that it hit and no other.
 */
import { crc32 } from 'node:zlib';

export interface Entry {
  /** Counts up over all entries of a log, from 1. */
  readonly index: number;
  /** Unix milliseconds. */
  readonly timeMs: number;
  readonly payload: Buffer;
}

export interface Frame extends Entry {
  /** Offsets in its file. */
  readonly start: number;
  readonly end: number;
}

/** No UTF-8 text holds the first byte; the second is the version of the format. */
const MARK = Buffer.from([0xfe, 0x51]);
const INDEX_AT = 2;
const TIME_AT = 8;
const LENGTH_AT = 14;
const CRC_AT = 18;
export const HEADER_BYTES = 22;
export const LARGEST_PAYLOAD = 1024 * 1024;
const LARGEST_TIME = 2 ** 48 - 1;

/** What goes before the payload. */
export function frameHeader({ index, timeMs, payload }: Entry): Buffer {
  const header = Buffer.allocUnsafe(HEADER_BYTES);
  MARK.copy(header);
  header.writeUIntBE(index, INDEX_AT, 6);
  header.writeUIntBE(Math.min(LARGEST_TIME, Math.max(0, Math.floor(timeMs))), TIME_AT, 6);
  header.writeUInt32BE(payload.length, LENGTH_AT);
  header.writeUInt32BE(crc32(payload, crc32(header.subarray(INDEX_AT, CRC_AT))), CRC_AT);
  return header;
}

function frameAt(bytes: Buffer, at: number): Entry | 'incomplete' | 'bad' {
  const mark = bytes.subarray(at, at + MARK.length);
  if (!mark.equals(MARK.subarray(0, mark.length))) return 'bad';
  if (bytes.length < at + HEADER_BYTES) return 'incomplete';
  const length = bytes.readUInt32BE(at + LENGTH_AT);
  if (length > LARGEST_PAYLOAD) return 'bad';
  const from = at + HEADER_BYTES;
  if (bytes.length < from + length) return 'incomplete';
  const payload = bytes.subarray(from, from + length);
  const sum = crc32(payload, crc32(bytes.subarray(at + INDEX_AT, at + CRC_AT)));
  if (sum !== bytes.readUInt32BE(at + CRC_AT)) return 'bad';
  return { index: bytes.readUIntBE(at + INDEX_AT, 6), timeMs: bytes.readUIntBE(at + TIME_AT, 6), payload };
}

/** Where the next frame may begin; the end where nowhere, or the last byte where that may be half a mark. */
function nextMark(bytes: Buffer, from: number): number {
  const at = bytes.indexOf(MARK, from);
  if (at >= 0) return at;
  return bytes.length > from && bytes.at(-1) === MARK[0] ? bytes.length - 1 : bytes.length;
}

/** As a write leaves it that did not come to its end: begun, or not there yet in a file that has its length. */
function looksTorn(bytes: Buffer, at: number): boolean {
  const begin = bytes.subarray(at, at + MARK.length);
  return begin.equals(MARK.subarray(0, begin.length)) || begin.every((byte) => byte === 0);
}

/** Takes a file in pieces, gives the frames that it holds. */
export class FrameParser {
  /** Offset in the file after the last whole frame. */
  end: number;
  /** There was something else between two frames. */
  damaged = false;
  /** What is behind the last whole frame. */
  tail: 'nothing' | 'torn' | 'corrupt' = 'nothing';
  #rest: Buffer = Buffer.alloc(0);
  #restAt: number;

  /** At the offset of a frame's begin. */
  constructor(offset: number) {
    this.end = offset;
    this.#restAt = offset;
  }

  /** `last`: nothing comes after this piece. */
  push(piece: Buffer, last: boolean): Frame[] {
    const bytes = this.#rest.length === 0 ? piece : Buffer.concat([this.#rest, piece]);
    const frames: Frame[] = [];
    let at = 0;
    while (at < bytes.length) {
      const found = frameAt(bytes, at);
      if (typeof found === 'object') {
        if (this.tail !== 'nothing') this.damaged = true;
        this.tail = 'nothing';
        const start = this.#restAt + at;
        at += HEADER_BYTES + found.payload.length;
        this.end = this.#restAt + at;
        frames.push({ ...found, start, end: this.end });
        continue;
      }
      if (found === 'incomplete' && !last) break;
      if (this.tail === 'nothing') this.tail = looksTorn(bytes, at) ? 'torn' : 'corrupt';
      at = nextMark(bytes, at + 1);
    }
    this.#rest = bytes.subarray(at);
    this.#restAt += at;
    return frames;
  }
}
