/**
 * What a benchmark runs on: a Manager in its own process, throw-away certificates, and the built daemon with two
 * sample agents, all in a temporary folder. Everything that it starts ends with it.
 */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { createCertificates } from '../src/demo/certificates.ts';
import { DemoChild } from '../src/demo/children.ts';
import { hostPaths, renderHostConfig } from '../src/demo/host-config.ts';
import { endAgents } from '../src/demo/leftover-agents.ts';
import type { ManagerEvent } from '../src/shared/contracts/manager-events.ts';

export interface StageOptions {
  /** Folder of the bundles. */
  dist: string;
  /** Of heartbeats and collectors; the default's where it is not given. */
  intervalSeconds?: number;
}

const STOP_MS = 10_000;
const AGENTS = ['one', 'two'];

/** Variables that change what Node loads at its start, and so every figure. */
export function cleanEnvironment(): void {
  for (const name of ['NODE_OPTIONS', 'NODE_EXTRA_CA_CERTS', 'SSL_CERT_FILE', 'SSL_CERT_DIR', 'NODE_COMPILE_CACHE']) {
    delete process.env[name];
  }
}

export class Stage {
  readonly folder: string;
  readonly #options: StageOptions;
  readonly #events: ManagerEvent[] = [];
  readonly #arrivals: number[] = [];
  #manager: DemoChild | null = null;
  #daemon: DemoChild | null = null;

  private constructor(folder: string, options: StageOptions) {
    this.folder = folder;
    this.#options = options;
  }

  static async make(options: StageOptions): Promise<Stage> {
    const stage = new Stage(await mkdtemp(join(tmpdir(), 'host-daemon-bench-')), options);
    try {
      await createCertificates(stage.folder);
      const args = [join(options.dist, 'manager.js'), '--json', '--port', '0', '--tls', stage.folder];
      stage.#manager = new DemoChild('the Manager', args, { onLine: (line) => stage.#take(line) });
      await stage.until(() => stage.port > 0, 'the Manager to listen');
      return stage;
    } catch (error) {
      await stage.close();
      throw error;
    }
  }

  get events(): readonly ManagerEvent[] {
    return this.#events;
  }

  get port(): number {
    const [first] = this.#events;
    return first?.event === 'listening' ? first.port : 0;
  }

  get daemonPid(): number {
    return this.#daemon?.pid ?? 0;
  }

  count(name: ManagerEvent['event']): number {
    return this.#events.filter(({ event }) => event === name).length;
  }

  /** Monotonic milliseconds at which this process had the first event of that name. */
  arrival(name: ManagerEvent['event']): number | undefined {
    return this.#arrivals[this.#events.findIndex(({ event }) => event === name)];
  }

  async startDaemon(agents = AGENTS): Promise<void> {
    const { dist, intervalSeconds } = this.#options;
    const { config } = hostPaths(this.folder);
    const text = renderHostConfig({
      folder: this.folder,
      managerPort: this.port,
      fast: false,
      agents: agents.map((id) => ({
        id,
        type: 'custom',
        binaryPath: process.execPath,
        args: [join(dist, 'sample-agent.js'), '--name', id, '--interval', '30s'],
        httpEndpoint: '',
        sendsHeartbeats: true,
      })),
    });
    await writeFile(config, intervalSeconds ? withIntervals(text, intervalSeconds) : text);
    this.#daemon = new DemoChild('the daemon', [join(dist, 'daemon.js'), '--config', config]);
  }

  async stopDaemon(): Promise<void> {
    await this.#daemon?.stop(STOP_MS);
    this.#daemon = null;
  }

  /** Lines of the daemon's log with that event. */
  async logged(event: string): Promise<Record<string, unknown>[]> {
    const lines = (await readFile(hostPaths(this.folder).log, 'utf8')).split('\n').slice(0, -1);
    return lines.map((line) => JSON.parse(line) as Record<string, unknown>).filter((line) => line['event'] === event);
  }

  async until(condition: () => boolean, what: string, timeoutMs = 20_000): Promise<void> {
    const limit = performance.now() + timeoutMs;
    while (!condition()) {
      if (performance.now() > limit) {
        const said = [...(this.#daemon?.tail() ?? []), ...(this.#manager?.tail() ?? [])].join('\n');
        throw new Error(`waited ${timeoutMs} ms for ${what}${said ? `\n${said}` : ''}`);
      }
      await sleep(5);
    }
  }

  async close(): Promise<void> {
    await this.stopDaemon();
    await endAgents(this.folder, []);
    await this.#manager?.stop(STOP_MS);
    await rm(this.folder, { recursive: true, force: true });
  }

  #take(line: string): void {
    this.#events.push(JSON.parse(line) as ManagerEvent);
    this.#arrivals.push(performance.now());
  }
}

function withIntervals(config: string, seconds: number): string {
  const collectors = ['cpu', 'memory', 'disk', 'network'].map((name) => `  ${name}:\n    interval: ${seconds}s\n`);
  return `${config.replace('manager:\n', `manager:\n  heartbeat_interval: ${seconds}s\n`)}\ncollectors:\n${collectors.join('')}`;
}
