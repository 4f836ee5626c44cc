/**
 * The control groups of the agents: finds out whether systemd makes scopes here, looks whether limits are really held,
 * and knows every process of an agent, whatever session it has made and whatever it has done to its environment. Where
 * there are none, nothing of this is an error: process groups and marks serve as before.
 */
import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { accessSync, constants, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { groupLimits, ownService } from '../../shared/platform/control-groups.ts';
import { readProcFile } from '../../shared/platform/proc.ts';
import {
  AGENTS_FOLDER,
  AGENTS_SLICE,
  agentOfScope,
  limitFiles,
  type ScopeSupport,
  scopeCommand,
  scopeName,
} from './agent-scope.ts';
import type { AgentLimits } from './command.ts';
import { OomKills, oomKills } from './oom-kills.ts';

export interface AgentGroupsOptions {
  environment: NodeJS.ProcessEnv;
  procRoot?: string;
  groupRoot?: string;
  /** Monotonic milliseconds. */
  nowMs?(): number;
  /** Runs a program to its end; rejects where it fails. */
  run?(program: string, args: readonly string[], env: NodeJS.ProcessEnv): Promise<unknown>;
}

const PROBE_MS = 10_000;
/** How long a refusal is taken for one. */
const ASK_AGAIN_MS = 60_000;
/** How long a scope may take to be there once its command was started. */
const APPEAR_MS = 5000;
const POLL_MS = 10;
const MAX_PIDS_BYTES = 1 << 20;
const TO_MANAGER = ['XDG_RUNTIME_DIR', 'DBUS_SESSION_BUS_ADDRESS'];

const runProgram = (program: string, args: readonly string[], env: NodeJS.ProcessEnv): Promise<unknown> =>
  promisify(execFile)(program, [...args], { env, timeout: PROBE_MS });

interface Probed {
  support: ScopeSupport | null;
  why: string;
}

export class AgentGroups {
  readonly #options: Required<AgentGroupsOptions>;
  readonly #service: ReturnType<typeof ownService>;
  /** Of all agents' groups together; null where there is none. */
  readonly #folder: string | null;
  /** What was found out, and until when that holds: a systemd that is busy or starting may answer otherwise soon. */
  #support: Promise<Probed> | null = null;
  #untilMs = Number.POSITIVE_INFINITY;
  /** Why there is no scope, as it was told last. */
  #told = '';
  readonly #oomKills: OomKills;

  constructor(options: AgentGroupsOptions) {
    const nowMs = (): number => performance.now();
    this.#options = { procRoot: '/proc', groupRoot: '/sys/fs/cgroup', nowMs, run: runProgram, ...options };
    const { procRoot, groupRoot } = this.#options;
    this.#service = ownService(readProcFile(`${procRoot}/self/cgroup`) ?? '');
    this.#folder = this.#service && join(groupRoot, this.#service.managerPath, AGENTS_FOLDER);
    this.#oomKills = new OomKills(
      { total: () => this.#killed(this.#folder) ?? 0, scopes: () => this.#killedInScopes() },
      this.#options.nowMs,
    );
  }

  /**
   * What an agent's command line begins with, and the variables that it needs for that. `warning`: that it has to run in
   * the daemon's own group, told once a reason, or the keys of its limits that are without effect here; else empty.
   */
  async wrap(
    agentId: string,
    owner: string,
    limits: AgentLimits,
    stopTimeoutMs: number,
  ): Promise<{ words: string[]; scope: string; env: Record<string, string>; warning: string }> {
    const spared = this.#likeOthers();
    const { support, why } = await this.#ask();
    if (!support) {
      const warning = (await this.unheld(limits, why)) || this.#inOwnGroup(why);
      return { words: spared, scope: '', env: {}, warning };
    }
    const scope = scopeName(agentId, owner, randomBytes(3).toString('hex'));
    const env = this.#service?.user ? this.#managerVariables() : {};
    return { words: [...scopeCommand(support, scope, limits, stopTimeoutMs), ...spared], scope, env, warning: '' };
  }

  /** The limits that cannot be held on this host, and why; empty where all are. */
  async unheld(limits: AgentLimits, known?: string): Promise<string> {
    const keys = groupLimits(limits);
    const why = keys.length > 0 ? (known ?? (await this.#ask()).why) : '';
    return why && `its limits ${keys.join(', ')} are without effect: ${why}`;
  }

  /**
   * Waits until the process is in its scope, and sees to what systemd does not. Gives what is not held after all;
   * nothing where the process has ended: whoever watches it knows why.
   */
  async settle(pid: number, scope: string, limits: AgentLimits, gone: () => boolean): Promise<string> {
    if (scope === '') return '';
    const until = performance.now() + APPEAR_MS;
    let folder: string | null = null;
    while (folder === null && !gone() && performance.now() < until) {
      folder = this.#folderOf(pid, scope);
      if (folder === null) await sleep(POLL_MS);
    }
    if (folder === null) {
      this.#untilMs = 0; // whatever it was, the next start asks again
      return gone() ? '' : 'it did not come into a scope of its own in time';
    }
    if (limits.memoryBytes > 0) this.#write(join(folder, 'memory.oom.group'), '1');
    const missing = limitFiles(limits).filter(({ file }) => readProcFile(join(folder, file)) === null);
    return missing.length === 0
      ? ''
      : `its limits ${missing.map(({ key }) => key).join(', ')} are without effect: systemd has no such controller here`;
  }

  /** Pids of all that runs in the scopes of this owner's agents, by agent id. */
  processes(owner: string): Map<string, number[]> {
    const found = new Map<string, number[]>();
    for (const { agentId, folder } of this.#scopes(owner)) {
      const pids = pidsBelow(folder);
      if (pids.length > 0) found.set(agentId, [...(found.get(agentId) ?? []), ...pids]);
    }
    return found;
  }

  /** Kills everything in an agent's scopes at once, also what starts new processes faster than they are found. */
  kill(agentId: string, owner: string): void {
    for (const scope of this.#scopes(owner)) {
      if (scope.agentId === agentId) this.#write(join(scope.folder, 'cgroup.kill'), '1');
    }
  }

  /** Notes what the kernel has killed for want of memory; to be called every few seconds. */
  look(): void {
    this.#oomKills.look();
  }

  /** Whether that is why this agent has just ended. */
  outOfMemory(agentId: string, owner: string): boolean {
    return this.#oomKills.ended((scope) => agentOfScope(scope, owner) === agentId);
  }

  /** Null where the group cannot be read: it has gone. */
  #killed(folder: string | null): number | null {
    const events = folder === null ? null : readProcFile(join(folder, 'memory.events'));
    return events === null ? null : oomKills(events);
  }

  /** Of the scopes of all daemons on this host: what is another's is not one of ours that has gone. */
  #killedInScopes(): Map<string, number> {
    const parent = this.#folder;
    const counts = new Map<string, number>();
    if (parent === null) return counts;
    for (const name of foldersIn(parent)) {
      const count = this.#killed(join(parent, name));
      if (count !== null) counts.set(name, count);
    }
    return counts;
  }

  /** The daemon's group has its limits and devices: no place for agents where they could have their own. */
  #inOwnGroup(why: string): string {
    if (!this.#service || this.#told === why) return '';
    this.#told = why;
    return `it runs in the daemon's own control group: ${why}`;
  }

  /** By making one: whether this user may, and whether systemd can be reached, is known only then. */
  #ask(): Promise<Probed> {
    const { nowMs } = this.#options;
    if (!this.#support || nowMs() >= this.#untilMs) {
      this.#untilMs = Number.POSITIVE_INFINITY;
      this.#support = this.#probe().then((probed) => {
        if (!probed.support && this.#service) this.#untilMs = nowMs() + ASK_AGAIN_MS;
        return probed;
      });
    }
    return this.#support;
  }

  async #probe(): Promise<Probed> {
    const service = this.#service;
    if (!service) return { support: null, why: 'the daemon is no service of systemd with control groups (v2)' };
    const program = this.#find('systemd-run');
    if (!program) return { support: null, why: 'there is no program systemd-run' };
    const common = ['--scope', '--quiet', '--collect', `--slice=${AGENTS_SLICE}`];
    const base = [...(service.user ? ['--user'] : []), ...common];
    // what a variable of the environment looks like in an argument must stay as it is; systemd before 254 does that
    for (const [options, knowsOomPolicy] of [
      [[...base, '--expand-environment=no'], true],
      [base, false],
    ] as const) {
      const command = [program, ...options];
      const property = knowsOomPolicy ? ['--property=OOMPolicy=kill'] : [];
      const args = [
        ...options,
        ...property,
        `--unit=daemon-probe-${randomBytes(3).toString('hex')}.scope`,
        '--',
        'true',
      ];
      try {
        await this.#options.run(program, args, this.#probeEnvironment());
        return { support: { command, unit: service.unit, knowsOomPolicy }, why: '' };
      } catch (error) {
        if (knowsOomPolicy) continue;
        const text = error instanceof Error ? (error.message.trim().split('\n').at(-1) ?? '') : String(error);
        return { support: null, why: `systemd makes no scope: ${text}` };
      }
    }
    return { support: null, why: '' }; // the loop has ended the function
  }

  /** The daemon may be spared by the OOM killer; agents are what it is there for. Empty where there is no difference. */
  #likeOthers(): string[] {
    const own = Number(readProcFile(`${this.#options.procRoot}/self/oom_score_adj`) ?? 0);
    const program = own < 0 ? this.#find('choom') : null;
    return program ? [program, '-n', '0', '--'] : [];
  }

  #managerVariables(): Record<string, string> {
    const { environment } = this.#options;
    return Object.fromEntries(
      TO_MANAGER.flatMap((name) => (environment[name] === undefined ? [] : [[name, environment[name]]])),
    );
  }

  #probeEnvironment(): NodeJS.ProcessEnv {
    return { PATH: this.#options.environment['PATH'], ...this.#managerVariables() };
  }

  /** By the daemon's own PATH: an agent may have another. */
  #find(program: string): string | null {
    for (const folder of (this.#options.environment['PATH'] ?? '').split(':')) {
      const path = join(folder, program);
      try {
        if (!folder.startsWith('/')) continue;
        accessSync(path, constants.X_OK);
        return path;
      } catch {
        // it is not in this one
      }
    }
    return null;
  }

  #folderOf(pid: number, scope: string): string | null {
    const path = /^0::(\/.*)$/m.exec(readProcFile(`${this.#options.procRoot}/${pid}/cgroup`) ?? '')?.[1] ?? '';
    return path.split('/').includes(scope) ? join(this.#options.groupRoot, path) : null;
  }

  #scopes(owner: string): { agentId: string; folder: string }[] {
    const parent = this.#folder;
    if (parent === null) return [];
    return foldersIn(parent).flatMap((name) => {
      const agentId = agentOfScope(name, owner);
      return agentId === null ? [] : [{ agentId, folder: join(parent, name) }];
    });
  }

  /** A group that has gone, or is not ours to change, is left as it is. */
  #write(path: string, text: string): void {
    try {
      writeFileSync(path, text);
    } catch {
      // what should have come of it is looked at by whoever asked
    }
  }
}

function foldersIn(path: string): string[] {
  try {
    return readdirSync(path, { withFileTypes: true }).flatMap((entry) => (entry.isDirectory() ? [entry.name] : []));
  } catch {
    return []; // gone meanwhile, or never there
  }
}

/** An agent may have made groups of its own below its scope. */
function pidsBelow(folder: string): number[] {
  const own = readProcFile(join(folder, 'cgroup.procs'), MAX_PIDS_BYTES)?.match(/\d+/g) ?? [];
  return [...own.map(Number), ...foldersIn(folder).flatMap((name) => pidsBelow(join(folder, name)))];
}
