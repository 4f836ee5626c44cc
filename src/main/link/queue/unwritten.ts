/**
 * Entries that are in memory alone, in order, within a bound that what is read from the disk meanwhile shares. The
 * oldest are given up first, but not what is being sent or written. Pure.
 */
import type { Entry } from './frame.ts';

export interface UnwrittenEntry extends Entry {
  /** Of the monotonic clock. */
  readonly addedMs: number;
}

/** Of the bound: for what is read from the disk, at any time and at most. */
const LEAST_FOR_READING = 1 / 8;
const MOST_FOR_READING = 1 / 2;
/** Giving up goes on to this part of the bound, so that it is not begun again with each entry. */
const ENOUGH = 15 / 16;

export class Unwritten {
  readonly #maxBytes: number;
  /** When some are given up, those behind take their indices; else a gap stays. */
  readonly #closesUp: boolean;
  #entries: UnwrittenEntry[] = [];
  #bytes = 0;
  #heldTo = 0;
  /** Of what is being sent, what came from the disk. */
  #heldBytes = 0;
  /** What is below this is being written. */
  writingTo = 0;

  constructor(maxBytes: number, closesUp: boolean) {
    this.#maxBytes = maxBytes;
    this.#closesUp = closesUp;
  }

  get length(): number {
    return this.#entries.length;
  }

  /** Of the payloads. */
  get bytes(): number {
    return this.#bytes;
  }

  /** With what was read from the disk and is being sent. */
  get memoryBytes(): number {
    return this.#bytes + this.#heldBytes;
  }

  /** How many bytes a reading from the disk may take. */
  get room(): number {
    const max = this.#maxBytes;
    return Math.min(max * MOST_FOR_READING, Math.max(max * LEAST_FOR_READING, max - this.#bytes));
  }

  get oldest(): UnwrittenEntry | undefined {
    return this.#entries[0];
  }

  get holds(): boolean {
    return this.#heldTo > 0;
  }

  add(entry: UnwrittenEntry): void {
    this.#entries.push(entry);
    this.#bytes += entry.payload.length;
  }

  /** These are being sent: the oldest, some of which may be from the disk. None: nothing is. */
  hold(entries: readonly Entry[]): void {
    const inMemoryFrom = this.oldest?.index ?? Number.POSITIVE_INFINITY;
    this.#heldTo = (entries.at(-1)?.index ?? -1) + 1;
    this.#heldBytes = 0;
    for (const { index, payload } of entries) if (index < inMemoryFrom) this.#heldBytes += payload.length;
  }

  /** Those that follow on `before` within the limits; one at least where there is nothing before. */
  upTo(limits: { entries: number; bytes: number }, before: readonly Entry[] = []): Entry[] {
    const found: Entry[] = [];
    let [count, bytes] = [before.length, before.reduce((sum, { payload }) => sum + payload.length, 0)];
    for (const entry of this.#entries) {
      bytes += entry.payload.length;
      if (count > 0 && (bytes > limits.bytes || count >= limits.entries)) break;
      count++;
      found.push(entry);
    }
    return found;
  }

  /** Everything before this index is out of it. */
  removeBefore(index: number): void {
    const kept = this.#entries.findIndex((entry) => entry.index >= index);
    const gone = this.#entries.splice(0, kept < 0 ? this.#entries.length : kept);
    for (const { payload } of gone) this.#bytes -= payload.length;
  }

  /** Gives up what is beyond the bound: how many, and the index of the first of them. */
  keepInBounds(): { from: number; count: number } {
    const bound = this.#maxBytes - Math.max(this.#heldBytes, this.#maxBytes * LEAST_FOR_READING);
    const keptTo = Math.max(this.#heldTo, this.writingTo);
    const first = this.#bytes <= bound ? -1 : this.#entries.findIndex(({ index }) => index >= keptTo);
    const from = this.#entries[first]?.index ?? 0;
    let end = Math.max(0, first);
    for (; first >= 0 && end < this.#entries.length && this.#bytes > bound * ENOUGH; end++)
      this.#bytes -= this.#entries[end]?.payload.length ?? 0;
    const count = end - Math.max(0, first);
    if (count === 0) return { from, count };
    this.#entries.splice(first, count);
    if (this.#closesUp) this.#closeUp(first, count);
    return { from, count };
  }

  /** Their indices count up from this one. */
  renumber(from: number): void {
    this.#entries = this.#entries.map((entry, at) => ({ ...entry, index: from + at }));
  }

  #closeUp(at: number, count: number): void {
    const behind = this.#entries.splice(at).map((entry) => ({ ...entry, index: entry.index - count }));
    this.#entries = this.#entries.concat(behind);
  }
}

/** As many from the front as follow each other without a gap. */
export function contiguous(entries: readonly Entry[]): readonly Entry[] {
  const gap = entries.findIndex(({ index }, at) => index !== (entries[0]?.index ?? 0) + at);
  return gap < 0 ? entries : entries.slice(0, gap);
}
