/**
 * Looks at all agents of a run side by side: one pass over the process table for all of them, then their endpoints at
 * once, so that a slow one delays nobody else's check. An agent whose process has gone is asked nothing.
 */
import { readFileSync } from 'node:fs';
import { cpus } from 'node:os';
import type { HealthFinding, HealthTarget, HttpFinding, HttpTarget } from '../../shared/contracts/health.ts';
import { monotonicMs } from '../collect/context.ts';
import { askEndpoint } from './http.ts';
import { lookAt, membersOf, type ProcessTable, readProcesses } from './process.ts';
import { measure, pageBytesOf } from './resources.ts';

export interface HealthContext {
  procRoot: string;
  /** Monotonic milliseconds with one origin for all threads of the process. */
  nowMs(): number;
  pageBytes: number;
  /** CPUs of the host. */
  cores: number;
  ask(target: HttpTarget): Promise<HttpFinding>;
}

export function hostContext(): HealthContext {
  let auxiliary = Buffer.alloc(0);
  try {
    auxiliary = readFileSync('/proc/self/auxv');
  } catch {
    // a system without it: pages have their usual size
  }
  return {
    procRoot: '/proc',
    nowMs: monotonicMs,
    pageBytes: pageBytesOf(auxiliary),
    cores: Math.max(1, cpus().length),
    ask: askEndpoint,
  };
}

function tableFor(targets: readonly HealthTarget[], procRoot: string): ProcessTable {
  const pids = new Set(targets.map(({ pid }) => pid));
  try {
    return readProcesses(pids, procRoot);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    return { byPid: new Map(), byGroup: new Map(), unread: new Map([...pids].map((pid) => [pid, why])) };
  }
}

async function checkOne(
  target: HealthTarget,
  table: ProcessTable,
  atMs: number,
  context: HealthContext,
): Promise<HealthFinding> {
  const { id, pid, startTicks, previous, http } = target;
  const process = lookAt(target, table);
  const measured = process.alive ? measure(membersOf(target, table), previous, { ...context, atMs }) : null;
  return {
    id,
    pid,
    startTicks,
    process,
    usage: measured?.usage ?? null,
    // what could not be looked at this time is compared with the same counters the next time
    counters: measured?.counters ?? (process.alive === null ? previous : null),
    http: http && process.alive !== false ? await context.ask(http) : null,
  };
}

/** One finding a target, in order. Never rejects. */
export function checkHealth(targets: HealthTarget[], context: HealthContext = hostContext()): Promise<HealthFinding[]> {
  const atMs = context.nowMs();
  const table = tableFor(targets, context.procRoot);
  return Promise.all(targets.map((target) => checkOne(target, table, atMs, context)));
}
