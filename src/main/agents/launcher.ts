/**
 * The only place that touches processes: starts them so that they outlive the daemon, finds out who they are, sends
 * signals. Before each signal the pid's start time and the boot id are compared: a reused pid is never signalled.
 */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { closeSync, openSync, readdirSync } from 'node:fs';
import { chown, mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { promisify } from 'node:util';
import { isAlive, type ProcessStat, readBootId, readProcFile, readStat } from '../../shared/platform/proc.ts';
import type { AgentGroups } from './agent-groups.ts';
import { takeAgentLock } from './agent-lock.ts';
import { type AgentLimits, commandLine } from './command.ts';
import type { ProcessIdentity } from './instance-state.ts';
import type { MarkedProcess } from './marked-process.ts';
import { checkConfigFile, checkProgram } from './start-checks.ts';

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
  configFile: string;
  workDir: string;
  /** Both output streams go here, appended. */
  logFile: string;
  /** Held by the agent and its children for as long as they live: makes a second copy impossible. */
  lockFile: string;
  user: string;
  group: string;
  limits: AgentLimits;
  /** Between SIGTERM and SIGKILL, where the machine goes down. */
  stopTimeoutMs: number;
}

export interface Exit {
  code: number | null;
  signal: string | null;
}

export interface Launched {
  identity: ProcessIdentity;
  /** Settles when the process has gone. */
  exited: Promise<Exit>;
  /** What is not as it should be, but no reason not to start. */
  warnings: string[];
}

/** What the instances need of the system's processes; tests put a table of their own in its place. */
export interface Processes {
  /** Makes the folders that the agent needs and starts it. Rejects with an Error for a person where that fails. */
  launch(spec: LaunchSpec): Promise<Launched>;
  /** Null where the process has gone: a zombie, or another process under its pid, counts as gone. */
  find(identity: ProcessIdentity): ProcessStat | null;
  /** Signals the whole group; false where the process has gone. */
  signalGroup(identity: ProcessIdentity, signal: NodeJS.Signals): boolean;
  /** Signals one process; false where it has gone. */
  signal(identity: ProcessIdentity, signal: NodeJS.Signals): boolean;
  /** Running processes of this owner's agents by agent id, found by their environment or by their control group. */
  scan(owner: string): Promise<Map<string, MarkedProcess[]>>;
  /** Unix milliseconds at which the process was started. */
  startedAtMs(identity: ProcessIdentity): number;
  /** Which of these limits are without effect on this host, and why; empty where all hold. */
  unheldLimits(limits: AgentLimits): Promise<string>;
  /** Kills what is left in an agent's control group, whatever it is; nothing where it has none. */
  killGroup(agentId: string, owner: string): void;
  /** Notes what the kernel has killed for want of memory; to be called every few seconds. */
  lookForKills(): void;
  /** Whether that is why this agent has just ended. */
  outOfMemory(agentId: string, owner: string): boolean;
  readonly bootId: string;
}

const TICKS_PER_SECOND = 100;
const MAX_ENVIRON_BYTES = 256 * 1024;
const MAX_PASSWD_BYTES = 1024 * 1024;
/** Processes looked at before other work of the main thread gets its turn. */
const SCAN_SLICE = 64;

function spawned(child: ChildProcess): Promise<number> {
  return new Promise((resolve, reject) => {
    child.once('spawn', () =>
      child.pid === undefined ? reject(new Error('spawned without a pid')) : resolve(child.pid),
    );
    child.once('error', reject);
  });
}

/** The number of a user's own group, as the system's directory has it. */
export async function primaryGroup(user: string): Promise<string> {
  try {
    return (await promisify(execFile)('id', ['-g', '--', user])).stdout.trim();
  } catch (cause) {
    throw new Error(`there is no user ${user} on this host`, { cause });
  }
}

/** Makes the folder, and hands it to the agent's user where it is new. */
async function makeWorkDir(path: string, user: string, group: string): Promise<void> {
  const made = await mkdir(path, { recursive: true, mode: 0o750 });
  if (made === undefined || !user) return;
  const { stdout } = await promisify(execFile)('id', ['-u', '--', user]);
  const gid = /^\d+$/.test(group) ? Number(group) : Number(await primaryGroup(user));
  await chown(path, Number(stdout), gid);
}

export class SystemProcesses implements Processes {
  readonly #procRoot: string;
  readonly #groups: AgentGroups | null;
  readonly bootId: string;

  /** `groups`: null where agents are to have no control groups. */
  constructor(groups: AgentGroups | null = null, procRoot = '/proc') {
    this.#procRoot = procRoot;
    this.#groups = groups;
    this.bootId = readBootId(procRoot);
  }

  async launch(spec: LaunchSpec): Promise<Launched> {
    const warnings = await checkProgram(spec.program);
    await checkConfigFile(spec.configFile);
    const group = spec.group || (spec.user ? await primaryGroup(spec.user) : '');
    await makeWorkDir(spec.workDir, spec.user, group);
    for (const file of [spec.logFile, spec.lockFile]) await mkdir(dirname(file), { recursive: true, mode: 0o750 });
    const lock = await takeAgentLock(spec.lockFile);
    if (lock.warning) warnings.push(lock.warning);
    const { agentId, owner, limits, stopTimeoutMs } = spec;
    const wrapped = await this.#groups?.wrap(agentId, owner, limits, stopTimeoutMs);
    if (wrapped?.warning) warnings.push(wrapped.warning);
    const { file, args } = commandLine({ ...spec, group }, wrapped?.words);
    let log: number | null = null;
    try {
      log = openSync(spec.logFile, 'a', 0o640);
      // files and no pipes: a pipe's reader dies with the daemon, and the agent with its next line
      const child = spawn(file, args, {
        cwd: spec.workDir,
        env: { ...wrapped?.env, ...spec.env, [AGENT_ID_VARIABLE]: agentId, [AGENT_OWNER_VARIABLE]: owner },
        detached: true,
        stdio: ['ignore', log, log, lock.descriptor],
      });
      // not 'close': a grandchild that holds the output keeps that from ever coming
      const exited = new Promise<Exit>((resolve) => child.once('exit', (code, signal) => resolve({ code, signal })));
      const pid = await spawned(child);
      child.unref();
      child.on('error', () => {}); // a failing kill() would come here: signals are ours, and checked
      const gone = (): boolean => child.exitCode !== null || child.signalCode !== null;
      const unheld = await this.#groups?.settle(pid, wrapped?.scope ?? '', limits, gone);
      if (unheld) warnings.push(unheld);
      const stat = readStat(pid, this.#procRoot);
      return { identity: { pid, startTicks: stat?.startTicks ?? 0, bootId: this.bootId }, exited, warnings };
    } finally {
      if (log !== null) closeSync(log);
      closeSync(lock.descriptor); // the agent's own copy keeps the lock
    }
  }

  find(identity: ProcessIdentity): ProcessStat | null {
    if (identity.bootId !== this.bootId) return null;
    const stat = readStat(identity.pid, this.#procRoot);
    return isAlive(stat) && stat.startTicks === identity.startTicks ? stat : null;
  }

  signalGroup(identity: ProcessIdentity, signal: NodeJS.Signals): boolean {
    return this.#send(identity, -identity.pid, signal);
  }

  signal(identity: ProcessIdentity, signal: NodeJS.Signals): boolean {
    return this.#send(identity, identity.pid, signal);
  }

  async scan(owner: string): Promise<Map<string, MarkedProcess[]>> {
    const found = new Map<string, MarkedProcess[]>();
    const seen = new Set<number>();
    const add = (id: string, pid: number): void => {
      const stat = seen.has(pid) ? null : readStat(pid, this.#procRoot);
      if (!isAlive(stat)) return;
      seen.add(pid);
      const marked: MarkedProcess = {
        identity: { pid: stat.pid, startTicks: stat.startTicks, bootId: this.bootId },
        leadsSession: stat.sessionId === stat.pid,
        command: this.#words(pid, 'cmdline'),
        user: this.#userOf(pid),
      };
      found.set(id, [...(found.get(id) ?? []), marked]);
    };
    const pids = readdirSync(this.#procRoot).filter((name) => /^\d+$/.test(name));
    for (const [index, pid] of pids.entries()) {
      if (index % SCAN_SLICE === SCAN_SLICE - 1) await nextTurn();
      const variables = this.#words(Number(pid), 'environ');
      if (!variables.includes(`${AGENT_OWNER_VARIABLE}=${owner}`)) continue;
      const id = variables.find((v) => v.startsWith(`${AGENT_ID_VARIABLE}=`))?.slice(AGENT_ID_VARIABLE.length + 1);
      if (id) add(id, Number(pid));
    }
    for (const [id, members] of this.#groups?.processes(owner) ?? []) for (const pid of members) add(id, pid);
    return found;
  }

  unheldLimits(limits: AgentLimits): Promise<string> {
    return this.#groups?.unheld(limits) ?? Promise.resolve('');
  }

  killGroup(agentId: string, owner: string): void {
    this.#groups?.kill(agentId, owner);
  }

  lookForKills(): void {
    this.#groups?.look();
  }

  outOfMemory(agentId: string, owner: string): boolean {
    return this.#groups?.outOfMemory(agentId, owner) ?? false;
  }

  #userOf(pid: number): MarkedProcess['user'] {
    const uid = /^Uid:\t(\d+)/m.exec(readProcFile(`${this.#procRoot}/${pid}/status`) ?? '')?.[1];
    if (uid === undefined) return { isOwn: false, names: [] }; // it has gone
    return { isOwn: Number(uid) === process.getuid?.(), names: [uid, ...namesOf(uid)] };
  }

  /** A file of NUL-separated texts; empty where it is gone or not ours to read. */
  #words(pid: number, file: string): string[] {
    return readProcFile(`${this.#procRoot}/${pid}/${file}`, MAX_ENVIRON_BYTES)?.split('\0') ?? [];
  }

  startedAtMs(identity: ProcessIdentity): number {
    const bootSeconds = Number(/^btime (\d+)$/m.exec(readProcFile(`${this.#procRoot}/stat`, 1 << 20) ?? '')?.[1]);
    return Math.round((bootSeconds + identity.startTicks / TICKS_PER_SECOND) * 1000);
  }

  #send(identity: ProcessIdentity, target: number, signal: NodeJS.Signals): boolean {
    if (!this.find(identity)) return false;
    try {
      process.kill(target, signal);
      return true;
    } catch (error) {
      if (error instanceof Error && 'code' in error && error.code === 'ESRCH') return false;
      throw error;
    }
  }
}

/** Names of that number in /etc/passwd; where users come from elsewhere, none. */
function namesOf(uid: string): string[] {
  const lines = (readProcFile('/etc/passwd', MAX_PASSWD_BYTES) ?? '').split('\n').map((line) => line.split(':'));
  return lines.flatMap(([name = '', , number]) => (number === uid && name !== '' ? [name] : []));
}
