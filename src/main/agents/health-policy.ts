/**
 * What a finding about an agent means: healthy or to be replaced, which alerts, what to show. Pure. Rules go by the
 * monotonic clock, so that a clock that is set changes nothing; the wall clock is only shown. Time that nobody
 * watched (a suspended host) counts against no agent, and a new process begins with a clean slate.
 */
import {
  CHECKS,
  type CheckName,
  type CheckResult,
  type HealthFinding,
  type ResourceAlert,
} from '../../shared/contracts/health.ts';
import {
  alertOf,
  clearAlerts,
  type Figure,
  figuresOf,
  NEVER_OVER,
  overText,
  type ResourceLimits,
  type ThresholdMemory,
} from './resource-thresholds.ts';

/** `health_check` of the configuration. */
export interface HealthLimits extends ResourceLimits {
  intervalMs: number;
  /** 0: heartbeats are not looked at. */
  heartbeatTimeoutMs: number;
  /** Failures in a row of heartbeat or HTTP that are too many; 0: what fits the check. */
  failures: number;
}

export interface HealthFacts {
  /** Monotonic milliseconds. */
  nowMs: number;
  /** Unix milliseconds, for showing. */
  wallMs: number;
  /** Monotonic milliseconds at which this daemon started the process or adopted it: it hears of no earlier heartbeat. */
  startedMs: number;
  /** Monotonic milliseconds at which the last heartbeat of this process arrived; null: none came. */
  lastHeartbeatMs: number | null;
  /** Whether its type sends heartbeats by nature, so that one that never came is missing. */
  heartbeatsExpected: boolean;
  limits: HealthLimits;
}

/** What one check must know of the last. Plain data. */
export interface HealthMemory {
  pid: number;
  startTicks: number;
  /** Monotonic milliseconds. */
  checkedMs: number;
  /** Monotonic milliseconds before which no silence counts. */
  listeningSinceMs: number;
  thresholds: ThresholdMemory;
  results: CheckResult[];
}

export type HealthVerdict =
  | { kind: 'healthy' }
  | { kind: 'unhealthy'; check: CheckName; reason: string; code: 'D3003' };

export interface Assessment {
  memory: HealthMemory;
  /** One for each of CHECKS, in that order. */
  results: CheckResult[];
  verdict: HealthVerdict;
  alerts: ResourceAlert[];
}

/** Where `failures` is 0. */
const DEFAULT_FAILURES = { heartbeat: 1, http: 3 } as const;
/** Two checks further apart than two intervals and this (an endpoint that is slow to answer): a gap. */
const GAP_SLACK_MS = 10_000;

/** What a check found this time; `enough`: however often it failed before. */
type Outcome = Pick<CheckResult, 'state' | 'reason'> & { enough?: boolean };

const seconds = (ms: number): string => `${Math.round(ms / 1000)} s`;

function checkProcess({ process: { alive, reason } }: HealthFinding): Outcome {
  if (alive === null) return { state: 'unknown', reason };
  return alive ? { state: 'ok', reason } : { state: 'failing', reason, enough: true };
}

function checkHeartbeat(facts: HealthFacts, listeningSinceMs: number): Outcome {
  const { nowMs, startedMs, lastHeartbeatMs, heartbeatsExpected, limits } = facts;
  if (limits.heartbeatTimeoutMs <= 0) return { state: 'off', reason: '' };
  const last = lastHeartbeatMs !== null && lastHeartbeatMs >= startedMs ? lastHeartbeatMs : null;
  if (last === null && !heartbeatsExpected) return { state: 'off', reason: 'agents of its type need not send any' };
  const silentMs = nowMs - Math.max(last ?? startedMs, listeningSinceMs);
  if (silentMs > limits.heartbeatTimeoutMs) {
    const since =
      last === null ? `in the ${seconds(nowMs - startedMs)} since its start` : `for ${seconds(nowMs - last)}`;
    return { state: 'failing', reason: `no heartbeat ${since}` };
  }
  return last === null ? { state: 'unknown', reason: 'no heartbeat yet' } : { state: 'ok', reason: '' };
}

function checkResources(figures: readonly Figure[], { limits }: HealthFacts): Outcome {
  const watched = figures.filter(({ threshold }) => threshold > 0);
  if (watched.length === 0) return { state: 'off', reason: '' };
  if (watched.every(({ value }) => value === null)) return { state: 'unknown', reason: 'not measured yet' };
  const over = watched.filter(({ overMs }) => overMs !== null);
  if (over.length === 0) return { state: 'ok', reason: '' };
  const enough = over.some(({ overMs }) => (overMs ?? 0) >= limits.thresholdDurationMs);
  return { state: 'failing', reason: over.map(overText).join('; '), enough };
}

function checkHttp({ http }: HealthFinding): Outcome {
  if (!http) return { state: 'off', reason: '' };
  return { state: http.ok ? 'ok' : 'failing', reason: http.reason };
}

/** Whether it is the memory of the process that was found. */
function isSame(memory: HealthMemory | null, { pid, startTicks }: HealthFinding): memory is HealthMemory {
  return memory?.pid === pid && memory.startTicks === startTicks;
}

/** Every series begun anew: what was seen before a gap says nothing of the time in it. */
function afterGap(memory: HealthMemory, nowMs: number): HealthMemory {
  const { cpu, memory: rss } = memory.thresholds;
  return {
    ...memory,
    listeningSinceMs: nowMs,
    thresholds: { cpu: { ...cpu, overSinceMs: null }, memory: { ...rss, overSinceMs: null } },
    results: memory.results.map((result) => ({ ...result, failures: 0 })),
  };
}

function remembered(previous: HealthMemory | null, finding: HealthFinding, facts: HealthFacts): HealthMemory {
  const { nowMs, startedMs, limits } = facts;
  if (!isSame(previous, finding)) {
    const { pid, startTicks } = finding;
    return { pid, startTicks, checkedMs: nowMs, listeningSinceMs: startedMs, thresholds: NEVER_OVER, results: [] };
  }
  return nowMs - previous.checkedMs > 2 * limits.intervalMs + GAP_SLACK_MS ? afterGap(previous, nowMs) : previous;
}

function isEnough(outcome: Outcome, { check, failures }: CheckResult, limits: HealthLimits): boolean {
  if (check === 'heartbeat' || check === 'http') return failures >= (limits.failures || DEFAULT_FAILURES[check]);
  return outcome.enough ?? false;
}

function unhealthy({ check, reason, failures }: CheckResult): HealthVerdict {
  const often = check === 'http' && failures > 1 ? `, ${failures} times in a row` : '';
  return { kind: 'unhealthy', check, reason: `${check} check failed: ${reason}${often}`, code: 'D3003' };
}

/** `previous`: the memory of the last assessment of this agent, whatever its process; null: there was none. */
export function assess(previous: HealthMemory | null, finding: HealthFinding, facts: HealthFacts): Assessment {
  const { nowMs, wallMs, limits } = facts;
  const before = remembered(previous, finding, facts);
  const gone = finding.process.alive === false;
  const { cpu, memory: rss } = figuresOf(before.thresholds, finding.usage, limits, nowMs);
  const unlessGone = (check: () => Outcome): Outcome =>
    gone ? { state: 'unknown', reason: 'the process has gone' } : check();
  const outcomes: Record<CheckName, Outcome> = {
    process: checkProcess(finding),
    heartbeat: unlessGone(() => checkHeartbeat(facts, before.listeningSinceMs)),
    resources: unlessGone(() => checkResources([cpu, rss], facts)),
    http: unlessGone(() => checkHttp(finding)),
  };
  const results = CHECKS.map((check): CheckResult => {
    const { state, reason } = outcomes[check];
    const last = before.results.find((result) => result.check === check);
    const failures = state === 'failing' ? (last?.failures ?? 0) + 1 : 0;
    return { check, state, reason, sinceMs: last?.state === state ? last.sinceMs : wallMs, failures };
  });
  const ill = results.find((result) => isEnough(outcomes[result.check], result, limits));
  const over = gone || !isSame(previous, finding);
  const thresholds = gone ? NEVER_OVER : { cpu: cpu.memory, memory: rss.memory };
  return {
    memory: { ...before, checkedMs: nowMs, thresholds, results },
    results,
    verdict: ill ? unhealthy(ill) : { kind: 'healthy' },
    alerts: [
      ...(over ? alertsToClear(previous, finding.id, limits, wallMs) : []),
      ...(gone ? [] : [cpu, rss].flatMap((figure) => alertOf(figure, finding.id, wallMs))),
    ],
  };
}

/** Alerts to take back where an agent is stopped or removed, so that no further assessment comes. */
export function alertsToClear(
  memory: HealthMemory | null,
  agentId: string,
  limits: HealthLimits,
  wallMs: number,
): ResourceAlert[] {
  return memory ? clearAlerts(memory.thresholds, agentId, limits, wallMs) : [];
}

/** Whether an agent that is starting may count as started: stricter than healthy, which bears a few failures. */
export function everyCheckPasses(results: readonly CheckResult[]): boolean {
  return results.every(({ check, state }) => state !== 'failing' && (check !== 'process' || state === 'ok'));
}
