/** Collections of this host's four collectors, one after another: how long they take, and what they give a report. */
import { setTimeout as sleep } from 'node:timers/promises';
import { toWireMetric } from '../src/main/link/wire-values.ts';
import type { CollectOutcome, CollectTask } from '../src/shared/contracts/jobs.ts';
import { fromWire } from '../src/shared/errors/wire.ts';
import type { MetricData } from '../src/shared/gen/manager.ts';
import { COLLECTORS } from './collectors.ts';

/** Time between starting counters and figures, as in the daemon. */
const PRIME_MS = 1000;

export type Collect = (tasks: CollectTask[]) => Promise<CollectOutcome[]>;

export interface Collected {
  /** From the call to its answer. */
  tookMs: number;
  outcomes: CollectOutcome[];
}

/** One run. `states` has each collector's counters of the run before, and gets those for the next one. */
export async function collected(
  names: readonly string[],
  states: Map<string, unknown>,
  collect: Collect,
): Promise<Collected> {
  const tasks = names.map((name) => ({ name, state: states.get(name) ?? null }));
  const startedMs = performance.now();
  const outcomes = await collect(tasks);
  const tookMs = performance.now() - startedMs;
  for (const { name, state, sample, error } of outcomes) {
    if (error && !sample) throw new Error(`collector ${name} failed`, { cause: fromWire(error) });
    states.set(name, state);
  }
  return { tookMs, outcomes };
}

/** What the four collectors of this host give, as it goes to the Manager. */
export async function fullReport(signal: AbortSignal, collect: Collect): Promise<MetricData[]> {
  const states = new Map<string, unknown>();
  await collected(COLLECTORS, states, collect);
  await sleep(PRIME_MS, undefined, { signal });
  const { outcomes } = await collected(COLLECTORS, states, collect);
  const metrics = outcomes.flatMap(({ sample }) => (sample ? (toWireMetric(sample) ?? []) : []));
  if (metrics.length !== COLLECTORS.length) {
    throw new Error(
      `a full report has ${COLLECTORS.join(', ')}; this one ${metrics.map(({ type }) => type).join(', ')}`,
    );
  }
  return metrics;
}
