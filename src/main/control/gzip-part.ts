/** A file of a log that was compressed: to read from the middle of it, all before that is unpacked and thrown away. */
import { createReadStream } from 'node:fs';
import { pipeline } from 'node:stream';
import type { LogPart } from './log-parts.ts';
import { PlainPart } from './plain-part.ts';

const BLOCK_BYTES = 1024 * 1024;
/** At the end of the file: the length of what was compressed (RFC 1952, ISIZE), modulo 2^32. */
const LENGTH_BYTES = 4;
/** Of the smallest file that there can be. */
const LEAST_BYTES = 18;

export class GzipPart implements LogPart {
  readonly blockBytes = BLOCK_BYTES;
  readonly bytes: number;
  readonly #path: string;

  private constructor(path: string, bytes: number) {
    this.#path = path;
    this.bytes = bytes;
  }

  /** Null where it is not there. */
  static async open(path: string): Promise<GzipPart | null> {
    const file = await PlainPart.open(path, { follow: false });
    if (!file) return null;
    try {
      if (file.bytes < LEAST_BYTES) throw new Error(`${path} is no gzip file`);
      const length = await file.read(file.bytes - LENGTH_BYTES, LENGTH_BYTES);
      return new GzipPart(path, length.readUInt32LE());
    } finally {
      await file.close();
    }
  }

  async read(from: number, length: number): Promise<Buffer> {
    const { createGunzip } = await import('node:zlib');
    const unpacked = createGunzip();
    pipeline(createReadStream(this.#path), unpacked, () => {}); // its errors come out of what is unpacked
    const chunks: Buffer[] = [];
    let at = 0;
    for await (const chunk of unpacked as AsyncIterable<Buffer>) {
      chunks.push(chunk.subarray(Math.max(0, from - at), Math.max(0, from + length - at)));
      at += chunk.length;
      if (at >= from + length) break; // ends the stream, and with it the reading of the file
    }
    return Buffer.concat(chunks);
  }
}
