/**
 * Whether and when an agent whose process ended is started again. Pure. The waits are the design document's
 * staircase (3.3.1): 0, base, base, 3×base, 3×base, then the longest; five quiet minutes begin it anew.
 */
import type { AgentExit } from '../../shared/contracts/agent.ts';

export interface RestartLimits {
  policy: 'always' | 'on-failure' | 'never';
  maxRetries: number;
  backoffBaseMs: number;
  backoffMaxMs: number;
  /** Exit codes that end an agent for good at once, whatever the policy. */
  noRestartExitCodes: readonly number[];
}

export type RestartDecision =
  | { kind: 'restart'; delayMs: number; attempt: number }
  /** The policy, or the exit code, wants no restart; `failed` says whether the end was a failure. */
  | { kind: 'leave'; failed: boolean }
  /** Restarted too often: failed until somebody says otherwise. */
  | { kind: 'give-up' };

const QUIET_MS = 5 * 60_000;
/** Waits are lengthened by up to this share, so that agents that died together do not start together. */
const JITTER = 0.1;

/** Wait before restart number `attempt` (from 0) of a series, without jitter. */
export function staircaseMs(attempt: number, baseMs: number, maxMs: number): number {
  if (attempt < 1) return 0;
  if (attempt < 3) return Math.min(baseMs, maxMs);
  if (attempt < 5) return Math.min(3 * baseMs, maxMs);
  return maxMs;
}

/** How long an agent must have run for its earlier restarts to be forgotten: always longer than any wait. */
export function quietMs(backoffMaxMs: number): number {
  return Math.max(QUIET_MS, 2 * backoffMaxMs);
}

export function isFailure(exit: Pick<AgentExit, 'code'>): boolean {
  return exit.code !== 0;
}

/**
 * `attempts`: restarts since the last quiet time. `uptimeMs`: how long the process that ended had run. An end that
 * nobody saw (code and signal unknown) counts as a failure.
 */
export function decideRestart(
  exit: Pick<AgentExit, 'code'>,
  attempts: number,
  uptimeMs: number,
  limits: RestartLimits,
  random: () => number,
): RestartDecision {
  const failed = isFailure(exit);
  if (exit.code !== null && limits.noRestartExitCodes.includes(exit.code)) return { kind: 'leave', failed };
  if (limits.policy === 'never') return { kind: 'leave', failed };
  if (limits.policy === 'on-failure' && !failed) return { kind: 'leave', failed: false };
  const attempt = uptimeMs > quietMs(limits.backoffMaxMs) ? 0 : attempts;
  if (attempt >= limits.maxRetries) return { kind: 'give-up' };
  const delayMs = staircaseMs(attempt, limits.backoffBaseMs, limits.backoffMaxMs) * (1 + JITTER * random());
  return { kind: 'restart', delayMs, attempt: attempt + 1 };
}
