/**
 * One agent: carries out what the state machine and the restart policy say. Operations on it queue in order; a wait
 * before a restart is a due time, never a sleep, so that a stop or the daemon's end acts at once. It never ends its
 * process because the daemon ends: `detach` lets go of it.
 */
import { join } from 'node:path';
import type { AgentConfig } from '../../shared/config/schema.ts';
import type { AgentSnapshot } from '../../shared/contracts/agent.ts';
import { DaemonError } from '../../shared/errors/daemon-error.ts';
import type { Clock } from '../../shared/platform/clock.ts';
import { type AgentEvent, type AgentRecord, NEW_RECORD, type ProcessIdentity, transition } from './instance-state.ts';
import type { Exit, Launched, Processes } from './launcher.ts';
import { logTail } from './log-tail.ts';
import { decideRestart } from './restart-policy.ts';
import { agentArguments } from './types.ts';

export interface InstanceLog {
  info(fields: object, message?: string): void;
  warn(fields: object, message?: string): void;
  error(fields: object, message?: string): void;
}

export interface InstanceDeps {
  processes: Processes;
  clock: Clock;
  random: () => number;
  log: InstanceLog;
  /** Calls back once after a monotonic wait. */
  after(delayMs: number, name: string, run: () => void): () => void;
  /** The daemon's work_dir. */
  daemonWorkDir: string;
  /** Environment that every agent gets: what is passed on of the daemon's own, and where heartbeats go. */
  baseEnv: Record<string, string>;
  onChange(): void;
}

/** A start counts once the process has lived this long. */
const START_MS = 1000;
/** How long a process may take to end by itself after SIGTERM. */
export const STOP_TIMEOUT_MS = 30_000;
/** How long after SIGKILL a process may still be there before it is called unkillable. */
const KILL_TIMEOUT_MS = 5000;
const GONE_POLL_MS = 100;

type WaitEnd = 'gone' | 'still-there' | 'abandoned';

export class AgentInstance {
  readonly config: AgentConfig;
  readonly logFile: string;
  readonly #deps: InstanceDeps;
  #record: AgentRecord;
  #queue: Promise<void> = Promise.resolve();
  #cancelWait: (() => void) | null = null;
  /** Ends the wait of a stop under way: the process has gone, or nobody waits any more. */
  #endWait: ((end: WaitEnd) => void) | null = null;
  /** Whether the process is a child of this daemon, whose end comes as an event. */
  #own = false;
  #lastHeartbeatMs = 0;
  #version = '';
  #detached = false;

  constructor(config: AgentConfig, record: AgentRecord | undefined, deps: InstanceDeps) {
    this.config = config;
    this.#record = record ?? NEW_RECORD;
    this.#deps = deps;
    this.logFile = join(deps.daemonWorkDir, 'logs', `${config.id}.log`);
  }

  get record(): AgentRecord {
    return this.#record;
  }

  snapshot(): AgentSnapshot {
    const { status, reason, process, startedAtMs, restarts, lastRestartMs, lastExit } = this.#record;
    const { id, type, displayName } = this.config;
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
   * Takes up what an earlier daemon left: adopts the recorded process, or one found by its environment, or notes
   * that it ended meanwhile. Then starts or stops it as the configuration wants.
   */
  resume(found: ProcessIdentity | undefined): Promise<void> {
    return this.#enqueue(async () => {
      const recorded = this.#record.process;
      const alive = recorded && this.#deps.processes.find(recorded) ? recorded : found;
      if (alive) {
        this.#apply({ kind: 'adopted', process: alive, startedAtMs: this.#deps.processes.startedAtMs(alive) });
        this.#log('info', 'agent-adopted', 'adopted the running process');
        if (!this.config.enabled) await this.#stop('it is disabled in the configuration');
        return;
      }
      if (!this.config.enabled) {
        if (recorded) this.#ended({ next: 'stopped', attempts: 0, reason: '' }, { code: null, signal: null });
        this.#record = { ...this.#record, status: 'stopped', reason: 'disabled in the configuration' };
        this.#deps.onChange();
        return;
      }
      if (recorded && recorded.bootId === this.#deps.processes.bootId && this.#record.status !== 'stopping') {
        this.#record = { ...this.#record, status: 'running' };
        this.#processGone(recorded, { code: null, signal: null }, 'ended while the daemon was away');
        return;
      }
      // a reboot, or a restart that was being waited for: the new daemon starts afresh
      this.#record = { ...this.#record, status: 'stopped', process: null, startedAtMs: 0 };
      await this.#start({ kind: 'start-requested' });
    });
  }

  /** Ends the process and its group; settles when it has gone. Throws D3002 where it does not go. */
  stop(reason: string): Promise<void> {
    return this.#enqueue(() => this.#stop(reason));
  }

  /** Looks whether an adopted process, whose end is no event, is still there. */
  checkPresence(): void {
    const { process, status } = this.#record;
    if (!process || this.#own || status === 'stopping') return;
    if (!this.#deps.processes.find(process)) this.#processGone(process, { code: null, signal: null }, 'ended');
  }

  noteHeartbeat(heartbeat: { version: string; receivedAtMs: number }): void {
    const newVersion = heartbeat.version !== '' && heartbeat.version !== this.#version;
    this.#lastHeartbeatMs = heartbeat.receivedAtMs;
    if (!newVersion) return;
    this.#version = heartbeat.version;
    this.#deps.onChange();
  }

  /** The daemon ends: waits for the operation under way, forgets timers, leaves the process alone. */
  async detach(): Promise<void> {
    this.#detached = true;
    this.#cancelWait?.();
    this.#endWait?.('abandoned');
    await this.#queue;
    this.#cancelWait?.();
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
    if (changed) this.#log('info', 'agent-status', `is ${next.status}`);
    this.#deps.onChange();
    return true;
  }

  #log(level: 'info' | 'warn' | 'error', event: string, message: string, extra: object = {}): void {
    const { status, reason, process } = this.#record;
    this.#deps.log[level](
      { event, agentId: this.config.id, status, pid: process?.pid ?? 0, ...(reason ? { reason } : {}), ...extra },
      `agent ${this.config.id} ${message}`,
    );
  }

  async #start(event: AgentEvent): Promise<void> {
    this.#cancelWait?.();
    if (this.#detached || !this.#apply(event)) return;
    let launched: Launched;
    try {
      launched = await this.#launch();
    } catch (error) {
      const failure = new DaemonError('D3001', `agent ${this.config.id} could not be started`, { cause: error });
      const why = error instanceof Error ? error.message : String(error);
      this.#log('error', 'agent-start-failed', 'could not be started', { code: failure.code, err: failure });
      this.#afterEnd({ code: null, signal: null }, 0, `could not be started: ${why}`);
      return;
    }
    const { identity, exited } = launched;
    this.#own = true;
    this.#lastHeartbeatMs = 0;
    this.#apply({ kind: 'spawned', process: identity, nowMs: this.#deps.clock.wallMs() });
    this.#log('info', 'agent-started', 'was started');
    const settle = this.#deps.after(START_MS, `settle ${this.config.id}`, () => {
      if (this.#isCurrent(identity)) this.#apply({ kind: 'settled' });
    });
    exited.then(
      (exit) => {
        settle();
        if (!this.#detached) this.#processGone(identity, exit, 'ended');
      },
      () => {}, // an exit is only ever told, never refused
    );
  }

  #launch(): Promise<Launched> {
    const { binaryPath, workDir, id, env } = this.config;
    return this.#deps.processes.launch({
      agentId: id,
      owner: this.#deps.daemonWorkDir,
      program: binaryPath,
      args: agentArguments(this.config),
      env: { ...this.#deps.baseEnv, ...env },
      workDir,
      logFile: this.logFile,
    });
  }

  #isCurrent(identity: ProcessIdentity): boolean {
    const { process } = this.#record;
    return process?.pid === identity.pid && process.startTicks === identity.startTicks;
  }

  /** The process ended, by event or by poll. Ends of an older process are ignored. */
  #processGone(identity: ProcessIdentity, exit: Exit, what: string): void {
    if (!this.#isCurrent(identity)) return;
    const { startedAtMs, status } = this.#record;
    const uptimeMs = Math.max(0, this.#deps.clock.wallMs() - startedAtMs);
    if (status === 'stopping') {
      this.#ended({ next: 'stopped', attempts: 0, reason: this.#record.reason }, exit);
      this.#endWait?.('gone');
      return;
    }
    const how = exit.signal ? `by ${exit.signal}` : exit.code === null ? 'unseen' : `with code ${exit.code}`;
    const lastLines = logTail(this.logFile);
    const early = status === 'starting';
    this.#log('warn', early ? 'agent-start-failed' : 'agent-exited', `${what} ${how}`, {
      ...(early ? { code: 'D3001' } : {}),
      exitCode: exit.code,
      signal: exit.signal,
      uptimeMs,
      lastLines,
    });
    const reason = `${what} ${how}${early ? ' before its start counted' : ''}`;
    this.#afterEnd(exit, uptimeMs, early && lastLines.length > 0 ? `${reason}: ${lastLines.at(-1)}` : reason);
  }

  #afterEnd(exit: Exit, uptimeMs: number, reason: string): void {
    const { restart } = this.config;
    const decision = decideRestart(exit, this.#record.attempts, uptimeMs, restart, this.#deps.random);
    if (decision.kind === 'restart') {
      this.#ended({ next: 'restarting', attempts: decision.attempt, reason }, exit);
      this.#cancelWait = this.#deps.after(decision.delayMs, `restart ${this.config.id}`, () => {
        const due = this.#enqueue(() => this.#start({ kind: 'restart-due', nowMs: this.#deps.clock.wallMs() }));
        due.catch((error: unknown) =>
          this.#log('error', 'agent-start-failed', 'could not be restarted', { err: error }),
        );
      });
      return;
    }
    const gaveUp = decision.kind === 'give-up';
    const failed = gaveUp || decision.failed;
    const limit = gaveUp ? `; restarted ${restart.maxRetries} times without success, left alone now` : '';
    this.#ended({ next: failed ? 'failed' : 'stopped', attempts: this.#record.attempts, reason: reason + limit }, exit);
    if (failed) this.#log('error', 'agent-failed', `failed: ${reason}${limit}`, { code: 'D3001' });
  }

  #ended(to: { next: 'stopped' | 'failed' | 'restarting'; attempts: number; reason: string }, exit: Exit): void {
    this.#own = false;
    this.#apply({ kind: 'ended', exit: { ...exit, atMs: this.#deps.clock.wallMs() }, ...to });
  }

  async #stop(reason: string): Promise<void> {
    this.#cancelWait?.();
    const { process } = this.#record;
    if (!this.#apply({ kind: 'stop-requested' })) return; // stopped or failed already
    if (process) {
      this.#record = { ...this.#record, reason };
      this.#log('info', 'agent-stopping', `is being stopped: ${reason}`);
      const terminated = this.#waitGone(process, STOP_TIMEOUT_MS);
      this.#deps.processes.signalGroup(process, 'SIGTERM');
      this.#deps.processes.signalGroup(process, 'SIGCONT'); // a stopped process acts on SIGTERM only once it goes on
      let end = await terminated;
      if (end === 'still-there') {
        const killed = this.#waitGone(process, KILL_TIMEOUT_MS);
        this.#deps.processes.signalGroup(process, 'SIGKILL');
        end = await killed;
      }
      if (end === 'abandoned') return; // the next daemon finds it in `stopping` and takes it from there
      if (end === 'still-there') {
        const state = this.#deps.processes.find(process)?.state ?? '?';
        throw new DaemonError(
          'D3002',
          `agent ${this.config.id} (pid ${process.pid}, state ${state}) did not end after SIGKILL`,
        );
      }
    }
    if (this.#record.status === 'stopping')
      this.#ended({ next: 'stopped', attempts: 0, reason }, { code: null, signal: null });
  }

  #waitGone(identity: ProcessIdentity, limitMs: number): Promise<WaitEnd> {
    if (this.#detached) return Promise.resolve('abandoned');
    const { clock, processes, after } = this.#deps;
    const until = clock.nowMs() + limitMs;
    return new Promise((resolve) => {
      let cancel: () => void = () => {};
      const finish = (end: WaitEnd): void => {
        cancel();
        this.#endWait = null;
        resolve(end);
      };
      const look = (): void => {
        if (!processes.find(identity)) finish('gone');
        else if (clock.nowMs() >= until) finish('still-there');
        else cancel = after(GONE_POLL_MS, `stop ${this.config.id}`, look);
      };
      this.#endWait = finish;
      look();
    });
  }
}
