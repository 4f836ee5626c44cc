/**
 * Starts the daemon's service anew. Under systemd by systemctl; elsewhere by ending the process, whose supervisor
 * starts it again, or by starting it here where nobody does: in the end a daemon runs. No shell sees any path.
 */
import { execFile, spawn } from 'node:child_process';
import { openSync } from 'node:fs';
import { promisify } from 'node:util';
import { describe } from '../../../shared/errors/daemon-error.ts';
import { isAlive, readStat } from '../../../shared/platform/proc.ts';
import type { DaemonJournal, ProcessName } from '../journal-format.ts';
import { nameOf } from './judge.ts';

export interface ServiceOptions {
  /** The daemon that lives, by its pid file; null where there is none. */
  daemon(): Promise<ProcessName | null>;
  wait(ms: number): Promise<void>;
  nowMs(): number;
  say(text: string): void;
  logFile: string;
}

/** Its own limit is 30 s; one that hangs has none. */
const END_MS = 40_000;
/** One that never told of itself need not be waited for so long. */
const UNPROVEN_END_MS = 10_000;
/** How long a supervisor may take to start it again before it is done here. */
const SUPERVISOR_MS = 20_000;
const SYSTEMCTL_MS = 3 * 60_000;
const POLL_MS = 100;

export function isRunning({ pid, startTicks }: ProcessName): boolean {
  const stat = readStat(pid);
  return isAlive(stat) && stat.startTicks === startTicks;
}

/** Settles when the process that was there has gone and, where that can be told, another one is there. */
export async function restartService(
  journal: Pick<DaemonJournal, 'service' | 'command'>,
  graceful: boolean,
  options: ServiceOptions,
): Promise<void> {
  const { service } = journal;
  const { say } = options;
  if (service.kind === 'systemd') {
    const systemctl = async (...command: string[]): Promise<void> => {
      const args = [...(service.user ? ['--user'] : []), ...command];
      say(`systemctl ${args.join(' ')}`);
      await promisify(execFile)('systemctl', args, { timeout: SYSTEMCTL_MS });
    };
    // a version that crashed may have used up the unit's start limit
    await systemctl('reset-failed', service.unit).catch((error: unknown) => say(describe(error)));
    await systemctl('restart', '--no-block', service.unit);
    return;
  }
  const before = await options.daemon();
  if (before) await endDaemon(before, graceful ? END_MS : UNPROVEN_END_MS, options);
  if (service.supervised && (await another(before, options))) return;
  startHere(journal.command, options);
}

async function endDaemon(daemon: ProcessName, limitMs: number, { wait, nowMs, say }: ServiceOptions): Promise<void> {
  const until = nowMs() + limitMs;
  say(`ending the daemon, pid ${daemon.pid}`);
  send(daemon, 'SIGTERM');
  send(daemon, 'SIGCONT');
  while (isRunning(daemon) && nowMs() < until) await wait(POLL_MS);
  if (!isRunning(daemon)) return;
  say(`pid ${daemon.pid} did not end: killing it`);
  send(daemon, 'SIGKILL');
  while (isRunning(daemon) && nowMs() < until + END_MS) await wait(POLL_MS);
}

function send(daemon: ProcessName, signal: NodeJS.Signals): void {
  if (!isRunning(daemon)) return;
  try {
    process.kill(daemon.pid, signal);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error;
  }
}

async function another(before: ProcessName | null, { daemon, wait, nowMs }: ServiceOptions): Promise<boolean> {
  const until = nowMs() + SUPERVISOR_MS;
  while (nowMs() < until) {
    const now = await daemon();
    if (now && (!before || nameOf(now) !== nameOf(before))) return true;
    await wait(POLL_MS);
  }
  return false;
}

function startHere([program = '', ...args]: string[], { say, logFile }: ServiceOptions): void {
  say(`nobody started the daemon again: starting ${program}`);
  const log = openSync(logFile, 'a', 0o640);
  const child = spawn(program, args, { detached: true, stdio: ['ignore', log, log] });
  child.on('error', (error) => say(`${program} could not be started: ${error.message}`));
  child.unref();
}
