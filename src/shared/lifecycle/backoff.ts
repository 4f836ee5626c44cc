/**
 * How long to wait before trying again (design document 7.2). Pure. The bound grows with each failure up to a limit
 * and the wait is drawn evenly between the base and that bound, so that a fleet that failed together does not come
 * back together.
 */
export interface BackoffLimits {
  baseMs: number;
  maxMs: number;
  /** By which the bound grows with each failure; 1 and above, default 2. */
  multiplier?: number;
}

/** `attempt` counts failures in a row, from 1. `random` gives 0 ≤ r < 1. */
export function backoffMs(attempt: number, limits: BackoffLimits, random: () => number): number {
  const { baseMs, maxMs, multiplier = 2 } = limits;
  // finite, so that no wait stays none after any number of failures
  const factor = Math.min(multiplier ** attempt, Number.MAX_SAFE_INTEGER);
  const bound = Math.min(maxMs, baseMs * factor);
  return baseMs + random() * Math.max(0, bound - baseMs);
}
