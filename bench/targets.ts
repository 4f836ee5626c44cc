/** The design document's targets (8.3) and whether a figure keeps them. Pure. Nothing fails by it: it is told. */
export const TARGETS = {
  idleCpu: { limit: 1, unit: '%' },
  idleMemory: { limit: 30, unit: 'MB' },
  collection: { limit: 500, unit: 'ms' },
  report: { limit: 200, unit: 'ms' },
} as const;

export interface Verdict {
  target: keyof typeof TARGETS;
  /** Which figure was held against it: `all four, cold thread, max`. */
  figure: string;
  /** In the target's unit. */
  measured: number;
  holds: boolean;
}

export function judge(target: keyof typeof TARGETS, figure: string, measured: number): Verdict {
  return { target, figure, measured, holds: measured < TARGETS[target].limit };
}

/** `< 30 MB: holds`. */
export function inWords({ target, holds }: Verdict): string {
  const { limit, unit } = TARGETS[target];
  return `< ${limit} ${unit}: ${holds ? 'holds' : 'does not hold'}`;
}
