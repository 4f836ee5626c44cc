/** What every collector is given and gives back. A collector remembers nothing: its state goes out and comes in again. */
import type { CollectTask } from '../../shared/contracts/jobs.ts';
import type { MetricValues } from '../../shared/contracts/metrics.ts';
import type { DaemonError } from '../../shared/errors/daemon-error.ts';

export interface CollectContext {
  procRoot: string;
  sysRoot: string;
  /** Monotonic milliseconds with one origin for all threads of the process. */
  nowMs(): number;
  /** Unix milliseconds. */
  wallMs(): number;
  /** Asked for mounts that may hang: a `stat` that knows -f and -c. */
  statProgram: string;
  /** How long the mounts that may hang have to answer, all together. */
  answerMs: number;
}

export interface Collected {
  /** Null where only the starting counters were taken. */
  values: MetricValues | null;
  state: unknown;
  /** Part of it failed (one mount, one interface); the values hold the rest. */
  problem: DaemonError | null;
}

export type Collector = (task: CollectTask, context: CollectContext) => Collected | Promise<Collected>;

/**
 * process.hrtime is CLOCK_MONOTONIC in every thread. performance.timeOrigin is not used: each thread takes its own
 * from the wall clock, so a clock that was set between two runs would spoil the interval.
 */
export function monotonicMs(): number {
  return Number(process.hrtime.bigint() / 1000n) / 1000;
}

export function hostContext(): CollectContext {
  return {
    procRoot: '/proc',
    sysRoot: '/sys',
    nowMs: monotonicMs,
    wallMs: Date.now,
    statProgram: 'stat',
    answerMs: 2000,
  };
}

/** The fields of a state, where it is one of `kind`, written by this version; null where it is anything else. */
export function stateFields(state: unknown, kind: string): Record<string, unknown> | null {
  if (typeof state !== 'object' || state === null) return null;
  const fields: Record<string, unknown> = { ...state };
  return fields['kind'] === kind && typeof fields['atMs'] === 'number' ? fields : null;
}

/** Whether a value is an object whose every value passes. */
export function isRecordOf<T>(value: unknown, passes: (entry: unknown) => entry is T): value is Record<string, T> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && Object.values(value).every(passes);
}
