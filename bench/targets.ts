/**
 * The targets and whether a figure keeps them: the design document's (8.3), and those of verifying a package, of the
 * link and of daemonctl. Pure.
 * Nothing fails by it: it is told.
 */
interface Target {
  bound: 'below' | 'at most' | 'at least';
  limit: number;
  unit: string;
}

export const TARGETS = {
  idleCpu: { bound: 'below', limit: 1, unit: '%' },
  idleMemory: { bound: 'below', limit: 30, unit: 'MB' },
  collection: { bound: 'below', limit: 500, unit: 'ms' },
  report: { bound: 'below', limit: 200, unit: 'ms' },
  /** `daemonctl status`, from its start to its end. */
  ctl: { bound: 'below', limit: 150, unit: 'ms' },
  /** During a drain to at rest, of one run. */
  linkHeartbeat: { bound: 'at most', limit: 2, unit: 'x' },
  /** With all that keeps the daemon small to without it, p99s. */
  heartbeatFootprint: { bound: 'at most', limit: 1.5, unit: 'x' },
  verifyDelay: { bound: 'below', limit: 20, unit: 'ms' },
  /** Busy to idle, of one run. */
  verifyHeartbeat: { bound: 'at most', limit: 2, unit: 'x' },
  /** Speed to openssl's, of one run. */
  verifyHash: { bound: 'at least', limit: 0.95, unit: 'x' },
  verifySignature: { bound: 'at least', limit: 1, unit: 'x' },
  verifyMemory: { bound: 'below', limit: 20, unit: 'MB' },
} as const satisfies Record<string, Target>;

export interface Verdict {
  target: keyof typeof TARGETS;
  /** Which figure was held against it: `all four, cold thread, max`. */
  figure: string;
  /** In the target's unit. */
  measured: number;
  holds: boolean;
}

const SIGNS = { below: '<', 'at most': '≤', 'at least': '≥' } as const satisfies Record<Target['bound'], string>;

function keeps({ bound, limit }: Target, measured: number): boolean {
  if (bound === 'at least') return measured >= limit;
  return bound === 'at most' ? measured <= limit : measured < limit;
}

export function judge(target: keyof typeof TARGETS, figure: string, measured: number): Verdict {
  return { target, figure, measured, holds: keeps(TARGETS[target], measured) };
}

/** `< 30 MB: holds`. */
export function inWords({ target, holds }: Verdict): string {
  const { bound, limit, unit } = TARGETS[target];
  return `${SIGNS[bound]} ${limit} ${unit}: ${holds ? 'holds' : 'does not hold'}`;
}
