/**
 * Whether an agent's new version has proven itself: one process throughout, and every check that passed before passes
 * again, without a break for long enough. Pure. What was ill before the update is not held against the new version.
 */
import type { CheckName, CheckResult } from '../../shared/contracts/health.ts';

export interface GateLimits {
  /** How long it must be well without a break. */
  verifyMs: number;
  /** How long it may take until it has been. */
  verifyTimeoutMs: number;
  /** Whether it ran before; one that did not need not run now. */
  ran: boolean;
  /** Checks that did not pass before. */
  ill: readonly CheckName[];
  /** Checks that passed before: a heartbeat among them must come again. */
  well: readonly CheckName[];
}

export interface GateFacts {
  /** Monotonic milliseconds. */
  nowMs: number;
  status: string;
  /** Why it is in that status; may be empty. */
  reason: string;
  /** 0: no process. */
  pid: number;
  /** Of this very process; empty where it could not be looked at. */
  checks: readonly Pick<CheckResult, 'check' | 'state' | 'reason'>[];
}

export interface GateMemory {
  /** Monotonic milliseconds. */
  sinceMs: number;
  /** The process that is to prove itself; 0 before it was seen. */
  pid: number;
  /** Since when it has been well; null while it is not. */
  goodSinceMs: number | null;
  /** What is missing. */
  missing: string;
}

export type GateVerdict =
  | { kind: 'wait'; memory: GateMemory }
  | { kind: 'proven' }
  | { kind: 'failed'; reason: string };

export function openGate(nowMs: number): GateMemory {
  return { sinceMs: nowMs, pid: 0, goodSinceMs: null, missing: 'it has not been seen running yet' };
}

/** Its start counts only once every check passes: where one failed before the update already, that never comes. */
function isHeldBack({ status, checks }: GateFacts, ill: readonly CheckName[]): boolean {
  return status === 'starting' && checks.some(({ check, state }) => state === 'failing' && ill.includes(check));
}

/** What keeps it from counting as well now; empty when nothing does. */
function missingOf(facts: GateFacts, { ill, well }: GateLimits): string {
  if (facts.status !== 'running' && !isHeldBack(facts, ill))
    return `it is ${facts.status}${facts.reason ? `: ${facts.reason}` : ''}`;
  if (facts.checks.length === 0) return 'it has not been checked yet';
  for (const { check, state, reason } of facts.checks) {
    if (ill.includes(check) || state === 'ok') continue;
    if (state === 'off' && !(check === 'heartbeat' && well.includes(check))) continue;
    // a figure needs two looks; a heartbeat that has not come yet is missing
    if (state === 'unknown' && check !== 'heartbeat') continue;
    return `its ${check} check ${state === 'failing' ? 'fails' : 'has not passed'}${reason ? `: ${reason}` : ''}`;
  }
  return '';
}

export function judgeAgent(memory: GateMemory, facts: GateFacts, limits: GateLimits): GateVerdict {
  const { nowMs, pid } = facts;
  if (memory.pid !== 0 && pid !== memory.pid && limits.ran) {
    const why = facts.reason ? `: ${facts.reason}` : '';
    return { kind: 'failed', reason: `its process ${memory.pid} did not stay${why}` };
  }
  const missing = limits.ran ? missingOf(facts, limits) : '';
  const goodSinceMs = missing === '' ? (memory.goodSinceMs ?? nowMs) : null;
  if (goodSinceMs !== null && nowMs - goodSinceMs >= limits.verifyMs) return { kind: 'proven' };
  if (nowMs - memory.sinceMs >= limits.verifyTimeoutMs) {
    const why = missing || memory.missing || 'it was never well for long enough';
    return { kind: 'failed', reason: `it did not prove itself within ${limits.verifyTimeoutMs / 1000} s: ${why}` };
  }
  return {
    kind: 'wait',
    memory: { ...memory, pid: memory.pid || pid, goodSinceMs, missing: missing || memory.missing },
  };
}
