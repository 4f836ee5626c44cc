/**
 * Agents that are updated, for tests: tiny programs in versions that do what their kind says, signed packages of them,
 * and what is to be seen of an agent from outside: what is in place, what runs, what its state is.
 */
import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { ask } from '../../src/ctl/client.ts';
import { keygen } from '../../src/ctl/keygen.ts';
import { sign } from '../../src/ctl/sign.ts';
import { type UpdateCommand, updateRequest } from '../../src/ctl/update-request.ts';
import type { AgentRecord } from '../../src/main/agents/instance-state.ts';
import { parseTable } from '../../src/main/agents/store-versions.ts';
import type { ControlVerbs } from '../../src/shared/contracts/control.ts';
import type { UpdateResult, UpdateStatus } from '../../src/shared/contracts/update.ts';
import { TestHost } from './daemon-process.ts';
import type { Child } from './processes.ts';
import { processesWith } from './processes.ts';
import { waitFor } from './wait-until.ts';

type Yaml = Record<string, unknown>;

/** What a program does in place of running until it is ended. */
const KINDS = {
  good: '',
  'exits at once': 'exit 3',
  'exits late': 'sleep 0.7; exit 4',
} as const;
export type Kind = keyof typeof KINDS;

const LONG_MS = 45_000;
const NO_COLLECTORS = Object.fromEntries(
  ['cpu', 'memory', 'disk', 'network'].map((name) => [name, { enabled: false }]),
);

/** A key pair for a test file's packages. */
export function releaseKey(folder: string, name = 'key'): string {
  const out = join(folder, name);
  keygen({ type: 'ecdsa', bits: 0, curve: 'P-256', out, passphraseFile: '' });
  return out;
}

/** One host whose agents are updated. */
export class AgentUpdateHost {
  readonly host: TestHost;
  readonly key: string;
  readonly #targets = new Map<string, string>();

  private constructor(host: TestHost, key: string) {
    this.host = host;
    this.key = key;
  }

  /** `key`: as `releaseKey` gives it. */
  static async make(key: string): Promise<AgentUpdateHost> {
    const host = await TestHost.make();
    for (const folder of ['packages', 'bin']) mkdirSync(join(host.folder, folder));
    execFileSync('mkfifo', [join(host.folder, 'fifo')]);
    return new AgentUpdateHost(host, key);
  }

  get folder(): string {
    return this.host.folder;
  }

  get downloads(): string {
    return join(this.folder, 'downloads');
  }

  get backups(): string {
    return join(this.folder, 'backups');
  }

  get updates(): string {
    return join(this.host.workDir, 'updates');
  }

  get socket(): string {
    return join(this.host.workDir, 'control.sock');
  }

  /** Where the program of an agent lies. */
  target(id: string): string {
    return this.#targets.get(id) ?? join(this.folder, 'bin', id);
  }

  /** The text of a program, which notes each of its starts; `told`: another version than it says it is, or none. */
  program(version: string, kind: Kind = 'good', told = `test-agent version ${version}`): string {
    const note = `echo "$DAEMON_AGENT_ID ${version} $$" >>${join(this.folder, 'starts')}`;
    // without a child, so that it is one process
    const wait = `exec 3<>${join(this.folder, 'fifo')}; read _ <&3`;
    return `#!/bin/sh\nif [ "$1" = --version ]; then echo "${told}"; exit 0; fi\n${note}\n${KINDS[kind]}\n${wait}\n`;
  }

  /** Puts a first version in place, at that path where one is given, and gives its entry of `agents`. */
  agent(id: string, version = '1.0.0', { at, ...over }: Yaml & { at?: string } = {}): Yaml {
    if (at !== undefined) this.#targets.set(id, at);
    writeFileSync(this.target(id), this.program(version));
    chmodSync(this.target(id), 0o750);
    const { health_check = {}, ...rest } = over;
    return {
      id,
      type: 'custom',
      binary_path: this.target(id),
      version_args: ['--version'],
      start_seconds: '100ms',
      stop_timeout: '5s',
      health_check: { heartbeat_timeout: 0, cpu_threshold: 0, memory_threshold: 0, ...(health_check as Yaml) },
      ...rest,
    };
  }

  /** `managerPort` 1: nobody is there. */
  configure(agents: Yaml[], update: Yaml = {}, managerPort = 1, tlsFolder = this.folder): Promise<void> {
    return this.host.configure(managerPort, tlsFolder, {
      agents,
      collectors: NO_COLLECTORS,
      update: {
        download_dir: this.downloads,
        backup_dir: this.backups,
        public_key_file: `${this.key}.pub`,
        verify_timeout: '10s',
        verify_seconds: '500ms',
        ...update,
      },
    });
  }

  /** Settles when it may be asked. `halt`: the step after which it stops for good. */
  async start(halt?: string): Promise<Child> {
    const daemon = this.host.start([], halt === undefined ? {} : { env: { DAEMON_HALT_AFTER_STEP: halt } });
    const answers = async (): Promise<boolean> => {
      if (daemon.exit) return true;
      await ask(this.socket, 'updateStatus', {});
      return true;
    };
    await waitFor(answers, { what: 'the control socket', timeoutMs: LONG_MS, everyMs: 50 });
    if (daemon.exit) throw new Error(`the daemon ended:\n${daemon.tail()}`);
    return daemon;
  }

  /** A signed package of an agent; `content`: its bytes, or the path of them. */
  package(
    id: string,
    version: string,
    content: string | Buffer,
    over: { key?: string; agent?: string; expiresMs?: number; allowDowngrade?: boolean; name?: string } = {},
  ): string {
    const { key = this.key, agent = id, allowDowngrade = false, name = `${id}-${version}` } = over;
    const file = join(this.folder, 'packages', name);
    writeFileSync(file, content);
    const nowMs = over.expiresMs === undefined ? Date.now() : over.expiresMs - 3_600_000;
    const manifest = {
      component: 'agent',
      agent,
      version,
      platform: process.platform,
      arch: process.arch,
      expiresMs: nowMs + 3_600_000,
      allowDowngrade,
    } as const;
    sign({ file, keyFile: key, passphraseFile: '', pss: false, manifest, nowMs });
    return file;
  }

  /** A package of a program of that kind. */
  release(id: string, version: string, kind: Kind = 'good', told?: string): string {
    return this.package(id, version, this.program(version, kind, told));
  }

  async request(id: string, file: string, over: UpdateCommand = {}): Promise<ControlVerbs['update']['output']> {
    return ask(this.socket, 'update', await updateRequest(id, { file, ...over }));
  }

  status(): Promise<UpdateStatus> {
    return ask(this.socket, 'updateStatus', {});
  }

  /** Waits for what became of it, and until it is no longer under way. */
  outcome(id: string): Promise<UpdateResult> {
    const look = async (): Promise<UpdateResult | undefined> => {
      const { results, underWay } = await this.status();
      return underWay.some((update) => update.id === id) ? undefined : results.find((result) => result.id === id);
    };
    return waitFor(look, { what: 'the outcome of the update', timeoutMs: LONG_MS, everyMs: 50 });
  }

  /** Asks for it and waits for what became of it. */
  async update(id: string, file: string, over: UpdateCommand = {}): Promise<UpdateResult> {
    return this.outcome((await this.request(id, file, over)).id);
  }

  /** Step of the journal; empty where there is none. */
  step(id: string): string {
    const path = join(this.updates, `agent-${id}.json`);
    return existsSync(path) ? String(JSON.parse(readFileSync(path, 'utf8')).step) : '';
  }

  journal(id: string): Record<string, unknown> {
    return JSON.parse(readFileSync(join(this.updates, `agent-${id}.json`), 'utf8'));
  }

  /** The agent's entry of the table; the table is written a moment after it changed. */
  record(id: string): AgentRecord | undefined {
    return parseTable(readFileSync(join(this.host.workDir, 'agents.json'), 'utf8')).get(id);
  }

  /** Processes of the agent and of what it started. */
  pids(id: string): number[] {
    const its = new Set(processesWith(`DAEMON_AGENT_ID=${id}\0`));
    return this.host.agents().filter((pid) => its.has(pid));
  }

  /** Which version a process noted that it is. */
  versionOf(pid: number): string {
    const starts = existsSync(join(this.folder, 'starts')) ? readFileSync(join(this.folder, 'starts'), 'utf8') : '';
    const line = starts.split('\n').findLast((candidate) => candidate.endsWith(` ${pid}`));
    return line?.split(' ')[1] ?? '';
  }

  /** Waits until exactly one process of it runs, of this version, and the table says so and nothing else. */
  running(id: string, version: string): Promise<number> {
    const look = (): number => {
      const pids = this.pids(id);
      const [pid = 0] = pids;
      const record = this.record(id);
      const seen = { pids, version: this.versionOf(pid), status: record?.status, reason: record?.reason };
      if (pids.length !== 1 || seen.version !== version || seen.status !== 'running' || record?.process?.pid !== pid)
        throw new Error(JSON.stringify(seen));
      if (record.reason !== '' || record.wanted !== 'running') throw new Error(JSON.stringify(seen));
      return pid;
    };
    return waitFor(look, { what: `one ${id} ${version} that runs`, timeoutMs: LONG_MS, everyMs: 50 });
  }

  /** Which of the agent's versions is in place, by its bytes. */
  inPlace(id: string): string {
    return /version ([\d.]+)/.exec(readFileSync(this.target(id), 'utf8'))?.[1] ?? '';
  }

  /**
   * What an update of the agent has left: beside the program, where it was downloaded (of that update, or of any), its
   * journal, half a backup.
   */
  leftovers(id: string, updateId = ''): string[] {
    const named = (folder: string, fits: (name: string) => boolean): string[] =>
      existsSync(folder)
        ? readdirSync(folder)
            .filter(fits)
            .map((name) => join(folder, name))
        : [];
    const backups = named(this.backups, (name) => name.includes(`agent-${id}_`));
    const [baks, facts] = ['.bak', '.json'].map((end) => backups.filter((name) => name.endsWith(end)).length);
    return [
      ...named(dirname(this.target(id)), (name) => name.startsWith(`.${basename(this.target(id))}.`)),
      ...named(this.downloads, (name) => name.includes(updateId)),
      ...named(this.updates, (name) => name.includes(`agent-${id}.json`)),
      ...backups.filter((path) => path.includes('/.')),
      ...(baks === facts ? [] : backups),
    ];
  }

  /** Whether nothing is left once the last update is over. */
  async clean(id: string, updateId = ''): Promise<void> {
    const look = (): boolean => {
      const left = this.leftovers(id, updateId);
      if (left.length > 0) throw new Error(left.join(', '));
      return true;
    };
    await waitFor(look, { what: 'nothing to be left of the update', timeoutMs: LONG_MS, everyMs: 50 });
  }

  remove(): Promise<void> {
    return this.host.remove();
  }
}
