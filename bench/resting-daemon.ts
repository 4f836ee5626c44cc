/**
 * A daemon with three agents that has come to where it only does what it does each minute: registered, each collector
 * has reported, the agents run. Ends with the scope, with all that belongs to it.
 */
import type { Scope } from '../src/shared/lifecycle/scope.ts';
import { isAlive, readStat } from '../src/shared/platform/proc.ts';
import { within } from './bounded.ts';
import { COLLECTORS } from './collectors.ts';
import { sampleAgents } from './daemon-config.ts';
import { BenchHost, type RunningDaemon } from './host.ts';
import type { BenchContext } from './report.ts';
import { faultsOf, type Work, WorkTally } from './resting-work.ts';

const READY_MS = 30_000;

export interface RestingDaemon extends Pick<RunningDaemon, 'pid' | 'ended' | 'setIntervals'> {
  /**
   * Begins a window, in which it is to do its work with the agents that it has now. What is given ends the window and
   * gives what was done; throws an Error where that is not the work of a daemon at rest, or agents changed.
   * `intervalMs`: its intervals in the window, as below.
   */
  openWindow(windowMs: number, intervalMs: number | null): () => Work;
}

/** `intervalMs`: of heartbeats and collectors; null leaves the daemon its own. */
export async function startResting(
  scope: Scope,
  context: BenchContext,
  intervalMs: number | null,
): Promise<RestingDaemon> {
  const agents = sampleAgents(context.bundles, process.execPath);
  const host = await BenchHost.start(scope, context);
  const tally = new WorkTally();
  host.onLine((line) => tally.take(line));
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
  return { pid, ended, setIntervals, openWindow: (ms, every) => openWindow(tally, agents.length, ms, every) };
}

/** When each of these processes was started, in clock ticks; null for one that has gone. */
function startTicks(pids: readonly number[]): (number | null)[] {
  return pids.map((pid) => {
    const stat = readStat(pid);
    return isAlive(stat) ? stat.startTicks : null;
  });
}

/** `agents`: how many there are to be. The processes are looked at too: what is told of them may come later. */
export function openWindow(tally: WorkTally, agents: number, windowMs: number, intervalMs: number | null): () => Work {
  const running = tally.agents.filter(({ status }) => status === 'running');
  if (running.length !== agents) throw new Error(`${running.length} of ${agents} agents run as the window begins`);
  const pids = running.map(({ pid }) => pid);
  const before = startTicks(pids);
  tally.begin();
  return () => {
    const work = tally.end();
    const after = startTicks(pids);
    const gone = running.filter((_, at) => before[at] === null || after[at] !== before[at]);
    const faults = [
      ...faultsOf(work, windowMs, intervalMs),
      ...gone.map(({ agentId, pid }) => `${agentId}, pid ${pid}, did not live to the end of the window`),
    ];
    if (faults.length > 0) throw new Error(`the daemon was not at rest: ${faults.join('; ')}`);
    return work;
  };
}
