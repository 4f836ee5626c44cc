/**
 * Starts the daemon's service anew. Under systemd by systemctl; elsewhere by ending the process, whose supervisor
 * starts it again, or by starting it here where nobody does. No shell sees any path.
 */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { closeSync, openSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe } from '../../../shared/errors/daemon-error.ts';
import { pidFileHolder } from '../../../shared/platform/pid-file.ts';
import { isAlive, readBootId, readProcFile, readStat } from '../../../shared/platform/proc.ts';
import { HALT_VARIABLE } from '../journal.ts';
import type { DaemonJournal, ProcessName } from '../journal-format.ts';
import { releaseFolder } from '../releases.ts';

export interface ServiceOptions {
  wait(ms: number): Promise<void>;
  nowMs(): number;
  say(text: string): void;
  logFile: string;
}

export interface RestartOptions extends ServiceOptions {
  /** The daemon that lives; null where there is none. */
  daemon: ProcessName | null;
  /** Whether it is given its own time to end. */
  graceful: boolean;
}

/** Its own limit is 30 s; one that hangs has none. */
const END_MS = 40_000;
/** One that never told of itself need not be waited for so long. */
const UNPROVEN_END_MS = 10_000;
/** How long a supervisor may take to start it again before it is done here, and how long nobody is waited for. */
const SUPERVISOR_MS = 20_000;
const UNSUPERVISED_MS = 500;
const MAX_COMMAND_BYTES = 64 * 1024;
const SYSTEMCTL_MS = 3 * 60_000;
const POLL_MS = 100;

export function isRunning({ pid, startTicks, bootId }: ProcessName, procRoot = '/proc'): boolean {
  const stat = readStat(pid, procRoot);
  if (!isAlive(stat) || stat.startTicks !== startTicks) return false;
  return bootId === '' || bootId === readBootId(procRoot); // two boots may give the same pid at the same time
}

/** The daemon that lives: by its pid file, or by what it runs where it has not come so far. */
export function livingDaemon(
  { pidFile, command, root, oldRelease, newRelease }: DaemonJournal,
  procRoot = '/proc',
): ProcessName | null {
  const holder = pidFileHolder(pidFile, procRoot);
  if (holder) return holder;
  const bundles = [newRelease, oldRelease].map((release) => join(releaseFolder(root, release), 'lib', 'daemon.js'));
  return bundles.flatMap((bundle) => daemonsOf(bundle, command.at(-1) ?? '', procRoot))[0] ?? null;
}

/** Processes that run the daemon of a release with this configuration: one that hangs early has no pid file yet. */
export function daemonsOf(bundle: string, configFile: string, procRoot = '/proc'): ProcessName[] {
  const bootId = readBootId(procRoot);
  return readdirSync(procRoot).flatMap((name) => {
    if (!/^\d+$/.test(name)) return [];
    const words = readProcFile(`${procRoot}/${name}/cmdline`, MAX_COMMAND_BYTES)?.split('\0') ?? [];
    if (!words.includes(bundle) || !words.includes(configFile)) return [];
    const stat = readStat(Number(name), procRoot);
    return isAlive(stat) ? [{ pid: stat.pid, startTicks: stat.startTicks, bootId }] : [];
  });
}

/** Under systemd orders a restart; elsewhere ends the daemon, so that whoever supervises it starts it again. */
export async function restartService(
  { service }: Pick<DaemonJournal, 'service'>,
  options: RestartOptions,
): Promise<void> {
  const { daemon, say } = options;
  if (service.kind === 'signal') {
    if (daemon) await endDaemon(daemon, options);
    return;
  }
  const systemctl = async (...command: string[]): Promise<void> => {
    const args = [...(service.user ? ['--user'] : []), ...command];
    say(`systemctl ${args.join(' ')}`);
    await promisify(execFile)('systemctl', args, { timeout: SYSTEMCTL_MS });
  };
  // a version that crashed may have used up the unit's start limit
  await systemctl('reset-failed', service.unit).catch((error: unknown) => say(describe(error)));
  await systemctl('restart', '--no-block', service.unit);
}

async function endDaemon(daemon: ProcessName, { graceful, wait, nowMs, say }: RestartOptions): Promise<void> {
  const until = nowMs() + (graceful ? END_MS : UNPROVEN_END_MS);
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

/** Starts a daemon where nobody else does: in the end one runs. */
export class LastResort {
  readonly #journal: Pick<DaemonJournal, 'service' | 'command'>;
  readonly #options: Pick<ServiceOptions, 'nowMs' | 'say' | 'logFile'>;
  #seenMs: number;
  /** What was started here, until it ends: it needs a moment to be seen as a daemon. */
  #child: ChildProcess | null = null;

  constructor(
    journal: Pick<DaemonJournal, 'service' | 'command'>,
    options: Pick<ServiceOptions, 'nowMs' | 'say' | 'logFile'>,
  ) {
    this.#journal = journal;
    this.#options = options;
    this.#seenMs = options.nowMs();
  }

  /** To be told again and again of the daemon that there is. */
  look(daemon: ProcessName | null): void {
    const { service } = this.#journal;
    const nowMs = this.#options.nowMs();
    if (daemon || this.#child) this.#seenMs = nowMs;
    // systemd's word is its own: a unit that it does not start is not ours to start
    if (service.kind === 'systemd') return;
    if (nowMs - this.#seenMs < (service.supervised ? SUPERVISOR_MS : UNSUPERVISED_MS)) return;
    this.#seenMs = nowMs;
    this.#start();
  }

  #start(): void {
    const { say, logFile } = this.#options;
    const [program = '', ...args] = this.#journal.command;
    say(`nobody started the daemon again: starting ${program}`);
    const { [HALT_VARIABLE]: _, ...env } = process.env; // a test's halt is for the helper
    // where a launcher put it aside: that of an older version does not know the other name
    if (env['DAEMON_EXTRA_CA_CERTS']) env['NODE_EXTRA_CA_CERTS'] = env['DAEMON_EXTRA_CA_CERTS'];
    const log = openSync(logFile, 'a', 0o640);
    try {
      const child = spawn(program, args, { detached: true, stdio: ['ignore', log, log], env, cwd: '/' });
      this.#child = child;
      child.on('exit', () => {
        this.#child = null;
      });
      child.on('error', (error) => {
        this.#child = null;
        say(`${program} could not be started: ${error.message}`);
      });
      child.unref();
    } finally {
      closeSync(log);
    }
  }
}
