/**
 * The table of agents: makes an instance of each configured one, takes up what an earlier daemon left running, keeps
 * the table on disk, watches adopted processes and receives heartbeats. Reports each change once.
 */
import { mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { AgentConfig } from '../../shared/config/schema.ts';
import type { AgentSnapshot } from '../../shared/contracts/agent.ts';
import type { Clock } from '../../shared/platform/clock.ts';
import { readStat } from '../../shared/platform/proc.ts';
import { type Heartbeat, HeartbeatReceiver } from './heartbeats.ts';
import { AgentInstance, type InstanceLog, STOP_TIMEOUT_MS } from './instance.ts';
import type { AgentRecord, ProcessIdentity } from './instance-state.ts';
import type { Processes } from './launcher.ts';
import { AgentStore } from './store.ts';

export interface SupervisorOptions {
  agents: AgentConfig[];
  workDir: string;
  environment: NodeJS.ProcessEnv;
  processes: Processes;
  clock: Clock;
  random: () => number;
  log: InstanceLog;
  after(delayMs: number, name: string, run: () => void): () => void;
  every(intervalMs: number, name: string, run: () => void | Promise<void>): () => void;
  /** An agent's state is another now. */
  onChange(): void;
  /** The process group of a pid; null where there is no such process. */
  groupOf?: (pid: number) => number | null;
}

const PASSED_ON = ['PATH', 'HOME', 'LANG', 'TZ', 'TMPDIR'];
const HEARTBEAT_SOCKET_VARIABLE = 'DAEMON_HEARTBEAT_SOCKET';
/** Ends of adopted processes come as no event. */
const PRESENCE_INTERVAL_MS = 2000;

export class AgentSupervisor {
  readonly #options: SupervisorOptions;
  readonly #store: AgentStore;
  readonly #sharedSocket: string;
  readonly #groupOf: (pid: number) => number | null;
  #instances = new Map<string, AgentInstance>();
  #receivers: HeartbeatReceiver[] = [];
  #stopPresence: () => void = () => {};

  constructor(options: SupervisorOptions) {
    this.#options = options;
    this.#sharedSocket = join(options.workDir, 'heartbeat.sock');
    this.#groupOf = options.groupOf ?? ((pid) => readStat(pid)?.groupId ?? null);
    this.#store = new AgentStore(join(options.workDir, 'agents.json'), (err) =>
      options.log.error({ event: 'agent-table', err }, 'the table of agents could not be written'),
    );
  }

  /** Settles when each agent was adopted or had its first attempt to start. */
  async start(): Promise<void> {
    const { agents, log, clock, processes, workDir } = this.#options;
    const { agents: records, setAside } = await this.#store.load(clock.wallMs());
    if (setAside) {
      log.error(
        { event: 'agent-table', ...setAside },
        `the table of agents was unreadable and is now ${setAside.path}`,
      );
    }
    await this.#listen();
    for (const config of agents) this.#instances.set(config.id, this.#instance(config, records.get(config.id)));
    const running = processes.scan(workDir);
    const started: Promise<void>[] = [];
    for (const instance of this.#instances.values()) {
      const resumed = instance.resume(running.get(instance.config.id)).catch((err: unknown) => {
        log.error({ event: 'agent-status', agentId: instance.config.id, err }, 'an agent could not be taken up');
      });
      // ending one that is disabled may take its time, and nothing waits for that
      if (instance.config.enabled) started.push(resumed);
    }
    for (const [id, process] of this.#noLongerConfigured(records, running)) this.#endRemoved(id, process);
    await Promise.all(started);
    this.#stopPresence = this.#options.every(PRESENCE_INTERVAL_MS, 'agent presence', () => {
      for (const instance of this.#instances.values()) instance.checkPresence();
    });
  }

  list(): AgentSnapshot[] {
    return [...this.#instances.values()].map((instance) => instance.snapshot());
  }

  /** Lets go of every agent, all of which run on, and puts the table on disk. */
  async close(): Promise<void> {
    this.#stopPresence();
    await Promise.all([...this.#instances.values()].map((instance) => instance.detach()));
    for (const receiver of this.#receivers) await receiver.close();
    this.#receivers = [];
    this.#save();
    await this.#store.flush();
  }

  async #listen(): Promise<void> {
    const { log, agents } = this.#options;
    const accept = (only: string | null) => (heartbeat: Heartbeat) => this.#accept(heartbeat, only);
    this.#receivers.push(await HeartbeatReceiver.listen({ path: this.#sharedSocket, log, onHeartbeat: accept(null) }));
    for (const { id, socketPath } of agents) {
      if (!socketPath) continue;
      try {
        await mkdir(dirname(socketPath), { recursive: true, mode: 0o750 });
        this.#receivers.push(await HeartbeatReceiver.listen({ path: socketPath, log, onHeartbeat: accept(id) }));
      } catch (err) {
        // its agent runs all the same; only its heartbeats are missing
        log.error({ event: 'heartbeat-socket', agentId: id, path: socketPath, err }, `no heartbeats for agent ${id}`);
      }
    }
  }

  /** A heartbeat counts for the agent whose process group its pid belongs to. */
  #accept(heartbeat: Heartbeat, only: string | null): string | null {
    const group = this.#groupOf(heartbeat.pid);
    for (const instance of this.#instances.values()) {
      const pid = instance.record.process?.pid;
      if (pid === undefined || (pid !== heartbeat.pid && pid !== group)) continue;
      if (only !== null && instance.config.id !== only) break;
      instance.noteHeartbeat({ version: heartbeat.version, receivedAtMs: this.#options.clock.wallMs() });
      return null;
    }
    return `pid ${heartbeat.pid} is not of ${only === null ? 'any agent' : `agent ${only}`}`;
  }

  #instance(config: AgentConfig, record: AgentRecord | undefined): AgentInstance {
    const { processes, clock, random, log, after, workDir, environment } = this.#options;
    const baseEnv: Record<string, string> = { [HEARTBEAT_SOCKET_VARIABLE]: config.socketPath || this.#sharedSocket };
    for (const name of PASSED_ON) {
      const value = environment[name];
      if (value !== undefined) baseEnv[name] = value;
    }
    return new AgentInstance(config, record, {
      processes,
      clock,
      random,
      log,
      after,
      baseEnv,
      daemonWorkDir: workDir,
      onChange: () => {
        this.#save();
        this.#options.onChange();
      },
    });
  }

  /** Agents that run although the configuration no longer names them. */
  #noLongerConfigured(
    records: ReadonlyMap<string, AgentRecord>,
    running: ReadonlyMap<string, ProcessIdentity>,
  ): Map<string, ProcessIdentity> {
    const removed = new Map([...running].filter(([id]) => !this.#instances.has(id)));
    for (const [id, { process }] of records) {
      if (process && !this.#instances.has(id) && this.#options.processes.find(process)) removed.set(id, process);
    }
    return removed;
  }

  #endRemoved(id: string, process: ProcessIdentity): void {
    const { log, processes, after } = this.#options;
    log.warn(
      { event: 'agent-removed', agentId: id, pid: process.pid },
      `agent ${id} is no longer configured and is ended`,
    );
    processes.signalGroup(process, 'SIGTERM');
    processes.signalGroup(process, 'SIGCONT');
    after(STOP_TIMEOUT_MS, `kill ${id}`, () => processes.signalGroup(process, 'SIGKILL'));
  }

  #save(): void {
    this.#store.save(new Map([...this.#instances].map(([id, instance]) => [id, instance.record])));
  }
}
