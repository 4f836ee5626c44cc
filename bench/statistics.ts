/** Order statistics and CPU use. Pure. Percentiles are by nearest rank: always a value that was measured. */
export interface Summary {
  n: number;
  min: number;
  median: number;
  p95: number;
  p99: number;
  max: number;
}

/** Clock ticks a second in what the kernel shows to programs (USER_HZ). */
const TICKS_PER_SECOND = 100;

/** `percent`: 0 (the least) to 100. `sorted` ascends; an empty one is a mistake of the caller and throws. */
export function percentile(sorted: readonly number[], percent: number): number {
  const rank = Math.max(1, Math.ceil((percent / 100) * sorted.length));
  const value = sorted[rank - 1];
  if (value === undefined) throw new RangeError(`no percentile ${percent} of ${sorted.length} values`);
  return value;
}

export function summarise(values: readonly number[]): Summary {
  const sorted = [...values].sort((a, b) => a - b);
  return {
    n: sorted.length,
    min: percentile(sorted, 0),
    median: percentile(sorted, 50),
    p95: percentile(sorted, 95),
    p99: percentile(sorted, 99),
    max: percentile(sorted, 100),
  };
}

export function ticksToMs(ticks: number): number {
  return (ticks * 1000) / TICKS_PER_SECOND;
}

/** Percent of one core. */
export function cpuPercent(ticks: number, elapsedMs: number): number {
  if (!(elapsedMs > 0)) throw new RangeError(`no CPU use over ${elapsedMs} ms`);
  return (100 * ticksToMs(ticks)) / elapsedMs;
}

/** Null where there is nothing to compare with. */
export function ratio(value: number, floor: number): number | null {
  return floor > 0 ? value / floor : null;
}
