/**
 * How many entries came, and how many of them had come before: the Manager takes both, so that a test can tell. Pure
 * but for what it has counted. Beyond its bound the oldest are forgotten and would count as new.
 */
const REMEMBERED = 1_000_000;

export class EntryCounts {
  readonly #remembered: number;
  readonly #seen = new Set<string>();
  #rows = 0;
  #doubles = 0;

  constructor(remembered = REMEMBERED) {
    this.#remembered = remembered;
  }

  /** Entries, doubles included. */
  get rows(): number {
    return this.#rows;
  }

  get doubles(): number {
    return this.#doubles;
  }

  count(key: string): void {
    this.#rows++;
    if (this.#seen.has(key)) this.#doubles++;
    this.#seen.add(key);
    if (this.#seen.size <= this.#remembered) return;
    const [oldest] = this.#seen;
    if (oldest !== undefined) this.#seen.delete(oldest);
  }
}
