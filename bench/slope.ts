/** Whether something grows: a straight line through the floors of blocks, and how sure its slope is. Pure. */
import { fitLine } from './line.ts';

export interface Point {
  atMs: number;
  value: number;
}

export interface Slope {
  /** Of the value's unit, an hour. */
  perHour: number;
  /** Standard error of `perHour`. */
  errorPerHour: number;
  /** Points that the line goes through. */
  points: number;
}

const HOUR_MS = 3_600_000;

/**
 * Memory goes up and down with what is done; what is left when all is given back is the least of a block, and a leak
 * lifts it. Samples that are near in time are alike, which would make a slope look surer than it is: so a block has one
 * point, at its middle. A block that is not whole is left out.
 */
export function blockFloors(samples: readonly Point[], blockMs: number, windowMs: number): Point[] {
  const blocks = new Map<number, number>();
  for (const { atMs, value } of samples) {
    const block = Math.floor(atMs / blockMs);
    if ((block + 1) * blockMs <= windowMs) blocks.set(block, Math.min(value, blocks.get(block) ?? value));
  }
  return [...blocks].map(([block, value]) => ({ atMs: (block + 0.5) * blockMs, value }));
}

/** By least squares. Fewer than three points have no error, and so no slope: a RangeError. */
export function slopeOf(points: readonly Point[]): Slope {
  const n = points.length;
  if (n < 3) throw new RangeError(`no slope of ${n} points`);
  const hours = points.map(({ atMs, value }) => [atMs / HOUR_MS, value] as const);
  const { slope, intercept } = fitLine(hours);
  const mean = hours.reduce((sum, [x]) => sum + x, 0) / n;
  const spread = hours.reduce((sum, [x]) => sum + (x - mean) ** 2, 0);
  const residuals = hours.reduce((sum, [x, y]) => sum + (y - intercept - slope * x) ** 2, 0);
  return { perHour: slope, errorPerHour: Math.sqrt(residuals / (n - 2) / spread), points: n };
}
