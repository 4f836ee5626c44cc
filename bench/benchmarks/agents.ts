/**
 * How the built daemon grows with the number of its agents: memory, CPU and the time of a health round, with a new
 * daemon for each number. The agents are real processes that do nothing and send no heartbeats, so that what is seen
 * is the daemon's own part.
 */
import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { within, withScope } from '../bounded.ts';
import { type BenchAgent, logFile } from '../daemon-config.ts';
import { BenchHost } from '../host.ts';
import type { BenchContext, BenchReport } from '../report.ts';
import type { Settings } from '../settings.ts';
import { watch } from '../watch.ts';
import { type AgentsFigures, agentsFigures, agentsTable, growthOf } from './agents-figures.ts';
import { parseLog } from './link-log.ts';

/** Starting 200 processes on a slow machine included. */
const READY_MS = 60_000;
/** Longer than any window: it ends with the benchmark. */
const SLEEP_SECONDS = 24 * 60 * 60;

function sleepingAgents(count: number): BenchAgent[] {
  return Array.from({ length: count }, (_, at) => ({
    id: `agent-${at + 1}`,
    // the shell gives way to it: one process each, and the daemon's own
    command: ['/bin/sh', '-c', `exec sleep ${SLEEP_SECONDS}`],
    sendsHeartbeats: false,
  }));
}

/** Rejects when an agent had to be started again: the figures would be those of that work. */
async function restart(host: BenchHost): Promise<never> {
  const { states } = await host.event('states', (event) => event.states.some(({ restartCount }) => restartCount > 0));
  const again = states.find(({ restartCount }) => restartCount > 0);
  throw new Error(`${again?.agentId} was started again: ${again?.reason || 'no reason was given'}`);
}

function measure(context: BenchContext, count: number): Promise<AgentsFigures> {
  const { settings, signal } = context;
  const { intervalMs, warmUpMs, windowMs } = settings.agents;
  return withScope(async (scope) => {
    const host = await BenchHost.start(scope, context);
    const ready = Promise.all([
      host.event('registered', ({ accepted }) => accepted),
      host.event('states', ({ states }) => states.filter((s) => s.status === 'running').length === count),
    ]);
    const folder = await host.makeFolder();
    const keys = { daemon: { log_level: 'debug' } };
    const daemon = await host.startDaemon(sleepingAgents(count), intervalMs, { folder, keys });
    const spoiled = Promise.race([daemon.ended, restart(host)]);
    const what = `the registration and ${count} agents to run`;
    await within(Promise.race([ready, spoiled]), { what, timeoutMs: READY_MS, signal });
    await Promise.race([sleep(warmUpMs, undefined, { signal }), spoiled]);
    const [watched] = await Promise.race([watch([{ pids: [daemon.pid] }], { windowMs, signal }), spoiled]);
    if (!watched) throw new Error('the daemon was to be watched');
    await daemon.stop();
    return agentsFigures(count, watched, parseLog(await readFile(logFile(folder), 'utf8')));
  });
}

function notes({ intervalMs, warmUpMs, windowMs }: Settings['agents']): string[] {
  const intervals =
    intervalMs === null
      ? 'all intervals as shipped'
      : `SHORTENED for --quick: heartbeats and collectors each ${intervalMs / 1000} s`;
  return [
    `A new daemon for each number, ${intervals}; a window of ${windowMs / 1000} s, from ${warmUpMs / 1000} s after all agents ran on.`,
    'RSS and anonymous memory in MB of 10^6 bytes, medians of a sample each 100 ms; CPU of one core over the window.',
    'The agents are `sleep`, without heartbeats; their own memory and CPU are not counted.',
    'Health rounds over all agents, each 30 s as shipped, from the daemon’s debug log, those before the window too. A ' +
      'thread is started for each; one that falls together with a collection shares that one’s, and is quicker.',
    'Each more, with none: the straight line through all rows, least squares, of the medians.',
  ];
}

export async function agents(context: BenchContext): Promise<BenchReport> {
  const measured: AgentsFigures[] = [];
  for (const count of context.settings.agents.counts) {
    context.signal.throwIfAborted();
    measured.push(await measure(context, count));
  }
  const growth = growthOf(measured);
  return {
    name: 'agents',
    title: 'the daemon with many agents',
    table: agentsTable(measured, growth),
    notes: notes(context.settings.agents),
    verdicts: [],
    figures: { runs: measured, growth },
  };
}
