/** A straight line through points by least squares. Pure. */
export interface Line {
  /** What y grows by for each x. */
  slope: number;
  /** y where x is 0. */
  intercept: number;
}

/** Throws a RangeError where there is no point, or all have the same x. */
export function fitLine(points: readonly (readonly [x: number, y: number])[]): Line {
  const mean = (at: 0 | 1): number => points.reduce((sum, point) => sum + point[at], 0) / points.length;
  const [meanX, meanY] = [mean(0), mean(1)];
  const spread = points.reduce((sum, [x]) => sum + (x - meanX) ** 2, 0);
  if (!(spread > 0)) throw new RangeError(`no line through ${points.length} points at one place`);
  const slope = points.reduce((sum, [x, y]) => sum + (x - meanX) * (y - meanY), 0) / spread;
  return { slope, intercept: meanY - slope * meanX };
}
