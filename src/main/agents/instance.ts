/**
 * One agent: carries out what the state machine and the restart policy say. Operations on it queue in order; a wait
 * before a restart is a due time, never a sleep, so that a stop or the daemon's end acts at once. It never ends its
 * process because the daemon ends: `detach` lets go of it.
 */
import type { AgentConfig } from '../../shared/config/schema.ts';
import type { AgentSnapshot } from '../../shared/contracts/agent.ts';
import type { HostEvent, HostEventKind } from '../../shared/contracts/host-event.ts';
import { DaemonError } from '../../shared/errors/daemon-error.ts';
import { exitEvent, exitReport } from './exit-report.ts';
import { type AgentEvent, type AgentRecord, NEW_RECORD, type ProcessIdentity, transition } from './instance-state.ts';
import { agentLogFile, launchSpec } from './launch-spec.ts';
import type { Exit, Launched } from './launcher.ts';
import { logTail } from './log-tail.ts';
import { agentAmong, type MarkedProcess } from './marked-process.ts';
import { type EndDeps, endLeftovers, endProcess } from './process-end.ts';
import { decideRestart } from './restart-policy.ts';
import { healthEndpoint } from './types.ts';

export interface InstanceLog {
  debug(fields: object, message?: string): void;
  info(fields: object, message?: string): void;
  warn(fields: object, message?: string): void;
  error(fields: object, message?: string): void;
}

export interface InstanceDeps extends EndDeps {
  random: () => number;
  log: InstanceLog;
  /** Running processes by the agent that they belong to. */
  scan(): Promise<Map<string, MarkedProcess[]>>;
  /** The daemon's work_dir. */
  daemonWorkDir: string;
  /** Environment that every agent gets: what is passed on of the daemon's own, and where heartbeats go. */
  baseEnv: Record<string, string>;
  /** The program's own word for its version; empty where it has none. */
  version(config: AgentConfig): Promise<string>;
  onChange(): void;
  onEvent(event: HostEvent): void;
}

/** What a health check must know of a process. */
export interface WatchedProcess {
  identity: ProcessIdentity;
  /** Monotonic milliseconds at which this daemon started or adopted it. */
  startedMs: number;
  /** Monotonic milliseconds of its last heartbeat; null: none came. */
  lastHeartbeatMs: number | null;
  /** Whether its start counts only once a check has passed. */
  awaitsHealth: boolean;
}

const DISABLED = 'disabled in the configuration';
const NOBODY_SAW: Exit = { code: null, signal: null };

export class AgentInstance {
  readonly logFile: string;
  readonly #deps: InstanceDeps;
  readonly #abandon = new AbortController();
  #config: AgentConfig;
  #baseEnv: Record<string, string>;
  #record: AgentRecord;
  #queue: Promise<void> = Promise.resolve();
  #cancelWait: () => void = () => {};
  /** Settles at the end of the process where it is a child of this daemon; null for an adopted one. */
  #exited: Promise<Exit> | null = null;
  /** Ended by us: what follows is decided by whoever ends it, not by the exit. */
  #ending = false;
  /** What must come before a start counts. */
  #awaits = { time: false, health: false };
  /** Unix milliseconds, for showing; 0: none came. */
  #lastHeartbeatMs = 0;
  /** The same and the start by the monotonic clock, for deciding. */
  #heardMs: number | null = null;
  #beganMs = 0;
  #version = '';

  constructor(config: AgentConfig, record: AgentRecord | undefined, deps: InstanceDeps) {
    this.#config = config;
    this.#record = record ?? NEW_RECORD;
    this.#deps = deps;
    this.#baseEnv = deps.baseEnv;
    this.logFile = agentLogFile(deps.daemonWorkDir, config.id);
  }

  get config(): AgentConfig {
    return this.#config;
  }

  get record(): AgentRecord {
    return this.#record;
  }

  /** Null where there is nothing to watch: no process, or one that is being ended. */
  get watched(): WatchedProcess | null {
    const { process, status } = this.#record;
    if (!process || (status !== 'running' && status !== 'starting')) return null;
    const { health } = this.#awaits;
    return { identity: process, startedMs: this.#beganMs, lastHeartbeatMs: this.#heardMs, awaitsHealth: health };
  }

  /** Whether nothing is, or soon will be, running of it. */
  get idle(): boolean {
    return this.#record.status === 'stopped' || this.#record.status === 'failed';
  }

  snapshot(): Omit<AgentSnapshot, 'alerts'> {
    const { status, reason, process, startedAtMs, restarts, lastRestartMs, lastExit } = this.#record;
    const { id, type, displayName } = this.#config;
    return {
      id,
      type,
      name: displayName || id,
      status,
      reason,
      pid: process?.pid ?? 0,
      startedAtMs,
      restarts,
      lastRestartMs,
      lastHeartbeatMs: this.#lastHeartbeatMs,
      version: this.#version,
      lastExit,
    };
  }

  /**
   * Takes up what an earlier daemon left: adopts the recorded process, or one found by its marks, or notes that it
   * ended meanwhile. Then starts or stops it as the configuration, or whoever stopped it, wants.
   */
  resume(marked: readonly MarkedProcess[]): Promise<void> {
    return this.#enqueue(async () => {
      const recorded = this.#record.process;
      const present = recorded && this.#deps.processes.find(recorded) ? recorded : agentAmong(marked, this.#config);
      const wanted = this.#config.enabled && this.#record.wanted === 'running';
      if (present) {
        this.#apply({ kind: 'adopted', process: present, startedAtMs: this.#deps.processes.startedAtMs(present) });
        this.#watchFromNow();
        this.#say('info', 'agent-adopted', 'adopted the running process');
        this.#tell('agent-adopted', `was running, and was adopted with pid ${present.pid}`, { pid: present.pid });
        this.#probeVersion();
        if (!wanted) await this.#stop(this.#config.enabled ? 'it was stopped before' : DISABLED, this.#record.wanted);
        return;
      }
      await this.#endOthers(marked);
      if (!wanted) {
        const reason = this.#config.enabled ? this.#record.reason : DISABLED;
        this.#record = { ...this.#record, status: 'stopped', reason, process: null, startedAtMs: 0 };
        this.#deps.onChange();
      } else if (recorded && recorded.bootId === this.#deps.processes.bootId && this.#record.status !== 'stopping') {
        this.#record = { ...this.#record, status: 'running' };
        this.#processGone(recorded, NOBODY_SAW, 'ended while the daemon was away');
      } else {
        // a reboot, or a restart that was being waited for: the new daemon starts afresh
        this.#record = { ...this.#record, status: 'stopped', process: null, startedAtMs: 0 };
        await this.#start({ kind: 'start-requested' }, false);
      }
    });
  }

  /** Starts it unless it runs. Settles when the process is there or could not be made; throws D3001. */
  start(): Promise<void> {
    return this.#enqueue(async () => {
      await this.#start({ kind: 'start-requested' }, true);
      const { status, reason } = this.#record;
      if (status !== 'starting' && status !== 'running')
        throw new DaemonError('D3001', `agent ${this.#config.id} ${reason}`);
    });
  }

  /** Ends the process and its group; settles when it has gone. Throws D3002 where it does not go. */
  stop(reason: string): Promise<void> {
    return this.#enqueue(() => this.#stop(reason, 'stopped'));
  }

  /** Ends it because the configuration says so: that is no wish of anybody's, and is gone when it says otherwise. */
  disable(): Promise<void> {
    return this.#enqueue(() => this.#stop(DISABLED, this.#record.wanted));
  }

  /** Puts a process of the present configuration in the place of the old one, unless somebody has stopped it. */
  async replace(reason: string): Promise<void> {
    if (this.#record.wanted === 'running') await this.restart(reason);
  }

  async restart(reason: string): Promise<void> {
    const stopped = this.#enqueue(() => this.#stop(reason, 'running'));
    const started = this.start(); // queued at once, so that nothing comes between
    started.catch(() => {}); // where the stop failed, that is the answer
    await stopped;
    await started;
  }

  /** A health check wants the process replaced. Counts as a failure of it, with the waits that follow those. */
  unhealthy(process: ProcessIdentity, reason: string): Promise<void> {
    return this.#enqueue(async () => {
      if (!this.#isCurrent(process) || this.#record.status === 'stopping') return;
      this.#say('warn', 'agent-unhealthy', reason, { code: 'D3003', reason });
      this.#tell('agent-unhealthy', `is unhealthy: ${reason}`, { reason });
      if (this.#config.restart.policy === 'never') return;
      const uptimeMs = this.#uptimeMs();
      if (!this.#apply({ kind: 'stop-requested', reason, wanted: this.#record.wanted })) return;
      if (await this.#end(process)) this.#afterEnd({ code: null, signal: 'SIGTERM' }, uptimeMs, reason);
    });
  }

  /** A health check passed for the first time since the start. */
  healthy(process: ProcessIdentity): void {
    if (!this.#isCurrent(process) || !this.#awaits.health) return;
    this.#awaits.health = false;
    this.#settleIfDue();
  }

  /** Takes over what may change while the process runs: the rest wants a restart, which is the caller's to order. */
  reconfigure(config: AgentConfig, baseEnv: Record<string, string>): void {
    this.#config = config;
    this.#baseEnv = baseEnv;
    this.#deps.onChange();
  }

  /** Looks whether a process whose end is no event is still there. */
  checkPresence(): void {
    const { process } = this.#record;
    if (!process || this.#exited || this.#ending) return;
    if (!this.#deps.processes.find(process)) this.#processGone(process, NOBODY_SAW, 'ended');
  }

  noteHeartbeat(heartbeat: { version: string }): void {
    this.#lastHeartbeatMs = this.#deps.clock.wallMs();
    this.#heardMs = this.#deps.clock.nowMs();
    this.#takeVersion(heartbeat.version);
  }

  /** The daemon ends: waits for the operation under way, forgets timers, leaves the process alone. */
  async detach(): Promise<void> {
    this.#abandon.abort();
    this.#cancelWait();
    await this.#queue;
    this.#cancelWait();
  }

  #enqueue(operation: () => Promise<void>): Promise<void> {
    const done = this.#queue.then(operation);
    this.#queue = done.catch(() => {}); // whoever asked gets the error; the queue goes on
    return done;
  }

  #apply(event: AgentEvent): boolean {
    const next = transition(this.#record, event);
    if (!next) return false;
    const changed = next.status !== this.#record.status;
    this.#record = next;
    if (changed) this.#say('info', 'agent-status', `is ${next.status}`);
    this.#deps.onChange();
    return true;
  }

  #say(level: keyof InstanceLog, event: string, message: string, extra: object = {}): void {
    const { status, reason, process } = this.#record;
    const fields = {
      event,
      agentId: this.#config.id,
      status,
      pid: process?.pid ?? 0,
      ...(reason ? { reason } : {}),
      ...extra,
    };
    this.#deps.log[level](fields, `agent ${this.#config.id} ${message}`);
  }

  /** For those who ask later what happened here. */
  #tell(kind: HostEventKind, message: string, details: Record<string, string | number>): void {
    const agentId = this.#config.id;
    const texts = Object.entries(details).map(([name, value]) => [name, String(value)]);
    const said = `agent ${agentId} ${message}`;
    this.#deps.onEvent({ kind, agentId, message: said, details: Object.fromEntries(texts), lastLines: [] });
  }

  async #start(event: AgentEvent, lookForOthers: boolean): Promise<void> {
    this.#cancelWait();
    if (this.#abandon.signal.aborted || !this.#apply(event)) return;
    let launched: Launched;
    try {
      if (lookForOthers) await this.#endOthers((await this.#deps.scan()).get(this.#config.id) ?? []);
      const { processes, daemonWorkDir } = this.#deps;
      launched = await processes.launch(launchSpec(this.#config, this.#baseEnv, daemonWorkDir));
    } catch (error) {
      const failure = new DaemonError('D3001', `agent ${this.#config.id} could not be started`, { cause: error });
      const why = error instanceof Error ? error.message : String(error);
      this.#say('error', 'agent-start-failed', 'could not be started', { code: failure.code, err: failure });
      this.#afterEnd(NOBODY_SAW, 0, `could not be started: ${why}`);
      return;
    }
    const { identity, exited, warnings } = launched;
    this.#exited = exited;
    this.#watchFromNow();
    this.#awaits = { time: true, health: healthEndpoint(this.#config) !== '' };
    this.#apply({ kind: 'spawned', process: identity, nowMs: this.#deps.clock.wallMs() });
    this.#say('info', 'agent-started', 'was started');
    this.#tell('agent-started', `was started with pid ${identity.pid}`, { pid: identity.pid });
    for (const warning of warnings) this.#say('warn', 'agent-warning', `was started, but ${warning}`);
    this.#probeVersion();
    const cancelSettle = this.#deps.after(this.#config.startMs, `settle ${this.#config.id}`, () => {
      if (!this.#isCurrent(identity)) return;
      this.#awaits.time = false;
      this.#settleIfDue();
    });
    void exited.then((exit) => {
      cancelSettle();
      if (!this.#abandon.signal.aborted && !this.#ending) this.#processGone(identity, exit, 'ended');
    });
  }

  #watchFromNow(): void {
    this.#lastHeartbeatMs = 0;
    this.#heardMs = null;
    this.#beganMs = this.#deps.clock.nowMs();
  }

  #settleIfDue(): void {
    if (!this.#awaits.time && !this.#awaits.health) this.#apply({ kind: 'settled' });
  }

  #isCurrent(identity: ProcessIdentity): boolean {
    const { process } = this.#record;
    return process?.pid === identity.pid && process.startTicks === identity.startTicks;
  }

  #uptimeMs(): number {
    return Math.max(0, this.#deps.clock.wallMs() - this.#record.startedAtMs);
  }

  /** The process ended, by event or by look. Ends of an older process are ignored. */
  #processGone(identity: ProcessIdentity, exit: Exit, what: string): void {
    if (!this.#isCurrent(identity)) return;
    if (this.#record.status === 'stopping') {
      // it was stuck, and went after all
      this.#ended({ next: 'stopped', attempts: 0, reason: '' }, exit);
      return;
    }
    const uptimeMs = this.#uptimeMs();
    const killed = exit.signal === 'SIGKILL' || (exit.signal === null && exit.code === null);
    const outOfMemory = killed && this.#deps.processes.outOfMemory(this.#config.id, this.#deps.daemonWorkDir);
    const early = this.#record.status === 'starting';
    const facts = { early, uptimeMs, lastLines: logTail(this.logFile), outOfMemory };
    const { event, words, reason, fields } = exitReport(what, exit, facts);
    this.#say('warn', event, words, fields);
    this.#deps.onEvent(exitEvent(this.#config.id, 'agent-exited', reason, exit, facts));
    this.#afterEnd(exit, uptimeMs, reason, fields);
  }

  /** `facts`: what is known of the end, told again where it was the last one. */
  #afterEnd(exit: Exit, uptimeMs: number, reason: string, facts: object = {}): void {
    const { restart } = this.#config;
    const decision = decideRestart(exit, this.#record.attempts, uptimeMs, restart, this.#deps.random);
    if (decision.kind === 'restart') {
      const { attempt, delayMs } = decision;
      this.#ended({ next: 'restarting', attempts: attempt, reason }, exit);
      const wait = delayMs < 1000 ? 'at once' : `in ${Math.round(delayMs / 1000)} s`;
      const details = { attempt, delay_ms: Math.round(delayMs), reason };
      this.#tell('agent-restarting', `is restarted ${wait}, attempt ${attempt}: ${reason}`, details);
      this.#cancelWait = this.#deps.after(delayMs, `restart ${this.#config.id}`, () => {
        const due = this.#enqueue(() => this.#start({ kind: 'restart-due', nowMs: this.#deps.clock.wallMs() }, true));
        due.catch((err: unknown) => this.#say('error', 'agent-start-failed', 'could not be restarted', { err }));
      });
      return;
    }
    const gaveUp = decision.kind === 'give-up';
    const failed = gaveUp || decision.failed;
    const limit = gaveUp ? `; restarted ${restart.maxRetries} times without success, left alone now` : '';
    this.#ended({ next: failed ? 'failed' : 'stopped', attempts: this.#record.attempts, reason: reason + limit }, exit);
    if (failed) {
      this.#say('error', 'agent-failed', `failed: ${reason}${limit}`, { ...facts, code: 'D3001' });
      const told = { uptimeMs, lastLines: [] };
      this.#deps.onEvent(exitEvent(this.#config.id, 'agent-failed', reason + limit, exit, told));
    }
    const cleared = this.#enqueue(async () => this.#endOthers((await this.#deps.scan()).get(this.#config.id) ?? []));
    cleared.catch((err: unknown) => this.#say('error', 'agent-leftovers', 'left processes behind', { err }));
  }

  #ended(to: { next: 'stopped' | 'failed' | 'restarting'; attempts: number; reason: string }, exit: Exit): void {
    this.#exited = null;
    this.#awaits = { time: false, health: false };
    this.#apply({ kind: 'ended', exit: { ...exit, atMs: this.#deps.clock.wallMs() }, ...to });
  }

  async #stop(reason: string, wanted: AgentRecord['wanted']): Promise<void> {
    this.#cancelWait();
    const { process } = this.#record;
    if (!this.#apply({ kind: 'stop-requested', reason, wanted })) {
      this.#record = { ...this.#record, wanted };
      this.#deps.onChange();
      return; // stopped or failed already
    }
    const exited = this.#exited;
    if (process && !(await this.#end(process))) return; // the next daemon takes it up from `stopping`
    const exit = process && exited !== null ? await exited : NOBODY_SAW;
    this.#ended({ next: 'stopped', attempts: 0, reason }, exit);
    this.#tell('agent-stopped', `was stopped: ${reason}`, { reason });
  }

  /** Ends the process and what it left behind. False when the daemon ends first; throws D3002 where it stays. */
  async #end(process: ProcessIdentity): Promise<boolean> {
    const { id, stopTimeoutMs } = this.#config;
    this.#say('info', 'agent-stopping', `is being ended: ${this.#record.reason}`);
    this.#ending = true;
    try {
      const options = { timeoutMs: stopTimeoutMs, signal: this.#abandon.signal, exited: this.#exited };
      const outcome = await endProcess(process, this.#deps, options);
      if (outcome === 'abandoned') return false;
      if (outcome === 'unkillable') {
        const state = this.#deps.processes.find(process)?.state ?? '?';
        const reason = `pid ${process.pid} did not end after SIGKILL (state ${state})`;
        this.#apply({ kind: 'stuck', reason });
        throw new DaemonError('D3002', `agent ${id}: ${reason}`);
      }
      await this.#endOthers((await this.#deps.scan()).get(id) ?? []);
      // a zombie counts as gone: its exit is still to come, and must not be taken for an end that nobody wanted
      if (this.#exited !== null) await this.#exited;
      return true;
    } finally {
      this.#ending = false;
    }
  }

  /** Ends processes with this agent's marks that are not the agent itself. */
  async #endOthers(marked: readonly MarkedProcess[]): Promise<void> {
    const others = marked.map(({ identity }) => identity).filter((identity) => !this.#isCurrent(identity));
    if (others.length === 0) return;
    this.#say('warn', 'agent-leftovers', `left ${others.length} processes behind, which are ended`);
    const remaining = await endLeftovers(others, this.#deps, this.#abandon.signal);
    const { process } = this.#record;
    // what is still in its group has been started since
    if (!process || !this.#deps.processes.find(process)) {
      this.#deps.processes.killGroup(this.#config.id, this.#deps.daemonWorkDir);
    }
    if (remaining.length === 0) return;
    const pids = remaining.map(({ pid }) => pid);
    this.#say('error', 'agent-leftovers', 'left processes behind that do not end', { code: 'D3002', pids });
  }

  #probeVersion(): void {
    this.#deps.version(this.#config).then(
      (version) => this.#takeVersion(version),
      (err: unknown) => this.#say('debug', 'agent-version', 'did not tell its version', { err }),
    );
  }

  #takeVersion(version: string): void {
    if (version === '' || version === this.#version) return;
    this.#version = version;
    this.#deps.onChange();
  }
}
