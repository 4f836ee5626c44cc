/**
 * Where agents' heartbeats come in: a Unix socket that all share, one of its own for each agent that wants it, and a
 * port on loopback where one is configured. Says which agent a heartbeat counts for; knows nothing of its effects.
 */
import { mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { AgentConfig } from '../../shared/config/schema.ts';
import { readStat } from '../../shared/platform/proc.ts';
import { HeartbeatCounters } from './heartbeat-counters.ts';
import { type Heartbeat, HeartbeatReceiver, type HeartbeatReceiverOptions } from './heartbeats.ts';
import { HttpHeartbeats } from './http-heartbeats.ts';
import type { InstanceLog } from './instance.ts';

/** What the intake needs to know of an agent. */
export interface HeartbeatTarget {
  /** 0 when not running. */
  pid(): number;
  note(heartbeat: Heartbeat): void;
}

export interface IntakeOptions {
  /** Folder of the shared socket. */
  workDir: string;
  log: InstanceLog;
  targets(): ReadonlyMap<string, HeartbeatTarget>;
  /** Monotonic milliseconds. */
  nowMs(): number;
  /** The process group of a pid; null where there is no such process. */
  groupOf?: (pid: number) => number | null;
}

const SOCKET_VARIABLE = 'DAEMON_HEARTBEAT_SOCKET';

export class HeartbeatIntake {
  readonly counters = new HeartbeatCounters();
  readonly #options: IntakeOptions;
  readonly #sharedSocket: string;
  readonly #groupOf: (pid: number) => number | null;
  #shared: HeartbeatReceiver | null = null;
  #http: HttpHeartbeats | null = null;
  /** By agent id. */
  readonly #own = new Map<string, { path: string; receiver: HeartbeatReceiver }>();

  constructor(options: IntakeOptions) {
    this.#options = options;
    this.#sharedSocket = join(options.workDir, 'heartbeat.sock');
    this.#groupOf = options.groupOf ?? ((pid) => readStat(pid)?.groupId ?? null);
  }

  /** Tells an agent where its heartbeats go. */
  environment({ socketPath }: Pick<AgentConfig, 'socketPath'>): Record<string, string> {
    return { [SOCKET_VARIABLE]: socketPath || this.#sharedSocket };
  }

  /** `httpPort` 0: not over HTTP. Rejects where the shared socket cannot be had. */
  async listen(agents: readonly Pick<AgentConfig, 'id' | 'socketPath'>[], httpPort = 0): Promise<void> {
    this.#shared = await this.#receiver(this.#sharedSocket, null);
    const { counters } = this;
    const { nowMs, log } = this.#options;
    const onHeartbeat = (agentId: string, heartbeat: Heartbeat): string | null => this.#acceptFor(agentId, heartbeat);
    try {
      if (httpPort > 0) this.#http = await HttpHeartbeats.listen({ port: httpPort, counters, nowMs, onHeartbeat });
    } catch (err) {
      // agents are worth more than this way of hearing from them
      log.error({ event: 'heartbeat-http', port: httpPort, err }, `no heartbeats over HTTP on port ${httpPort}`);
    }
    await this.update(agents);
  }

  /** Opens and closes agents' own sockets as the configuration now has them. */
  async update(agents: readonly Pick<AgentConfig, 'id' | 'socketPath'>[]): Promise<void> {
    const wanted = new Map(agents.flatMap(({ id, socketPath }) => (socketPath ? [[id, socketPath] as const] : [])));
    for (const [id, { path, receiver }] of this.#own) {
      if (!agents.some((agent) => agent.id === id)) this.counters.forget(id);
      if (wanted.get(id) === path) continue;
      this.#own.delete(id);
      await receiver.close();
    }
    for (const [id, path] of wanted) {
      if (this.#own.has(id)) continue;
      try {
        await mkdir(dirname(path), { recursive: true, mode: 0o750 });
        this.#own.set(id, { path, receiver: await this.#receiver(path, id) });
      } catch (err) {
        // its agent runs all the same; only its heartbeats are missing
        this.#options.log.error({ event: 'heartbeat-socket', agentId: id, path, err }, `no heartbeats for agent ${id}`);
      }
    }
  }

  async close(): Promise<void> {
    const receivers = [
      ...[...this.#own.values()].map(({ receiver }) => receiver),
      ...(this.#shared ? [this.#shared] : []),
    ];
    this.#own.clear();
    this.#shared = null;
    await this.#http?.close();
    this.#http = null;
    for (const receiver of receivers) await receiver.close();
  }

  /** By agent id, as over HTTP: the pid must be of that agent. */
  #acceptFor(agentId: string, heartbeat: Heartbeat): string | null {
    if (this.#options.targets().has(agentId)) return this.#accept(heartbeat, agentId);
    this.counters.refused++;
    return `there is no agent ${agentId}`;
  }

  #receiver(path: string, only: string | null): Promise<HeartbeatReceiver> {
    const options: HeartbeatReceiverOptions = {
      path,
      log: this.#options.log,
      onHeartbeat: (heartbeat) => this.#accept(heartbeat, only),
      counters: this.counters,
      nowMs: this.#options.nowMs,
    };
    return HeartbeatReceiver.listen(options);
  }

  /** A heartbeat counts for the agent whose process group its pid belongs to. */
  #accept(heartbeat: Heartbeat, only: string | null): string | null {
    const group = this.#groupOf(heartbeat.pid);
    for (const [id, target] of this.#options.targets()) {
      const pid = target.pid();
      if (pid === 0 || (pid !== heartbeat.pid && pid !== group)) continue;
      if (only !== null && id !== only) break;
      target.note(heartbeat);
      this.counters.count(id);
      return null;
    }
    this.counters.refused++;
    return `pid ${heartbeat.pid} is not of ${only === null ? 'any agent' : `agent ${only}`}`;
  }
}
