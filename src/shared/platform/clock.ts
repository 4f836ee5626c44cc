/** Time, as a parameter: waits go by the monotonic clock, only what is shown or sent uses the wall clock. */
export interface Clock {
  /** Monotonic milliseconds; the origin means nothing. */
  nowMs(): number;
  /** Unix milliseconds. */
  wallMs(): number;
  /** Calls back once; the returned function cancels. */
  after(ms: number, callback: () => void): () => void;
}

/** setTimeout fires at once for more than this, so longer waits are the caller's to divide. */
export const LONGEST_TIMER_MS = 2 ** 31 - 1;

export const systemClock: Clock = {
  nowMs: () => performance.now(),
  wallMs: () => Date.now(),
  after(ms, callback) {
    const timer = setTimeout(callback, Math.min(Math.max(0, ms), LONGEST_TIMER_MS));
    return () => clearTimeout(timer);
  },
};

/** Milliseconds of the system's monotonic clock: the same in every process of a boot, so that two can compare them. */
export function bootClockMs(): number {
  return Number(process.hrtime.bigint() / 1_000_000n);
}
