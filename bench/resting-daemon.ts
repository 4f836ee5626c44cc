/**
 * A daemon with three agents that has come to where it only does what it does each minute: registered, each collector
 * has reported, the agents run. Ends with the scope, with all that belongs to it.
 */
import type { HeartbeatEvent } from '../src/shared/contracts/manager-events.ts';
import type { Scope } from '../src/shared/lifecycle/scope.ts';
import { within } from './bounded.ts';
import { sampleAgents } from './daemon-config.ts';
import { BenchHost, type RunningDaemon } from './host.ts';
import type { BenchContext } from './report.ts';

const READY_MS = 30_000;
const COLLECTORS = ['cpu', 'memory', 'disk', 'network'];
/** As shipped. */
const INTERVAL_MS = 60_000;
const HEARTBEAT = '{"event":"heartbeat"';

export interface RestingDaemon extends Pick<RunningDaemon, 'pid' | 'ended' | 'setIntervals'> {
  /** Heartbeats that the Manager has accepted so far. */
  heartbeats(): number;
}

/** `intervalMs`: of heartbeats and collectors; null leaves the daemon its own. */
export async function startResting(
  scope: Scope,
  context: BenchContext,
  intervalMs: number | null,
): Promise<RestingDaemon> {
  const agents = sampleAgents(context.bundles, process.execPath);
  const host = await BenchHost.start(scope, context);
  let heartbeats = 0;
  host.onLine((line) => {
    if (line.startsWith(HEARTBEAT) && (JSON.parse(line) as HeartbeatEvent).accepted) heartbeats++;
  });
  const reported = new Set<string>();
  const ready = Promise.all([
    host.event('registered', ({ accepted }) => accepted),
    host.event('report', ({ metrics }) => {
      for (const { type } of metrics) reported.add(type);
      return COLLECTORS.every((name) => reported.has(name));
    }),
    host.event('states', ({ states }) => states.filter((s) => s.status === 'running').length === agents.length),
  ]);
  const daemon = await host.startDaemon(agents, intervalMs);
  await within(Promise.race([ready, daemon.ended]), {
    what: 'the registration, a report of each collector and the agents to run',
    timeoutMs: READY_MS,
    signal: context.signal,
  });
  const { pid, ended, setIntervals } = daemon;
  return { pid, ended, setIntervals, heartbeats: () => heartbeats };
}

/**
 * Throws an Error where fewer heartbeats were answered in a window than fall into it: a daemon that does not do its
 * work is no daemon at rest, however small. So where there were more than twice as many: it has other intervals.
 */
export function requireHeartbeats(answered: number, windowMs: number, intervalMs: number | null): void {
  const due = Math.floor(windowMs / (intervalMs ?? INTERVAL_MS));
  const answers = `${answered} heartbeats were answered in ${windowMs / 1000} s`;
  if (answered < due - 1) throw new Error(`${answers}, at least ${due - 1} were to be`);
  if (answered > 2 * due) throw new Error(`${answers}, at most ${2 * due} were to be`);
}
