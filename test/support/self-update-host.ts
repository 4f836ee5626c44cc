/**
 * A host that runs one installed version of the daemon, with two agents and a supervisor, and is asked for updates of
 * the daemon. Knows what must hold when an update is over, however it ended.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import { ask } from '../../src/ctl/client.ts';
import { keygen } from '../../src/ctl/keygen.ts';
import { sign } from '../../src/ctl/sign.ts';
import { type UpdateCommand, updateRequest } from '../../src/ctl/update-request.ts';
import type { DaemonJournal } from '../../src/main/update/journal-format.ts';
import type { ControlVerbs } from '../../src/shared/contracts/control.ts';
import type { UpdateResult } from '../../src/shared/contracts/update.ts';
import { isAlive, readStat } from '../../src/shared/platform/proc.ts';
import { sampleAgent, TestHost } from './daemon-process.ts';
import type { ManagerProcess } from './manager-process.ts';
import { Child, expectNoProcessWith, killProcessesWith, processesWith } from './processes.ts';
import { ReleaseRoot, type Releases, Supervisor } from './release-root.ts';
import { waitFor } from './wait-until.ts';

const WAIT_MS = 60_000;

/** Key pair for the packages of a test: `key` and `key.pub` in the folder of the packages. */
export function makeKey({ folder }: Releases): void {
  keygen({ type: 'ecdsa', bits: 0, curve: 'P-256', out: join(folder, 'key'), passphraseFile: '' });
}

/** Signs a package as this version, with a manifest beside it; gives the path again. */
export function signed({ folder }: Releases, path: string, version: string): string {
  sign({
    file: path,
    keyFile: join(folder, 'key'),
    passphraseFile: '',
    pss: false,
    manifest: {
      component: 'daemon',
      agent: '',
      version,
      platform: process.platform,
      arch: process.arch,
      expiresMs: Date.now() + 3_600_000,
      allowDowngrade: false,
    },
    nowMs: Date.now(),
  });
  return path;
}

export interface HostSetting {
  managerPort?: number;
  verifyTimeout?: string;
  verifySeconds?: string;
}

export class SelfUpdateHost {
  readonly host: TestHost;
  readonly root: ReleaseRoot;
  readonly #releases: Releases;
  readonly #manager: ManagerProcess;
  #supervisor: Supervisor | null = null;

  private constructor(host: TestHost, releases: Releases, manager: ManagerProcess) {
    this.host = host;
    this.root = new ReleaseRoot(join(host.folder, 'opt'));
    this.#releases = releases;
    this.#manager = manager;
  }

  static async make(
    releases: Releases,
    manager: ManagerProcess,
    installed: { version: string; path: string },
  ): Promise<SelfUpdateHost> {
    const self = new SelfUpdateHost(await TestHost.make(), releases, manager);
    await self.root.install(installed.version, installed.path);
    return self;
  }

  get supervisor(): Supervisor {
    if (!this.#supervisor) throw new Error('nothing was started');
    return this.#supervisor;
  }

  get updates(): string {
    return join(this.host.workDir, 'updates');
  }

  /** What the hand-over helpers did, for the message of a failure. */
  get handover(): string {
    const path = join(this.updates, 'handover.log');
    return existsSync(path) ? readFileSync(path, 'utf8') : 'there was no hand-over';
  }

  /** Null where there is none. */
  get journal(): DaemonJournal | null {
    const path = join(this.updates, 'daemon.json');
    return existsSync(path) ? JSON.parse(readFileSync(path, 'utf8')) : null;
  }

  async configure({ managerPort, verifyTimeout = '20s', verifySeconds = '1s' }: HostSetting = {}): Promise<void> {
    await this.host.configure(managerPort ?? this.#manager.port, this.#manager.tlsFolder, {
      agents: [sampleAgent('one'), sampleAgent('two')],
      update: {
        download_dir: join(this.host.folder, 'downloads'),
        backup_dir: join(this.host.folder, 'backups'),
        public_key_file: join(this.#releases.folder, 'key.pub'),
        verify_timeout: verifyTimeout,
        verify_seconds: verifySeconds,
      },
    });
  }

  /** Starts the supervisor; gives the agents' pids once all runs and is registered. `env`: for the first daemon only. */
  async start(env: Record<string, string> = {}): Promise<number[]> {
    this.#supervisor = new Supervisor(this.root, this.host.configFile, env);
    this.#supervisor.start();
    return this.running();
  }

  /** As `start`, but nobody starts it again: its parent has gone. */
  async startAlone(env: Record<string, string> = {}): Promise<number[]> {
    const command = [join(this.root.root, 'current/bin/daemon'), '--config', this.host.configFile];
    const shell = 'setsid "$@" </dev/null >/dev/null 2>&1 &';
    await new Child(['-c', shell, 'bash', ...command], { program: '/bin/bash', env }).ended();
    return this.running();
  }

  /** The agents' pids once a daemon is registered. */
  async running(): Promise<number[]> {
    await waitFor(() => this.host.log().some(({ event }) => event === 'registered'), {
      what: 'the registration',
      timeoutMs: WAIT_MS,
    });
    return this.agentPids();
  }

  agentPids(): Promise<number[]> {
    const pids = (): number[] => this.host.agents().sort((a, b) => a - b);
    return waitFor(() => (pids().length === 2 ? pids() : null), { what: 'two agents', timeoutMs: WAIT_MS });
  }

  ask<V extends keyof ControlVerbs>(verb: V, input: ControlVerbs[V]['input']): Promise<ControlVerbs[V]['output']> {
    return ask(join(this.host.workDir, 'control.sock'), verb, input);
  }

  async update(path: string, how: Omit<UpdateCommand, 'file'> = {}): Promise<ControlVerbs['update']['output']> {
    return this.ask('update', await updateRequest('daemon', { file: path, ...how }));
  }

  /** Waits for the outcome, as whichever daemon runs in the end has it. */
  outcome(id: string, timeoutMs = WAIT_MS): Promise<UpdateResult> {
    const look = async (): Promise<UpdateResult | undefined> => {
      const status = await this.ask('updateStatus', {}).catch(() => null); // it is being started
      return status?.results.find((result) => result.id === id);
    };
    return waitFor(look, { what: 'the outcome of the update', timeoutMs, everyMs: 25 }).catch((error: unknown) => {
      throw new Error(`${error instanceof Error ? error.message : error}\n${this.handover}`);
    });
  }

  /** Pids of all daemons of this host, of whichever version. */
  daemons(): number[] {
    return processesWith(`/lib/daemon.js\0--config\0${this.host.configFile}`);
  }

  helpers(): number[] {
    return processesWith(`handover.js\0${this.updates}`);
  }

  /** Exactly this version is in place and runs, once, and nothing of the update is in the middle. */
  async expectSettled(version: string, kept: readonly string[]): Promise<void> {
    await waitFor(() => this.helpers().length === 0, { what: 'the end of the helper', timeoutMs: WAIT_MS });
    const left = (): string => readdirSync(this.updates).sort().join();
    const clean = /^(handover\.log,)?outcomes\.json$/;
    await waitFor(() => clean.test(left()) || Promise.reject(new Error(left())), {
      what: 'the files of the update to be cleared up',
      timeoutMs: 20_000,
    });
    expect(this.root.current).toBe(version);
    expect(readdirSync(this.root.root).sort()).toEqual(['current', 'releases']);
    expect(readdirSync(join(this.root.root, 'releases')).sort()).toEqual([...kept].sort());
    for (const name of ['downloads', 'backups']) {
      const folder = join(this.host.folder, name);
      const entries = existsSync(folder) ? readdirSync(folder) : [];
      expect(entries.filter((entry) => !/^daemon_\d{14}\.(bak|json)$/.test(entry))).toEqual([]);
    }
    await this.ask('updateStatus', {});
    expect(this.daemons()).toHaveLength(1);
    expect(this.host.log().findLast(({ event }) => event === 'starting')).toMatchObject({
      version,
      pid: this.daemons()[0],
    });
  }

  /** Ends whatever runs and removes everything. */
  async remove(): Promise<void> {
    await this.#supervisor?.stop('SIGKILL');
    killProcessesWith(this.updates); // a helper that a test has halted
    for (const pid of this.daemons()) kill(pid);
    await this.host.remove();
    await expectNoProcessWith(this.host.folder);
  }
}

/** Ends it at once; it may have ended already. */
export function kill(pid: number): void {
  if (isAlive(readStat(pid))) process.kill(pid, 'SIGKILL');
}
