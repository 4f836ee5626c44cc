/**
 * How many entries go at once. The Manager takes a batch whole or not at all, so one that it refused is halved until
 * the entry that it does not like is alone; after that the size doubles up to the largest again. Pure.
 */
/** More would be faster, and hold a heartbeat up for more than twice as long as it takes at rest. */
export const LARGEST_BATCH = 50;

export class BatchSize {
  #size = LARGEST_BATCH;
  /** Entries at the head among which one is known to be refused. */
  #suspects = 0;

  get size(): number {
    return this.#size;
  }

  /** A batch of this many was refused. */
  refused(count: number): void {
    this.#suspects = count;
    this.#size = Math.max(1, Math.floor(count / 2));
  }

  /** This many entries left at the head, whichever way. */
  left(count: number): void {
    this.#suspects = Math.max(0, this.#suspects - count);
    if (this.#suspects > 0) this.#size = Math.max(1, Math.floor(this.#suspects / 2));
    else this.#size = Math.min(LARGEST_BATCH, this.#size * 2);
  }
}
