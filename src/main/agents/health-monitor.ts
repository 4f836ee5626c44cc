/**
 * Checks the health of all agents in rounds, in a worker, and acts on what the policy makes of it: an unhealthy agent
 * is replaced, an alert is told, an agent that is starting counts as started. Agents with the same interval are
 * checked together. Keeps each agent's last results and the last hour of its resource use.
 */
import type { AgentConfig } from '../../shared/config/schema.ts';
import type { AgentUsage } from '../../shared/contracts/control.ts';
import type { CheckResult, HealthFinding, HealthTarget, ResourceAlert } from '../../shared/contracts/health.ts';
import type { Clock } from '../../shared/platform/clock.ts';
import { alertsToClear, assess, everyCheckPasses, type HealthMemory } from './health-policy.ts';
import type { InstanceLog, WatchedProcess } from './instance.ts';
import type { ProcessIdentity } from './instance-state.ts';
import { type ResourcePoint, ResourceRing } from './resource-ring.ts';
import { AGENT_TYPE_FACTS, healthEndpoint } from './types.ts';

/** What the monitor needs of an agent. */
export interface MonitoredAgent {
  readonly config: AgentConfig;
  readonly watched: WatchedProcess | null;
  healthy(process: ProcessIdentity): void;
  unhealthy(process: ProcessIdentity, reason: string): Promise<void>;
}

export interface HealthMonitorOptions {
  agents(): readonly MonitoredAgent[];
  check(targets: HealthTarget[], options: { deadlineMs: number; signal: AbortSignal }): Promise<HealthFinding[]>;
  after(delayMs: number, name: string, run: () => void): () => void;
  clock: Clock;
  log: InstanceLog;
  onAlert(alert: ResourceAlert): void;
  /** What is wrong with an agent is another now. */
  onResults(): void;
}

interface Kept {
  intervalMs: number;
  /** Monotonic milliseconds of the next regular check. */
  dueMs: number;
  /** Monotonic milliseconds of the next look at one that is starting. */
  lookMs: number;
  checking: boolean;
  memory: HealthMemory | null;
  counters: HealthFinding['counters'];
  ring: ResourceRing;
  lastUsage: AgentUsage | null;
}

/** What its next round is called in the schedule. */
export const HEALTH_JOB = 'agents’ health';
/** Regular checks keep this distance from the start, so that they fall together with collections. */
const OFFSET_MS = 1000;
/** Due times this close together share a run. */
const SHARED_MS = 250;
/** How often one that is starting is looked at, so that its start need not wait for a regular check. */
const LOOK_MS = 1000;
/** The longest that a check may take beyond its HTTP time limit. */
const SLACK_MS = 15_000;
/** Thresholds of one that is gone mean nothing any more: what was raised is only taken back. */
const NO_LIMITS = {
  intervalMs: 0,
  heartbeatTimeoutMs: 0,
  failures: 0,
  cpuThresholdPercent: 0,
  memoryThresholdBytes: 0,
  thresholdDurationMs: 0,
};

/** The next multiple of the interval, counted from `originMs`, after now. */
export function nextInCadence(originMs: number, intervalMs: number, nowMs: number): number {
  return originMs + (Math.floor((nowMs - originMs) / intervalMs) + 1) * intervalMs;
}

export class HealthMonitor {
  readonly #options: HealthMonitorOptions;
  readonly #originMs: number;
  readonly #kept = new Map<string, Kept>();
  /** By agent and type. */
  readonly #raised = new Map<string, Map<string, ResourceAlert>>();
  readonly #abort = new AbortController();
  readonly #rounds = new Set<Promise<void>>();
  #cancel: () => void = () => {};

  constructor(options: HealthMonitorOptions) {
    this.#options = options;
    this.#originMs = options.clock.nowMs() + OFFSET_MS;
  }

  /** Agents came, went, or are in another state: the next check may be due at another time. Begins the first one. */
  changed(): void {
    this.#arm();
  }

  async close(): Promise<void> {
    this.#abort.abort(new Error('the daemon is ending'));
    this.#cancel();
    await Promise.all(this.#rounds);
  }

  /**
   * Looks at one agent now and says what each check found, without any consequence but that a start may count. Null
   * where there is nothing to look at, or it is another process by the time of the answer.
   */
  async look(id: string): Promise<{ process: ProcessIdentity; results: readonly CheckResult[] } | null> {
    const agent = this.#options.agents().find(({ config }) => config.id === id);
    const target = agent && this.#target(agent);
    if (!target) return null;
    const deadlineMs = (target.http?.timeoutMs ?? 0) + SLACK_MS;
    const [finding] = await this.#options.check([target], { deadlineMs, signal: this.#abort.signal });
    const seen = finding && this.#assess(finding);
    if (!seen) return null;
    if (everyCheckPasses(seen.results)) seen.agent.healthy(seen.watched.identity);
    return { process: seen.watched.identity, results: seen.results };
  }

  /** The last outcome of each check; empty before the first one. */
  results(id: string): readonly CheckResult[] {
    return this.#kept.get(id)?.memory?.results ?? [];
  }

  /** What was raised and not yet cleared. */
  alerts(id: string): ResourceAlert[] {
    return [...(this.#raised.get(id)?.values() ?? [])];
  }

  /** Resource use at the last check; null before the first one. */
  lastUsage(id: string): AgentUsage | null {
    return this.#kept.get(id)?.lastUsage ?? null;
  }

  /** Resource use of the last `seconds`, oldest first; 0: of the last hour. */
  usage(id: string, seconds: number): ResourcePoint[] {
    return this.#kept.get(id)?.ring.since(seconds, this.#options.clock.wallMs() / 1000) ?? [];
  }

  #arm(): void {
    this.#cancel();
    if (this.#abort.signal.aborted) return;
    const { clock, after } = this.#options;
    const nowMs = clock.nowMs();
    const due = this.#follow(nowMs).flatMap((agent) => {
      const { dueMs, lookMs } = this.#entry(agent, nowMs);
      if (!agent.watched) return [];
      return agent.watched.awaitsHealth ? [dueMs, lookMs] : [dueMs];
    });
    if (due.length === 0) return;
    this.#cancel = after(Math.min(...due) - nowMs, HEALTH_JOB, () => this.#tick());
  }

  /** Forgets agents that are no more; gives those that there are. */
  #follow(nowMs: number): readonly MonitoredAgent[] {
    const agents = this.#options.agents();
    const ids = new Set(agents.map(({ config }) => config.id));
    for (const [id, { memory }] of this.#kept) {
      if (ids.has(id)) continue;
      this.#kept.delete(id);
      this.#tell(alertsToClear(memory, id, NO_LIMITS, this.#options.clock.wallMs()));
    }
    for (const agent of agents) this.#entry(agent, nowMs);
    return agents;
  }

  #entry({ config }: MonitoredAgent, nowMs: number): Kept {
    const { intervalMs } = config.healthCheck;
    const found = this.#kept.get(config.id);
    if (found?.intervalMs === intervalMs) {
      // nothing was due while it did not run
      if (found.dueMs <= nowMs - intervalMs) found.dueMs = nextInCadence(this.#originMs, intervalMs, nowMs);
      return found;
    }
    const entry: Kept = {
      intervalMs,
      dueMs: nextInCadence(this.#originMs, intervalMs, nowMs),
      lookMs: nowMs + LOOK_MS,
      checking: false,
      memory: found?.memory ?? null,
      counters: found?.counters ?? null,
      ring: new ResourceRing(intervalMs),
      lastUsage: found?.lastUsage ?? null,
    };
    this.#kept.set(config.id, entry);
    return entry;
  }

  #tick(): void {
    const nowMs = this.#options.clock.nowMs();
    const regular: MonitoredAgent[] = [];
    const looks: MonitoredAgent[] = [];
    for (const agent of this.#follow(nowMs)) {
      const entry = this.#entry(agent, nowMs);
      const { watched, config } = agent;
      if (entry.dueMs <= nowMs + SHARED_MS) {
        entry.dueMs = nextInCadence(this.#originMs, config.healthCheck.intervalMs, nowMs + SHARED_MS);
        // one that is still being checked is left out this time: rounds of one agent never overlap
        if (watched && !entry.checking) regular.push(agent);
      } else if (watched?.awaitsHealth && entry.lookMs <= nowMs + SHARED_MS && !entry.checking) {
        entry.lookMs = nowMs + LOOK_MS;
        looks.push(agent);
      }
    }
    if (regular.length > 0) this.#begin(regular, true);
    if (looks.length > 0) this.#begin(looks, false);
    this.#arm();
  }

  #begin(agents: readonly MonitoredAgent[], regular: boolean): void {
    const round = this.#round(agents, regular).catch((err: unknown) => {
      if (!this.#abort.signal.aborted)
        this.#options.log.error({ event: 'health-round', err }, 'a round of health checks failed');
    });
    this.#rounds.add(round);
    void round.finally(() => this.#rounds.delete(round));
  }

  async #round(agents: readonly MonitoredAgent[], regular: boolean): Promise<void> {
    const { check, clock, log } = this.#options;
    const targets = agents.flatMap((agent) => this.#target(agent) ?? []);
    const entries = targets.flatMap(({ id }) => this.#kept.get(id) ?? []);
    const slowest = Math.max(0, ...targets.map(({ http }) => http?.timeoutMs ?? 0));
    for (const entry of entries) entry.checking = true;
    const startedMs = clock.nowMs();
    let findings: HealthFinding[];
    try {
      findings = await check(targets, { deadlineMs: slowest + SLACK_MS, signal: this.#abort.signal });
    } finally {
      for (const entry of entries) entry.checking = false;
    }
    if (this.#abort.signal.aborted) return;
    if (regular) {
      const durationMs = Math.round(clock.nowMs() - startedMs);
      log.debug({ event: 'health-round', agents: targets.length, durationMs }, 'agents’ health checked');
    }
    for (const finding of findings) this.#take(finding, regular);
  }

  #target({ config, watched }: MonitoredAgent): HealthTarget | null {
    if (!watched) return null;
    const { pid, startTicks } = watched.identity;
    const url = healthEndpoint(config);
    const previous = this.#kept.get(config.id)?.counters ?? null;
    return {
      id: config.id,
      pid,
      startTicks,
      previous,
      http: url ? { url, timeoutMs: config.healthCheck.httpTimeoutMs } : null,
    };
  }

  /** What a finding means; null where it is about a process that is another by now, and so says nothing. */
  #assess(finding: HealthFinding) {
    const { clock } = this.#options;
    const agent = this.#options.agents().find(({ config }) => config.id === finding.id);
    const entry = this.#kept.get(finding.id);
    const watched = agent?.watched;
    if (!agent || !entry || watched?.identity.pid !== finding.pid || watched.identity.startTicks !== finding.startTicks)
      return null;
    const { startedMs, lastHeartbeatMs } = watched;
    const assessment = assess(entry.memory, finding, {
      nowMs: clock.nowMs(),
      wallMs: clock.wallMs(),
      startedMs,
      lastHeartbeatMs,
      heartbeatsExpected: AGENT_TYPE_FACTS[agent.config.type].heartbeats,
      limits: agent.config.healthCheck,
    });
    return { agent, entry, watched, ...assessment };
  }

  #take(finding: HealthFinding, regular: boolean): void {
    const { clock, log } = this.#options;
    const assessed = this.#assess(finding);
    if (!assessed) return;
    const { agent, entry, watched, memory, results, verdict, alerts } = assessed;
    const { identity } = watched;
    if (everyCheckPasses(results)) agent.healthy(identity);
    if (!regular) return; // an early look only tells whether the start counts
    const shown = (list: readonly CheckResult[]): string => list.map(({ check, state }) => `${check} ${state}`).join();
    const changed = shown(entry.memory?.results ?? []) !== shown(results);
    entry.memory = memory;
    if (changed) this.#options.onResults();
    entry.counters = finding.counters;
    if (finding.usage) {
      const { cpuPercent, rssBytes, openFiles } = finding.usage;
      entry.ring.add(Math.floor(clock.wallMs() / 1000), finding.usage);
      entry.lastUsage = { atMs: clock.wallMs(), cpuPercent, rssBytes, openFiles };
    }
    this.#tell(alerts);
    if (verdict.kind === 'healthy') return;
    agent.unhealthy(identity, verdict.reason).catch((err: unknown) => {
      log.error({ event: 'agent-unhealthy', agentId: finding.id, err }, `agent ${finding.id} could not be replaced`);
    });
  }

  #tell(alerts: readonly ResourceAlert[]): void {
    for (const alert of alerts) {
      const { agentId, type, currentValue, threshold, state } = alert;
      const words = state === 'raised' ? `is over its ${type} threshold` : `is below its ${type} threshold again`;
      const level = state === 'raised' ? 'warn' : 'info';
      this.#options.log[level](
        { event: 'agent-alert', agentId, type, currentValue, threshold, state },
        `agent ${agentId} ${words}`,
      );
      const raised = this.#raised.get(agentId) ?? new Map<string, ResourceAlert>();
      if (state === 'raised') raised.set(type, alert);
      else raised.delete(type);
      if (raised.size > 0) this.#raised.set(agentId, raised);
      else this.#raised.delete(agentId);
      this.#options.onAlert(alert);
    }
  }
}
