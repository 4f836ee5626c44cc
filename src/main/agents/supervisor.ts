/**
 * The table of agents: makes an instance of each configured one, takes up what an earlier daemon left running, starts
 * and stops them in order, keeps the table on disk, and watches adopted processes. Reports each change once.
 */
import type { AgentConfig } from '../../shared/config/schema.ts';
import type { AgentStatus, AgentType } from '../../shared/contracts/agent.ts';
import { describe } from '../../shared/errors/daemon-error.ts';
import { BatchedScan } from './batched-scan.ts';
import { AgentInstance, type InstanceDeps, type InstanceLog } from './instance.ts';
import type { AgentRecord, ProcessIdentity } from './instance-state.ts';
import { agentAmong, type MarkedProcess } from './marked-process.ts';
import { endLeftovers, endProcess } from './process-end.ts';
import { AgentRegistry } from './registry.ts';
import { mayStart, stopOrder } from './start-order.ts';
import type { AgentStore } from './store.ts';

export interface SupervisorOptions extends Omit<InstanceDeps, 'scan' | 'baseEnv' | 'onChange'> {
  agents: readonly AgentConfig[];
  store: AgentStore;
  log: InstanceLog;
  /** Environment of an agent: what is passed on of the daemon's own, and where its heartbeats go. */
  baseEnv(config: AgentConfig): Record<string, string>;
  every(intervalMs: number, name: string, run: () => void | Promise<void>): () => void;
  /** An agent's state is another now. */
  onChange(): void;
}

/** What became of an operation on one agent. */
export interface Outcome {
  agentId: string;
  ok: boolean;
  /** Why not; empty when it went well. */
  reason: string;
}

interface Turn {
  go(): Promise<void>;
  /** It will not come. */
  giveUp(): void;
}

/** Ends of adopted processes come as no event. */
const PRESENCE_INTERVAL_MS = 2000;
const REMOVED_TIMEOUT_MS = 30_000;

export class AgentSupervisor {
  readonly #options: SupervisorOptions;
  readonly #registry = new AgentRegistry<AgentInstance>();
  readonly #scan: BatchedScan<Map<string, MarkedProcess[]>>;
  readonly #abandon = new AbortController();
  /** Agents that wait for their turn, and what to do then. */
  readonly #waiting = new Map<string, Turn>();
  /** Agents whose turn has come, until their state says so itself. */
  readonly #underWay = new Set<string>();
  #stopPresence: () => void = () => {};

  constructor(options: SupervisorOptions) {
    this.#options = options;
    this.#scan = new BatchedScan(() => options.processes.scan(options.daemonWorkDir));
  }

  /** Settles when each agent that need not wait for another was adopted or had its first attempt to start. */
  async start(): Promise<void> {
    const { agents, log, clock, store } = this.#options;
    const { agents: records, setAside } = await store.load(clock.wallMs());
    if (setAside) {
      log.error(
        { event: 'agent-table', ...setAside },
        `the table of agents was unreadable and is now ${setAside.path}`,
      );
    }
    for (const config of agents) this.#register(config, records.get(config.id));
    const marked = await this.#scan.ask();
    const first: Promise<void>[] = [];
    for (const instance of this.#registry.list()) {
      const { id, after, enabled } = instance.config;
      const resumed = this.#whenItsTurn(instance, marked.get(id) ?? []);
      // neither one that comes after others nor the end of one that is not wanted is waited for
      if (after.length === 0 && enabled) first.push(resumed);
    }
    this.#admit();
    for (const [id, left] of this.#noLongerConfigured(records, marked)) void this.#endRemoved(id, left);
    await Promise.all(first);
    this.#stopPresence = this.#options.every(PRESENCE_INTERVAL_MS, 'agent presence', () => {
      this.#options.processes.lookForKills();
      for (const instance of this.#registry.list()) instance.checkPresence();
    });
  }

  instancesByType(type: AgentType): AgentInstance[] {
    return this.#registry.listByType(type);
  }

  get(id: string): AgentInstance | undefined {
    return this.#registry.get(id);
  }

  instances(): AgentInstance[] {
    return this.#registry.list();
  }

  /**
   * Starts what is enabled and does not run, or does to it what `act` says, in the order of the start. Every agent's
   * outcome is told.
   */
  async startAll(act = (instance: AgentInstance): Promise<void> => instance.start()): Promise<Outcome[]> {
    const instances = this.#registry.list().filter(({ config }) => config.enabled);
    const started = instances.map((instance) => this.#inTurn(instance, () => act(instance)));
    this.#admit();
    return Promise.all(started);
  }

  /** Stops every agent, or does to it what `act` says, those that come after others first. */
  async stopAll(
    reason: string,
    act = (instance: AgentInstance): Promise<void> => instance.stop(reason),
  ): Promise<Outcome[]> {
    this.#giveUpWaiting();
    const outcomes: Outcome[] = [];
    for (const group of stopOrder(this.#registry.list().map(({ config }) => config))) {
      const instances = group.flatMap((id) => this.#registry.get(id) ?? []);
      outcomes.push(...(await Promise.all(instances.map((instance) => outcome(instance, () => act(instance))))));
    }
    return outcomes;
  }

  /** An agent that is new in the configuration. */
  async add(config: AgentConfig): Promise<void> {
    const instance = this.#register(config, undefined);
    const taken = this.#whenItsTurn(instance, []);
    this.#admit();
    await taken;
  }

  /** An agent that the configuration no longer has: it drains, then is forgotten. Throws D3002 where it stays. */
  async remove(id: string): Promise<void> {
    const instance = this.#registry.get(id);
    if (!instance) return;
    this.#waiting.get(id)?.giveUp();
    this.#waiting.delete(id);
    await instance.stop('no longer configured');
    this.#registry.unregister(id);
    this.#changed();
  }

  /** Lets go of every agent, all of which run on, and puts the table on disk. */
  async close(): Promise<void> {
    this.#abandon.abort();
    this.#giveUpWaiting();
    this.#stopPresence();
    await Promise.all(this.#registry.list().map((instance) => instance.detach()));
    this.#save();
    await this.#options.store.flush();
  }

  #register(config: AgentConfig, record: AgentRecord | undefined): AgentInstance {
    const instance = new AgentInstance(config, record, {
      ...this.#options,
      baseEnv: this.#options.baseEnv(config),
      scan: () => this.#scan.ask(),
      onChange: () => this.#changed(),
    });
    this.#registry.register(instance);
    return instance;
  }

  #changed(): void {
    this.#save();
    this.#options.onChange();
    this.#admit();
  }

  /** Takes up at once what runs or is not wanted; the rest when those that it comes after are ready. */
  #whenItsTurn(instance: AgentInstance, marked: readonly MarkedProcess[]): Promise<void> {
    const { id, enabled } = instance.config;
    const { process } = instance.record;
    const runs = (process && this.#options.processes.find(process)) || agentAmong(marked, instance.config);
    const resume = (): Promise<void> => this.#told(instance, instance.resume(marked));
    if (runs || !enabled) return this.#go(id, resume);
    return new Promise((resolve) => {
      this.#waiting.set(id, { go: () => resume().then(resolve), giveUp: resolve });
    });
  }

  #inTurn(instance: AgentInstance, start: () => Promise<void>): Promise<Outcome> {
    const { id } = instance.config;
    // it may wait already, to be taken up: that comes first
    const before = this.#waiting.get(id);
    return new Promise((resolve) => {
      const giveUp = (): void => {
        before?.giveUp();
        resolve({ agentId: id, ok: false, reason: 'its turn did not come: agents are being stopped' });
      };
      const go = async (): Promise<void> => {
        await before?.go();
        resolve(await outcome(instance, start));
      };
      this.#waiting.set(id, { go, giveUp });
    });
  }

  /** Lets those go whose turn has come. */
  #admit(): void {
    if (this.#waiting.size === 0) return;
    const waiting = [...this.#waiting.keys()].flatMap((id) => this.#registry.get(id)?.config ?? []);
    const status = (id: string): AgentStatus | undefined =>
      this.#underWay.has(id) ? 'starting' : this.#registry.get(id)?.record.status;
    for (const id of mayStart(waiting, status)) {
      const turn = this.#waiting.get(id);
      this.#waiting.delete(id);
      if (turn) void this.#go(id, () => turn.go());
    }
  }

  #giveUpWaiting(): void {
    for (const { giveUp } of this.#waiting.values()) giveUp();
    this.#waiting.clear();
  }

  async #go(id: string, work: () => Promise<void>): Promise<void> {
    this.#underWay.add(id);
    await work();
    this.#underWay.delete(id);
    this.#admit();
  }

  #told(instance: AgentInstance, done: Promise<void>): Promise<void> {
    return done.catch((err: unknown) => {
      const { id } = instance.config;
      this.#options.log.error({ event: 'agent-status', agentId: id, err }, `agent ${id} could not be taken up`);
    });
  }

  /** Processes of agents that the configuration no longer names. */
  #noLongerConfigured(
    records: ReadonlyMap<string, AgentRecord>,
    marked: ReadonlyMap<string, MarkedProcess[]>,
  ): Map<string, ProcessIdentity[]> {
    const left = new Map<string, ProcessIdentity[]>();
    for (const [id, { process }] of records) {
      if (process && !this.#registry.get(id) && this.#options.processes.find(process)) left.set(id, [process]);
    }
    for (const [id, processes] of marked) {
      if (this.#registry.get(id)) continue;
      const known = left.get(id)?.[0];
      const others = processes.map(({ identity }) => identity).filter(({ pid }) => pid !== known?.pid);
      left.set(id, [...(known ? [known] : []), ...others]);
    }
    return left;
  }

  async #endRemoved(id: string, left: ProcessIdentity[]): Promise<void> {
    const [first, ...rest] = left;
    if (!first) return;
    this.#options.log.warn(
      { event: 'agent-removed', agentId: id, pid: first.pid },
      `agent ${id} is no longer configured and is ended`,
    );
    const { signal } = this.#abandon;
    await endProcess(first, this.#options, { timeoutMs: REMOVED_TIMEOUT_MS, signal });
    await endLeftovers(rest, this.#options, signal);
  }

  #save(): void {
    this.#options.store.save(() => new Map(this.#registry.list().map(({ config, record }) => [config.id, record])));
  }
}

async function outcome(instance: AgentInstance, operation: () => Promise<void>): Promise<Outcome> {
  const agentId = instance.config.id;
  try {
    await operation();
    return { agentId, ok: true, reason: '' };
  } catch (error) {
    return { agentId, ok: false, reason: describe(error) };
  }
}
