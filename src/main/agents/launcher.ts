/**
 * The only place that touches processes: starts them so that they outlive the daemon, finds out who they are, sends
 * signals. Before each signal the pid's start time and the boot id are compared: a reused pid is never signalled.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync, readdirSync } from 'node:fs';
import { access, constants, mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { isAlive, type ProcessStat, readBootId, readProcFile, readStat } from '../../shared/platform/proc.ts';
import type { ProcessIdentity } from './instance-state.ts';

/** Marks a process as an agent of one daemon, so that it is found again even where no record of it was written. */
export const AGENT_ID_VARIABLE = 'DAEMON_AGENT_ID';
export const AGENT_OWNER_VARIABLE = 'DAEMON_AGENT_OWNER';

export interface LaunchSpec {
  agentId: string;
  /** The daemon's work_dir: tells the agents of two daemons on one host apart. */
  owner: string;
  program: string;
  args: string[];
  env: Record<string, string>;
  workDir: string;
  /** Both output streams go here, appended. */
  logFile: string;
}

export interface Exit {
  code: number | null;
  signal: string | null;
}

export interface Launched {
  identity: ProcessIdentity;
  /** Settles when the process has gone. */
  exited: Promise<Exit>;
}

/** What the instances need of the system's processes; tests put a table of their own in its place. */
export interface Processes {
  /** Makes the folders that the agent needs and starts it. Rejects with the system's error where that fails. */
  launch(spec: LaunchSpec): Promise<Launched>;
  /** Null where the process has gone: a zombie, or another process under its pid, counts as gone. */
  find(identity: ProcessIdentity): ProcessStat | null;
  /** Signals the whole group; false where the process has gone. */
  signalGroup(identity: ProcessIdentity, signal: NodeJS.Signals): boolean;
  /** Running agents of this owner by agent id, found by their environment. */
  scan(owner: string): Map<string, ProcessIdentity>;
  /** Unix milliseconds at which the process was started. */
  startedAtMs(identity: ProcessIdentity): number;
  readonly bootId: string;
}

const TICKS_PER_SECOND = 100;
const MAX_ENVIRON_BYTES = 256 * 1024;

function spawned(child: ChildProcess): Promise<number> {
  return new Promise((resolve, reject) => {
    child.once('spawn', () =>
      child.pid === undefined ? reject(new Error('spawned without a pid')) : resolve(child.pid),
    );
    child.once('error', reject);
  });
}

export class SystemProcesses implements Processes {
  readonly #procRoot: string;
  readonly bootId: string;

  constructor(procRoot = '/proc') {
    this.#procRoot = procRoot;
    this.bootId = readBootId(procRoot);
  }

  async launch(spec: LaunchSpec): Promise<Launched> {
    await access(spec.program, constants.X_OK);
    await mkdir(spec.workDir, { recursive: true, mode: 0o750 });
    await mkdir(dirname(spec.logFile), { recursive: true, mode: 0o750 });
    const log = openSync(spec.logFile, 'a', 0o640);
    let child: ChildProcess;
    let pid: number;
    let exited: Promise<Exit>;
    try {
      // files and no pipes: a pipe's reader dies with the daemon, and the agent with its next line
      child = spawn(spec.program, spec.args, {
        cwd: spec.workDir,
        env: { ...spec.env, [AGENT_ID_VARIABLE]: spec.agentId, [AGENT_OWNER_VARIABLE]: spec.owner },
        detached: true,
        stdio: ['ignore', log, log],
      });
      // not 'close': a grandchild that holds the output keeps that from ever coming
      exited = new Promise((resolve) => child.once('exit', (code, signal) => resolve({ code, signal })));
      pid = await spawned(child);
    } finally {
      closeSync(log);
    }
    child.unref();
    child.on('error', () => {}); // a failing kill() would come here: signals are ours, and checked
    const stat = readStat(pid, this.#procRoot);
    return { identity: { pid, startTicks: stat?.startTicks ?? 0, bootId: this.bootId }, exited };
  }

  find(identity: ProcessIdentity): ProcessStat | null {
    if (identity.bootId !== this.bootId) return null;
    const stat = readStat(identity.pid, this.#procRoot);
    return isAlive(stat) && stat.startTicks === identity.startTicks ? stat : null;
  }

  signalGroup(identity: ProcessIdentity, signal: NodeJS.Signals): boolean {
    if (!this.find(identity)) return false;
    try {
      process.kill(-identity.pid, signal);
      return true;
    } catch (error) {
      if (error instanceof Error && 'code' in error && error.code === 'ESRCH') return false;
      throw error;
    }
  }

  scan(owner: string): Map<string, ProcessIdentity> {
    const found = new Map<string, ProcessIdentity>();
    for (const name of readdirSync(this.#procRoot)) {
      if (!/^\d+$/.test(name)) continue;
      const variables = readProcFile(`${this.#procRoot}/${name}/environ`, MAX_ENVIRON_BYTES)?.split('\0');
      if (!variables?.includes(`${AGENT_OWNER_VARIABLE}=${owner}`)) continue;
      const id = variables.find((v) => v.startsWith(`${AGENT_ID_VARIABLE}=`))?.slice(AGENT_ID_VARIABLE.length + 1);
      const stat = readStat(Number(name), this.#procRoot);
      // its children have the same environment; the agent itself leads the session that it was started in
      if (!id || !isAlive(stat) || stat.sessionId !== stat.pid) continue;
      found.set(id, { pid: stat.pid, startTicks: stat.startTicks, bootId: this.bootId });
    }
    return found;
  }

  startedAtMs(identity: ProcessIdentity): number {
    const bootSeconds = Number(/^btime (\d+)$/m.exec(readProcFile(`${this.#procRoot}/stat`, 1 << 20) ?? '')?.[1]);
    return Math.round((bootSeconds + identity.startTicks / TICKS_PER_SECOND) * 1000);
  }
}
