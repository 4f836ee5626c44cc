/**
 * Runs the demo: certificates and a configuration in a temporary folder, the Manager, the daemon, two agents; gathers
 * what is to be seen and ends everything in order, whatever happened: daemon, agents, Manager, folder.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ManagerEvent } from '../shared/contracts/manager-events.ts';
import { Scope } from '../shared/lifecycle/scope.ts';
import { demoAgents } from './agents.ts';
import { createCertificates } from './certificates.ts';
import { DemoChild, describeExit } from './children.ts';
import { hostPaths, renderHostConfig } from './host-config.ts';
import { endAgents } from './leftover-agents.ts';
import { LogFollower } from './log-follower.ts';
import { afterEvent, type DemoEvent, type DemoState, NEW_STATE } from './state.ts';
import { readUsages } from './usage.ts';

export interface DemoSettings {
  /** Folder with manager.js, daemon.js and sample-agent.js. */
  bundles: string;
  fast: boolean;
  /** As the variable PATH: where a node_exporter is looked for. */
  path: string;
  /** Told of every change. */
  onChange(before: DemoState, after: DemoState): void;
}

const LISTEN_MS = 15_000;
const USAGE_MS = 1000;
/** The daemon gives what is under way 30 s to end. */
const DAEMON_STOP_MS = 35_000;
const MANAGER_STOP_MS = 5000;
const LOG_TAIL = 10;

/** A part of the demo ended that should not have. `lines`: what it said last. */
export class PartEnded extends Error {
  readonly lines: readonly string[];

  constructor(message: string, lines: readonly string[]) {
    super(message);
    this.lines = lines;
  }
}

export class Demo {
  readonly #settings: DemoSettings;
  readonly #scope = new Scope();
  readonly #logTail: string[] = [];
  #state: DemoState = NEW_STATE;
  #daemon: DemoChild | null = null;

  constructor(settings: DemoSettings) {
    this.#settings = settings;
  }

  get state(): DemoState {
    return this.#state;
  }

  /** Starts everything. `unexpectedEnd` rejects with PartEnded when the Manager or the daemon ends by itself. */
  async start(signal: AbortSignal): Promise<{ unexpectedEnd: Promise<never> }> {
    const { bundles, fast, path } = this.#settings;
    const folder = await mkdtemp(join(tmpdir(), 'host-daemon-demo-'));
    await this.#scope.add(() => rm(folder, { recursive: true, force: true, maxRetries: 5 }));
    await createCertificates(folder);
    signal.throwIfAborted();

    const { manager, port } = await this.#startManager(folder, signal);
    const agents = await demoAgents(join(bundles, 'sample-agent.js'), path, fast);
    const paths = hostPaths(folder);
    await writeFile(paths.config, renderHostConfig({ folder, managerPort: port, agents, fast }), { mode: 0o600 });
    signal.throwIfAborted();

    await this.#scope.add(async () => {
      await endAgents(folder, Object.values(this.#state.agents));
    });
    const follower = new LogFollower(paths.log, (line) => {
      this.#logTail.push(JSON.stringify(line));
      if (this.#logTail.length > LOG_TAIL) this.#logTail.shift();
      this.#take({ from: 'log', line });
    });
    await this.#scope.add(() => follower.stop());
    const daemon = new DemoChild('daemon', [join(bundles, 'daemon.js'), '--config', paths.config]);
    this.#daemon = daemon;
    await this.#scope.add(() => daemon.stop(DAEMON_STOP_MS));
    this.#update({ ...this.#state, daemonPid: daemon.pid });
    const timer = setInterval(() => this.readUsage(), USAGE_MS);
    await this.#scope.add(() => clearInterval(timer));

    const unexpectedEnd = Promise.race([
      this.#endOf(manager, () => manager.tail()),
      this.#endOf(daemon, () => {
        follower.read();
        return [...daemon.tail(), ...this.#logTail];
      }),
    ]);
    unexpectedEnd.catch(() => {}); // whoever waits for it is told
    return { unexpectedEnd };
  }

  /** What the kernel says at this moment of the daemon and its agents. */
  readUsage(): void {
    const pids = [this.#daemon?.pid ?? 0, ...Object.values(this.#state.agents).map(({ pid }) => pid)];
    this.#take({ from: 'kernel', usage: readUsages(pids) });
  }

  /** Ends whatever was started, in order; safe to call again. Throws AggregateError where something did not end. */
  stop(): Promise<void> {
    return this.#scope.close();
  }

  async #startManager(folder: string, signal: AbortSignal): Promise<{ manager: DemoChild; port: number }> {
    let onPort: (port: number) => void = () => {};
    const listening = new Promise<number>((resolve) => {
      onPort = resolve;
    });
    const onLine = (line: string): void => {
      if (!line.startsWith('{')) return;
      const event = JSON.parse(line) as ManagerEvent;
      if (event.event === 'listening') onPort(event.port);
      this.#take({ from: 'manager', event });
    };
    const bundle = join(this.#settings.bundles, 'manager.js');
    const manager = new DemoChild('Manager', [bundle, '--json', '--port', '0', '--tls', folder], { onLine });
    await this.#scope.add(() => manager.stop(MANAGER_STOP_MS));
    const ended = this.#endOf(manager, () => manager.tail());
    const port = await Promise.race([listening, ended, interrupted(signal, LISTEN_MS)]);
    return { manager, port };
  }

  async #endOf(child: DemoChild, tail: () => readonly string[]): Promise<never> {
    const exit = await child.exited;
    throw new PartEnded(`the ${child.name} ${describeExit(exit)}`, tail());
  }

  #take(event: DemoEvent): void {
    this.#update(afterEvent(this.#state, event));
  }

  #update(after: DemoState): void {
    const before = this.#state;
    this.#state = after;
    if (after !== before) this.#settings.onChange(before, after);
  }
}

/** Rejects when the signal comes or the time is up. */
function interrupted(signal: AbortSignal, ms: number): Promise<never> {
  const either = AbortSignal.any([signal, AbortSignal.timeout(ms)]);
  return new Promise((_, reject) => {
    either.addEventListener('abort', () => {
      reject(signal.aborted ? signal.reason : new Error(`the Manager does not listen after ${ms / 1000} s`));
    });
  });
}
