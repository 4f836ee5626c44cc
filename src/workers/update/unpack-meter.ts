/**
 * Watches a tar stream on its way from gunzip to the reader: stops it when it grows beyond what any archive within
 * the limits could be, and knows afterwards whether the archive came to its end. It does not look into the entries.
 */
import type { UnpackLimits } from '../../shared/contracts/pool-tasks.ts';

const BLOCK_BYTES = 512;
/** An entry's header, its padding, and an extended header with two names of 1 KiB and what tar adds to them. */
const OVERHEAD_BYTES = 4096;
/** The end mark, padded as tar pads an archive. */
const END_BYTES = 64 * 1024;
/** pax(1): an archive ends with at least two blocks of zeros. */
const END_MARK_BYTES = 2 * BLOCK_BYTES;

export class TarMeter {
  readonly #limit: number;
  #bytes = 0;
  #zeros = 0;

  constructor({ maxFiles, maxBytes }: UnpackLimits) {
    this.#limit = maxBytes + (maxFiles + 1) * OVERHEAD_BYTES + END_BYTES;
  }

  /** False from the byte on that is too much. */
  take(chunk: Uint8Array): boolean {
    this.#bytes += chunk.length;
    let end = chunk.length;
    while (end > 0 && chunk[end - 1] === 0) end--;
    this.#zeros = end === 0 ? this.#zeros + chunk.length : chunk.length - end;
    return this.#bytes <= this.#limit;
  }

  /** Whether there is an end mark, and nothing but zeros, from the end of the last entry's content on. */
  endsAfter(contentStart: number, contentBytes: number): boolean {
    const end = contentStart + Math.ceil(contentBytes / BLOCK_BYTES) * BLOCK_BYTES;
    const rest = this.#bytes - end;
    return rest >= END_MARK_BYTES && this.#zeros >= rest;
  }
}
