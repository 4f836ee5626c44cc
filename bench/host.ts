/**
 * What a benchmark runs against: a temporary folder with certificates, a Manager in its own process, and the built
 * daemon as often as it is wanted, started as a release starts it. All of it, agents included, ends with the scope.
 */
import { readFileSync } from 'node:fs';
import { chmod, copyFile, mkdir, mkdtemp, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createCertificates } from '../src/demo/certificates.ts';
import { DemoChild, describeExit } from '../src/demo/children.ts';
import { endAgents } from '../src/demo/leftover-agents.ts';
import type { ManagerEvent } from '../src/shared/contracts/manager-events.ts';
import type { Scope } from '../src/shared/lifecycle/scope.ts';
import { within } from './bounded.ts';
import {
  type BenchAgent,
  type BenchConfig,
  configFile,
  controlSocket,
  logFile,
  renderConfig,
} from './daemon-config.ts';
import type { BenchContext } from './report.ts';

const LISTEN_MS = 15_000;
const MANAGER_STOP_MS = 5000;
/** The daemon gives what is under way 30 s to end. */
const DAEMON_STOP_MS = 35_000;
const ANSWER_MS = 15_000;
const LOG_TAIL = 5;
const RELEASE = 'releases/bench';

type EventNamed<Name extends ManagerEvent['event']> = Extract<ManagerEvent, { event: Name }>;

export interface RunningDaemon {
  pid: number;
  /** Where it is at home. */
  folder: string;
  /** Monotonic milliseconds, right before it was started. */
  startedMs: number;
  /** Rejects when it ends, with what it said last. */
  ended: Promise<never>;
  stop(): Promise<void>;
  /** Has it go on with other intervals (see BenchConfig), by a reload of its configuration. */
  setIntervals(intervalMs: number | null): Promise<void>;
}

/** Where the daemon is not to be what startDaemon() makes by itself. */
export interface DaemonOptions extends Pick<BenchConfig, 'keys'> {
  /** One of makeFolder(), with what the daemon is to find there. */
  folder?: string;
  /** Of something on the way to the Manager. */
  managerPort?: number;
}

/** `node` is the daemon's; the Manager and the agents have that of the harness, so that they are always the same. */
export type HostOptions = Pick<BenchContext, 'bundles' | 'launcher' | 'node' | 'signal'>;

export class BenchHost {
  readonly folder: string;
  readonly #options: HostOptions;
  readonly #scope: Scope;
  readonly #waiting = new Set<(event: ManagerEvent) => void>();
  readonly #lines = new Set<(line: string) => void>();
  #port = 0;
  #daemons = 0;
  #program: Promise<string> | null = null;

  private constructor(folder: string, scope: Scope, options: HostOptions) {
    this.folder = folder;
    this.#scope = scope;
    this.#options = options;
  }

  static async start(scope: Scope, options: HostOptions): Promise<BenchHost> {
    const folder = await tempFolder(scope);
    await createCertificates(folder);
    const host = new BenchHost(folder, scope, options);
    await host.#startManager();
    // agents outlive the daemon: they are ended after it, which is what ends first
    await scope.add(async () => {
      await endAgents(folder, []);
    });
    return host;
  }

  get managerPort(): number {
    return this.#port;
  }

  /** The next event of the Manager's with that name that fits; only what comes from now on counts. */
  event<Name extends ManagerEvent['event']>(
    name: Name,
    fits: (event: EventNamed<Name>) => boolean = () => true,
  ): Promise<EventNamed<Name>> {
    return new Promise((resolve) => {
      const look = (event: ManagerEvent): void => {
        const named = event as EventNamed<Name>;
        if (event.event !== name || !fits(named)) return;
        this.#waiting.delete(look);
        resolve(named);
      };
      this.#waiting.add(look);
    });
  }

  /** Every line of the Manager's from now on, unread: for where reading it would be felt. */
  onLine(look: (line: string) => void): void {
    this.#lines.add(look);
  }

  /** An empty folder for a daemon. */
  async makeFolder(): Promise<string> {
    const folder = join(this.folder, `host-${++this.#daemons}`);
    await mkdir(folder);
    return folder;
  }

  /** Starts a daemon that has never run before. `intervalMs`: see BenchConfig. */
  async startDaemon(
    agents: readonly BenchAgent[],
    intervalMs: number | null,
    { folder: given, managerPort = this.#port, keys = {} }: DaemonOptions = {},
  ): Promise<RunningDaemon> {
    const folder = given ?? (await this.makeFolder());
    const { bundles, launcher } = this.#options;
    // one for all of them, those that are started at the same time too
    this.#program ??= makeRelease(join(this.folder, RELEASE), launcher, (lib) => symlink(resolve(bundles), lib));
    const program = await this.#program;
    const config = { folder, tlsFolder: this.folder, managerPort, agents, keys };
    await writeFile(configFile(folder), renderConfig({ ...config, intervalMs }));
    this.#options.signal.throwIfAborted();
    const startedMs = performance.now();
    // its launcher becomes it: the pid is the daemon's
    const child = new DemoChild('daemon', ['--config', configFile(folder)], {
      program,
      env: { ...process.env, DAEMON_NODE: this.#options.node.path },
    });
    const stop = (): Promise<void> => child.stop(DAEMON_STOP_MS);
    await this.#scope.add(stop);
    return {
      ...{ pid: child.pid, folder, startedMs, ended: endOf(child, () => lastLines(logFile(folder))), stop },
      setIntervals: async (next) => {
        const changed = `${configFile(folder)}.next`;
        await writeFile(changed, renderConfig({ ...config, intervalMs: next }));
        await rename(changed, configFile(folder)); // it looks for changes itself: never at half of one
        await this.#ask('reload', folder);
      },
    };
  }

  /** Milliseconds from right before `daemonctl status` is started, as a release starts it, to its end with the answer. */
  askStatus({ folder }: RunningDaemon): Promise<number> {
    return this.#ask('status', folder);
  }

  async #ask(verb: 'status' | 'reload', folder: string): Promise<number> {
    const { node, signal } = this.#options;
    const program = join(this.folder, RELEASE, 'bin', 'daemonctl');
    const startedMs = performance.now();
    const child = new DemoChild('daemonctl', [verb, '--socket', controlSocket(folder)], {
      program,
      env: { ...process.env, DAEMON_NODE: node.path },
    });
    await this.#scope.add(() => child.stop(0));
    const exit = await within(child.exited, { what: `the answer of daemonctl ${verb}`, timeoutMs: ANSWER_MS, signal });
    const tookMs = performance.now() - startedMs;
    if (exit.code !== 0) throw new Error([`daemonctl ${verb} ${describeExit(exit)}`, ...child.tail()].join('\n  '));
    return tookMs;
  }

  async #startManager(): Promise<void> {
    const { bundles, signal } = this.#options;
    const onLine = (line: string): void => {
      for (const look of this.#lines) look(line);
      // nobody waits: the line is not worth the time that something else is being measured by
      if (this.#waiting.size === 0 || !line.startsWith('{')) return;
      const event = JSON.parse(line) as ManagerEvent;
      for (const look of [...this.#waiting]) look(event);
    };
    const listening = this.event('listening');
    const args = [join(bundles, 'manager.js'), '--json', '--port', '0', '--tls', this.folder];
    const manager = new DemoChild('Manager', args, { onLine });
    await this.#scope.add(() => manager.stop(MANAGER_STOP_MS));
    const bound = { what: 'the Manager to listen', timeoutMs: LISTEN_MS, signal };
    this.#port = (await within(Promise.race([listening, endOf(manager, () => [])]), bound)).port;
  }
}

/** A new folder, which is removed with the scope. */
export async function tempFolder(scope: Scope): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'host-daemon-bench-'));
  await scope.add(() => rm(folder, { recursive: true, force: true, maxRetries: 5 }));
  return folder;
}

/** An installed version: its launchers beside its bundles, which `fill` puts there. Gives the daemon's launcher. */
export async function makeRelease(
  release: string,
  launcher: string,
  fill: (lib: string) => Promise<void>,
): Promise<string> {
  const bin = join(release, 'bin');
  await mkdir(bin, { recursive: true });
  for (const name of ['daemon', 'daemonctl']) {
    await copyFile(launcher, join(bin, name));
    await chmod(join(bin, name), 0o755);
  }
  await fill(join(release, 'lib'));
  return join(bin, 'daemon');
}

function lastLines(path: string): string[] {
  try {
    return readFileSync(path, 'utf8').trimEnd().split('\n').slice(-LOG_TAIL);
  } catch (error) {
    return [`no log: ${error instanceof Error ? error.message : error}`];
  }
}

function endOf(child: DemoChild, more: () => string[]): Promise<never> {
  const end = child.exited.then((exit) => {
    throw new Error([`the ${child.name} ${describeExit(exit)}`, ...child.tail(), ...more()].join('\n  '));
  });
  end.catch(() => {}); // for whoever waits for it; one that was stopped is nobody's error
  return end;
}
