/**
 * Which pages of the program are needed again at once whenever they are given back, while a thread starts: V8's
 * interpreter and what it calls, 2 to 3 MB of the 10 MB that a start touches. To give them back too would make most of
 * what comes in the same pages time and again. Learned from the first few times, by what /proc/self/pagemap says is
 * there each time. Pure.
 */
import { asPairs, PAGE_BYTES, type Range } from './mappings.ts';

/** How many times are looked at, and in how many of them a page that stays was there. */
const LOOKS = 8;
const HOT_LOOKS = 6;

export class HotPages {
  readonly #ranges: readonly Range[];
  /** Per range and page, in how many looks it was there. */
  readonly #counts: Uint8Array[];
  #looks = 0;

  constructor(ranges: readonly Range[]) {
    this.#ranges = ranges;
    this.#counts = ranges.map(({ start, end }) => new Uint8Array((end - start) / PAGE_BYTES));
  }

  get learned(): boolean {
    return this.#looks >= LOOKS;
  }

  /** `count` adds 1 for each page of a range that is there now. False: it does not say. */
  look(count: (range: BigUint64Array, counts: Uint8Array) => boolean): boolean {
    this.#looks++;
    return this.#ranges.every((range, at) => count(asPairs([range]), this.#counts[at] ?? new Uint8Array()));
  }

  /** The ranges without the pages that are hot. */
  others(): Range[] {
    return this.#ranges.flatMap(({ start, end }, at) => {
      const counts = this.#counts[at] ?? new Uint8Array();
      const parts: Range[] = [];
      let from = start;
      for (let page = 0; page <= counts.length; page++) {
        if (page < counts.length && (counts[page] ?? 0) < HOT_LOOKS) continue;
        const here = page === counts.length ? end : start + page * PAGE_BYTES;
        if (here > from) parts.push({ start: from, end: here });
        from = here + PAGE_BYTES;
      }
      return parts;
    });
  }
}
