/** The network collector: counters of every interface since boot, and what they come to since the last run. */
import type { CollectTask } from '../../shared/contracts/jobs.ts';
import type { MetricRow, MetricValues } from '../../shared/contracts/metrics.ts';
import { DaemonError } from '../../shared/errors/daemon-error.ts';
import { type CollectContext, type Collected, isRecordOf, stateFields } from './context.ts';
import { counterDelta, parseCount } from './counters.ts';
import { readOptional, readRequired } from './read.ts';

/** Column of /proc/net/dev by our name (proc_net(5)): eight received, then eight sent. */
const COLUMNS = {
  bytes_recv: 0,
  packets_recv: 1,
  errin: 2,
  dropin: 3,
  bytes_sent: 8,
  packets_sent: 9,
  errout: 10,
  dropout: 11,
} as const;
export type InterfaceCounter = keyof typeof COLUMNS;
const COUNTERS = Object.keys(COLUMNS) as InterfaceCounter[];

export interface InterfaceCounters {
  /** Null where /sys does not say. An interface that is made anew gets another. */
  index: string | null;
  /** Since boot. Not every system has them all. */
  counts: Partial<Record<InterfaceCounter, bigint>>;
}

interface NetworkState {
  kind: 'network/1';
  atMs: number;
  interfaces: Record<string, InterfaceCounters>;
}

function isInterface(value: unknown): value is InterfaceCounters {
  if (typeof value !== 'object' || value === null) return false;
  const { index, counts } = value as Partial<InterfaceCounters>;
  const known = index === null || typeof index === 'string';
  return known && !!counts && Object.values(counts).every((count) => typeof count === 'bigint');
}

function networkState(state: unknown): NetworkState | null {
  const fields = stateFields(state, 'network/1');
  if (!fields || !isRecordOf(fields['interfaces'], isInterface)) return null;
  return { kind: 'network/1', atMs: Number(fields['atMs']), interfaces: fields['interfaces'] };
}

/** By interface. Lines that do not hold all the counters (the heading, a torn end) are left out. */
export function parseNetDev(text: string): Map<string, InterfaceCounters['counts']> {
  const interfaces = new Map<string, InterfaceCounters['counts']>();
  for (const line of text.split('\n')) {
    const colon = line.lastIndexOf(':'); // an alias has one in its name (eth0:1)
    if (colon < 0) continue;
    const columns = line
      .slice(colon + 1)
      .trim()
      .split(/\s+/);
    const counts = COUNTERS.map((name) => [name, parseCount(columns[COLUMNS[name]])] as const);
    if (counts.every(([, count]) => count !== null)) {
      interfaces.set(line.slice(0, colon).trim(), Object.fromEntries(counts) as InterfaceCounters['counts']);
    }
  }
  return interfaces;
}

/**
 * Counters since boot and, where the interface was there before and time has passed, the difference as rates and as
 * `rx_bytes` and `tx_bytes`. An interface made anew under its old name (another index) counted from zero.
 */
export function interfaceValues(
  now: InterfaceCounters,
  before: InterfaceCounters | undefined,
  intervalMs: number,
): Record<string, number> {
  const values: Record<string, number> = {};
  const anew = before?.index != null && now.index !== null && before.index !== now.index;
  for (const name of COUNTERS) {
    const count = now.counts[name];
    if (count === undefined) continue;
    values[name] = Number(count);
    const earlier = before?.counts[name];
    if (earlier === undefined || !(intervalMs > 0)) continue;
    const delta = Number(anew ? count : counterDelta(earlier, count));
    values[`${name}_per_second`] = delta / (intervalMs / 1000);
    if (name === 'bytes_recv') values['rx_bytes'] = delta;
    if (name === 'bytes_sent') values['tx_bytes'] = delta;
  }
  return values;
}

/** The sample and the next state, from the interfaces that were chosen. `missing`: named ones that are not there. */
export function networkOutcome(
  interfaces: NetworkState['interfaces'],
  missing: string[],
  atMs: number,
  incoming: unknown,
): Collected {
  const state: NetworkState = { kind: 'network/1', atMs, interfaces };
  const previous = networkState(incoming);
  if (!previous) return { values: null, state, problem: null };
  const intervalMs = atMs - previous.atMs;
  const rows = Object.entries(interfaces).map(
    ([name, now]): MetricRow => ({ interface: name, ...interfaceValues(now, previous.interfaces[name], intervalMs) }),
  );
  const values: MetricValues = { interfaces: rows };
  if (intervalMs > 0) values['interval_seconds'] = intervalMs / 1000;
  const problem =
    missing.length > 0
      ? new DaemonError('D5001', `no such interface: ${missing.join(', ')}`, { retryable: true })
      : null;
  return { values, state, problem };
}

/** Whether an interface is to be reported: the named ones, or all but loopback. */
export function isWanted(name: string, named: string[]): boolean {
  return named.length > 0 ? named.includes(name) : name !== 'lo';
}

/** @throws DaemonError D5001 where /proc/net/dev cannot be had. */
export function collectNetwork(task: CollectTask, context: CollectContext): Collected {
  const parsed = parseNetDev(readRequired(`${context.procRoot}/net/dev`));
  const atMs = context.nowMs();
  const named = task.interfaces ?? [];
  const interfaces: NetworkState['interfaces'] = {};
  for (const [name, counts] of parsed) {
    if (!isWanted(name, named)) continue;
    const index = readOptional(`${context.sysRoot}/class/net/${name}/ifindex`, 64)?.trim() ?? null;
    interfaces[name] = { index, counts };
  }
  const missing = named.filter((name) => !parsed.has(name));
  return networkOutcome(interfaces, missing, atMs, task.state);
}
