/** Differences of counters that only grow, wrap, or begin again: never negative. Pure. */

const WRAP_32 = 2n ** 32n;
const WRAP_64 = 2n ** 64n;

/**
 * What was counted between two readings. A smaller reading is a wrap where the old one stood in the last quarter of
 * 32 (or 64) bits and the new one in the first; else the counter began again at zero, and all it shows is new.
 */
export function counterDelta(previous: bigint, current: bigint): bigint {
  if (current >= previous) return current - previous;
  for (const size of [WRAP_32, WRAP_64]) {
    if (previous < size && previous >= (size / 4n) * 3n && current < size / 4n) return current + size - previous;
  }
  return current;
}

/** Null where the text is not a plain count: a torn line. */
export function parseCount(text: string | undefined): bigint | null {
  return text !== undefined && /^\d{1,20}$/.test(text) ? BigInt(text) : null;
}
