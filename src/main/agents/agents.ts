/**
 * The agents as one part: the supervisor, where heartbeats come in, the health checks, the rotation of logs. Builds
 * them, starts and ends them in order, and applies a changed configuration.
 */
import { join } from 'node:path';
import type { AgentConfig, Config } from '../../shared/config/schema.ts';
import type { AgentSnapshot, AgentType } from '../../shared/contracts/agent.ts';
import type { AgentAction, AgentUsage, AgentView } from '../../shared/contracts/control.ts';
import type { CheckResult, HealthFinding, HealthTarget, ResourceAlert } from '../../shared/contracts/health.ts';
import type { HostEvent } from '../../shared/contracts/host-event.ts';
import { DaemonError, describe } from '../../shared/errors/daemon-error.ts';
import type { Clock } from '../../shared/platform/clock.ts';
import { HealthMonitor } from './health-monitor.ts';
import { HeartbeatIntake, type HeartbeatTarget } from './heartbeat-intake.ts';
import type { AgentInstance, InstanceLog } from './instance.ts';
import type { ProcessIdentity } from './instance-state.ts';
import type { Processes } from './launcher.ts';
import { LogRotator, type LogTasks } from './log-rotator.ts';
import type { ReloadPlan } from './reload-plan.ts';
import type { ResourcePoint } from './resource-ring.ts';
import { stopOrder } from './start-order.ts';
import { AgentStore } from './store.ts';
import { AgentSupervisor, type Outcome } from './supervisor.ts';
import { VersionProbe } from './version-probe.ts';

export interface AgentsOptions {
  config: Config;
  environment: NodeJS.ProcessEnv;
  processes: Processes;
  clock: Clock;
  random: () => number;
  log: InstanceLog;
  after(delayMs: number, name: string, run: () => void): () => void;
  every(intervalMs: number, name: string, run: () => void | Promise<void>): () => void;
  checkHealth(targets: HealthTarget[], options: { deadlineMs: number; signal: AbortSignal }): Promise<HealthFinding[]>;
  logTasks: LogTasks;
  /** An agent's state is another now. */
  onChange(): void;
  onAlert(alert: ResourceAlert): void;
  onEvent(event: HostEvent): void;
}

/** One agent, for those who act on it. */
export interface FoundAgent {
  config: AgentConfig;
  snapshot: AgentSnapshot;
  process: ProcessIdentity | null;
  /** What was asked for last. */
  wanted: boolean;
}

const PASSED_ON = ['PATH', 'HOME', 'LANG', 'TZ', 'TMPDIR'];
const LOG_CHECK_MS = 30_000;

export class Agents {
  readonly #options: AgentsOptions;
  readonly #supervisor: AgentSupervisor;
  readonly #intake: HeartbeatIntake;
  readonly #monitor: HealthMonitor;
  readonly #versions = new VersionProbe();
  #rotator: LogRotator;
  #stopRotation: () => void = () => {};

  constructor(options: AgentsOptions) {
    this.#options = options;
    const { config, log, clock, after } = options;
    const { workDir } = config.daemon;
    this.#intake = new HeartbeatIntake({
      workDir,
      log,
      targets: () => this.#heartbeatTargets(),
      nowMs: () => clock.nowMs(),
    });
    this.#supervisor = new AgentSupervisor({
      ...options,
      agents: config.agents,
      daemonWorkDir: workDir,
      store: new AgentStore(join(workDir, 'agents.json'), (err) =>
        log.error({ event: 'agent-table', err }, 'the table of agents could not be written'),
      ),
      baseEnv: (agent) => this.#environment(agent),
      version: (agent) => this.#versions.version(agent, agent.binaryPath),
      onChange: () => {
        this.#monitor.changed();
        options.onChange();
      },
    });
    this.#monitor = new HealthMonitor({
      agents: () => this.#supervisor.instances(),
      check: options.checkHealth,
      after,
      clock,
      log,
      onAlert: options.onAlert,
      onResults: options.onChange,
    });
    this.#rotator = this.#makeRotator(config);
  }

  /** Settles when each agent that need not wait for another was adopted or had its first attempt to start. */
  async start(): Promise<void> {
    const { config, every } = this.#options;
    await this.#intake.listen(config.agents, config.daemon.httpPort);
    await this.#supervisor.start();
    this.#monitor.changed();
    this.#stopRotation = every(LOG_CHECK_MS, 'agents’ logs', () => this.#rotator.check());
  }

  list(): AgentSnapshot[] {
    return this.#supervisor.instances().map((instance) => this.#snapshot(instance));
  }

  listByType(type: AgentType): AgentSnapshot[] {
    return this.#supervisor.instancesByType(type).map((instance) => this.#snapshot(instance));
  }

  /** An agent's own record and configuration, and how its program is asked for its version; null: no such agent. */
  find(id: string): FoundAgent | null {
    const instance = this.#supervisor.get(id);
    if (!instance) return null;
    const { config, record } = instance;
    return { config, snapshot: this.#snapshot(instance), process: record.process, wanted: record.wanted === 'running' };
  }

  /** Each agent as the people of this host see it. */
  views(): AgentView[] {
    return this.#supervisor.instances().map((instance) => ({
      ...this.#snapshot(instance),
      wanted: instance.record.wanted === 'running',
      enabled: instance.config.enabled,
      usage: this.#usageNow(instance),
    }));
  }

  /** What the last regular checks found; empty before the first, and where nothing runs. */
  lastChecks(id: string): { pid: number; results: readonly CheckResult[] } {
    const pid = this.#instance(id).record.process?.pid ?? 0;
    return pid > 0 ? { pid, results: this.#monitor.results(id) } : { pid, results: [] };
  }

  /** Looks at its health now, without consequences; empty where there is nothing to look at. */
  async checks(id: string): Promise<{ pid: number; results: readonly CheckResult[] }> {
    const seen = await this.#monitor.look(id);
    return seen ? { pid: seen.process.pid, results: seen.results } : { pid: 0, results: [] };
  }

  /** Starts it unless it runs. Throws D3001. */
  async startAgent(id: string): Promise<void> {
    await this.#instance(id).start();
  }

  /** Ends it; it stays stopped. Throws D3002. */
  async stopAgent(id: string, reason: string): Promise<void> {
    await this.#instance(id).stop(reason);
  }

  /** Ends it and starts it anew. Throws D3001, D3002. */
  async restartAgent(id: string, reason: string): Promise<void> {
    await this.#instance(id).restart(reason);
  }

  /**
   * Does `act` to all that are enabled, in the order of their start; for a stop to those that run as well, in the
   * reverse of it. Each one's failure is its own.
   */
  async actOnAll(action: AgentAction, act: (id: string) => Promise<void>): Promise<Outcome[]> {
    if (action !== 'stop') return this.#supervisor.startAll(({ config }) => act(config.id));
    const concerned = (instance: AgentInstance): boolean => instance.config.enabled || !instance.idle;
    const ids = new Set(this.#supervisor.instances().flatMap((one) => (concerned(one) ? [one.config.id] : [])));
    const outcomes = await this.#supervisor.stopAll('', async ({ config }) =>
      ids.has(config.id) ? act(config.id) : undefined,
    );
    return outcomes.filter(({ agentId }) => ids.has(agentId));
  }

  /** Agents whose limits are, as far as a control group would hold them, without effect on this host, and why. */
  async unheldLimits(): Promise<{ agentId: string; problem: string }[]> {
    const each = this.#supervisor.instances().map(async ({ config }) => ({
      agentId: config.id,
      problem: await this.#options.processes.unheldLimits(config.limits),
    }));
    return (await Promise.all(each)).filter(({ problem }) => problem !== '');
  }

  /** Resource use of the last `seconds`, oldest first; 0: of the last hour. */
  usage(id: string, seconds: number): ResourcePoint[] {
    return this.#monitor.usage(id, seconds);
  }

  /** What a program says its version is, asked in the way that is the agent's; null where it has none. */
  async versionOf(id: string, program: string): Promise<string | null> {
    const { config } = this.#instance(id);
    return this.#versions.canAsk(config) ? this.#versions.version(config, program) : null;
  }

  /** Applies what the plan says of agents; each agent's failure is told and harms no other. */
  async apply(plan: ReloadPlan, next: Config): Promise<void> {
    const { log } = this.#options;
    const configs = new Map(next.agents.map((agent) => [agent.id, agent]));
    const each = async (ids: readonly string[], act: (id: string) => Promise<void>): Promise<void> => {
      const results = await Promise.allSettled(ids.map(act));
      for (const [index, result] of results.entries()) {
        if (result.status === 'fulfilled') continue;
        const agentId = ids[index];
        log.error({ event: 'reload', agentId, err: result.reason }, `agent ${agentId}: ${describe(result.reason)}`);
      }
    };
    const removed = new Set(plan.agents.remove);
    const ending = new Set([...removed, ...plan.agents.stop]);
    // whoever comes after another ends before it
    for (const group of stopOrder(this.#supervisor.instances().map(({ config }) => config))) {
      const ids = group.filter((id) => ending.has(id));
      await each(ids, async (id) =>
        removed.has(id) ? this.#supervisor.remove(id) : this.#supervisor.get(id)?.disable(),
      );
    }
    for (const instance of this.#supervisor.instances()) {
      const config = configs.get(instance.config.id);
      if (config) instance.reconfigure(config, this.#environment(config));
    }
    await this.#intake.update(next.agents);
    await this.#rotator.close();
    this.#rotator = this.#makeRotator(next);
    await each(plan.agents.restart, async (id) => this.#supervisor.get(id)?.replace('its configuration changed'));
    await each([...plan.agents.add, ...plan.agents.start], async (id) => {
      const config = configs.get(id);
      if (this.#supervisor.get(id)) await this.#supervisor.get(id)?.start();
      else if (config) await this.#supervisor.add(config);
    });
  }

  /** Lets go of every agent, all of which run on. */
  async close(): Promise<void> {
    this.#stopRotation();
    await this.#monitor.close();
    await this.#rotator.close();
    await this.#supervisor.close();
    await this.#intake.close();
  }

  #instance(id: string): AgentInstance {
    const instance = this.#supervisor.get(id);
    if (!instance) throw new DaemonError('D3001', `there is no agent ${id}`);
    return instance;
  }

  #snapshot(instance: AgentInstance): AgentSnapshot {
    const { id } = instance.config;
    const snapshot = instance.snapshot();
    // one that runs says what is wrong with it before that has a consequence
    const failing = this.#monitor.results(id).find(({ state }) => state === 'failing');
    const ailing = snapshot.reason === '' && snapshot.pid > 0 && failing;
    const reason = ailing ? `${failing.check} check: ${failing.reason}` : snapshot.reason;
    return { ...snapshot, reason, alerts: this.#monitor.alerts(id) };
  }

  /** At the last check of the process that runs now. */
  #usageNow({ config, record }: AgentInstance): AgentUsage | null {
    const last = record.process ? this.#monitor.lastUsage(config.id) : null;
    return last && last.atMs >= record.startedAtMs ? last : null;
  }

  #environment(config: AgentConfig): Record<string, string> {
    const passedOn = PASSED_ON.flatMap((name) => {
      const value = this.#options.environment[name];
      return value === undefined ? [] : [[name, value] as const];
    });
    return { ...Object.fromEntries(passedOn), ...this.#intake.environment(config) };
  }

  #heartbeatTargets(): Map<string, HeartbeatTarget> {
    return new Map(
      this.#supervisor.instances().map((instance) => [
        instance.config.id,
        {
          pid: () => instance.record.process?.pid ?? 0,
          note: (heartbeat) => instance.noteHeartbeat(heartbeat),
        },
      ]),
    );
  }

  #makeRotator({ daemon }: Config): LogRotator {
    const { clock, log, logTasks } = this.#options;
    return new LogRotator({
      folder: join(this.#options.config.daemon.workDir, 'logs'),
      limits: {
        maxBytes: daemon.agentLogMaxBytes,
        maxFiles: daemon.agentLogMaxFiles,
        maxAgeMs: daemon.agentLogMaxAgeMs,
      },
      agentIds: () => new Set(this.#supervisor.instances().map(({ config }) => config.id)),
      tasks: logTasks,
      clock,
      log,
    });
  }
}
