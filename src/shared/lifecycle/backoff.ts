/**
 * How long to wait before trying again (design document 7.2): the bound doubles with each failure up to a limit and
 * the wait is drawn evenly between the base and that bound, so that a fleet that failed together does not come back
 * together.
 */
export interface BackoffLimits {
  baseMs: number;
  maxMs: number;
}

/** `attempt` counts failures in a row, from 1. `random` gives 0 ≤ r < 1. */
export function backoffMs(attempt: number, limits: BackoffLimits, random: () => number): number {
  const bound = Math.min(limits.maxMs, limits.baseMs * 2 ** Math.min(attempt, 30));
  return limits.baseMs + random() * Math.max(0, bound - limits.baseMs);
}
