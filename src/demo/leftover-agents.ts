/**
 * Agents outlive their daemon by design, so the demo ends them itself. A process counts as one of its agents when its
 * environment says so (the daemon's mark and the demo's own folder), or when it has the pid and the start time that
 * the Manager was told. Nothing else is ever signalled.
 */
import { readdirSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ReportedState } from '../shared/contracts/manager-events.ts';
import { isAlive, readProcFile, readStat } from '../shared/platform/proc.ts';

/** What the daemon puts into each agent's environment. */
const MARK = 'DAEMON_AGENT_ID=';
const MAX_ENVIRON_BYTES = 256 * 1024;
const MAX_STAT_BYTES = 1024 * 1024;
const TICKS_PER_SECOND = 100;
/** The daemon tells whole seconds, and the kernel's boot time is rounded too. */
const START_TOLERANCE_SECONDS = 2;
const TERM_MS = 5000;
const KILL_MS = 5000;
const POLL_MS = 50;

/** A pid alone is not trusted: it may be another process by the time it is signalled. */
export interface ProcessIdentity {
  pid: number;
  startTicks: number;
}

function carriesMark(pid: number, folder: string, procRoot: string): boolean {
  const environment = readProcFile(`${procRoot}/${pid}/environ`, MAX_ENVIRON_BYTES)?.split('\0') ?? [];
  return environment.some((v) => v.startsWith(MARK)) && environment.some((v) => v.includes(folder));
}

function startedAtSeconds(startTicks: number, procRoot: string): number {
  const bootSeconds = /^btime (\d+)$/m.exec(readProcFile(`${procRoot}/stat`, MAX_STAT_BYTES) ?? '')?.[1];
  return Number(bootSeconds) + startTicks / TICKS_PER_SECOND;
}

export function findAgents(folder: string, states: readonly ReportedState[], procRoot = '/proc'): ProcessIdentity[] {
  const told = new Map(states.filter(({ pid }) => pid > 0).map(({ pid, startTime }) => [pid, startTime]));
  return readdirSync(procRoot)
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => {
      const stat = readStat(Number(name), procRoot);
      if (!isAlive(stat)) return [];
      const startTime = told.get(stat.pid);
      const isTold =
        startTime !== undefined &&
        Math.abs(startedAtSeconds(stat.startTicks, procRoot) - startTime) <= START_TOLERANCE_SECONDS;
      return isTold || carriesMark(stat.pid, folder, procRoot) ? [{ pid: stat.pid, startTicks: stat.startTicks }] : [];
    });
}

/** Signals the group of a process that leads one, else the process alone. */
function signal({ pid, startTicks }: ProcessIdentity, name: NodeJS.Signals): void {
  const stat = readStat(pid);
  if (!isAlive(stat) || stat.startTicks !== startTicks) return;
  try {
    process.kill(stat.groupId === pid ? -pid : pid, name);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error; // it went just now
  }
}

function left(identities: readonly ProcessIdentity[]): ProcessIdentity[] {
  return identities.filter(({ pid, startTicks }) => {
    const stat = readStat(pid);
    return isAlive(stat) && stat.startTicks === startTicks;
  });
}

async function goneWithin(identities: readonly ProcessIdentity[], ms: number): Promise<boolean> {
  const until = performance.now() + ms;
  while (left(identities).length > 0) {
    if (performance.now() >= until) return false;
    await sleep(POLL_MS);
  }
  return true;
}

/**
 * Ends every agent: SIGTERM, then SIGKILL to what is left after 5 s, what the agents started included. To be called
 * once the daemon has ended, or it would start them again. Throws an Error with the pids that would not go.
 */
export async function endAgents(folder: string, states: readonly ReportedState[], termMs = TERM_MS): Promise<number> {
  const agents = findAgents(folder, states);
  for (const agent of agents) {
    signal(agent, 'SIGTERM');
    signal(agent, 'SIGCONT'); // a stopped process acts on SIGTERM only once it goes on
  }
  await goneWithin(agents, termMs);
  const stubborn = [...left(agents), ...findAgents(folder, [])];
  for (const agent of stubborn) signal(agent, 'SIGKILL');
  if (!(await goneWithin(stubborn, KILL_MS))) {
    throw new Error(
      `agents do not end: pid ${left(stubborn)
        .map(({ pid }) => pid)
        .join(', ')}`,
    );
  }
  return agents.length;
}
