/**
 * Rotates the agents' logs: lists the folder, has the plan made, takes its steps one after the other. What is heavy
 * (copying, compressing) is a task of the pool. Never two rounds at once; a step that fails ends the round for its
 * agent only, is told once, and is tried again later.
 */
import { lstat, readdir, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import type { MoveHeadOutput, PoolTaskOptions, PoolTasks } from '../../shared/contracts/pool-tasks.ts';
import { DaemonError, describe } from '../../shared/errors/daemon-error.ts';
import type { Clock } from '../../shared/platform/clock.ts';
import { parseLogName } from './log-names.ts';
import { type LogEntry, type LogLimits, planRotation, type RotationStep } from './log-rotation.ts';

type Kind = 'moveHead' | 'compress';

export interface LogTasks {
  run<K extends Kind>(kind: K, input: PoolTasks[K]['input'], options: PoolTaskOptions): Promise<PoolTasks[K]['output']>;
}

export interface RotatorLog {
  debug(fields: object, message?: string): void;
  info(fields: object, message?: string): void;
  warn(fields: object, message?: string): void;
  error(fields: object, message?: string): void;
}

export interface LogRotatorDeps {
  /** Holds the logs: work_dir/logs. It need not be there yet. */
  folder: string;
  limits: LogLimits;
  /** Ids of all agents that may have their log open, however they are doing. */
  agentIds: () => ReadonlySet<string>;
  tasks: LogTasks;
  clock: Clock;
  log: RotatorLog;
}

/** A full disk does not empty itself in seconds, and each try may copy a hundred megabytes. */
const RETRY_MS = 5 * 60_000;
const LEAST_DEADLINE_MS = 60_000;
/** 1 MB/s: slower than any disk that is well. */
const SLOWEST_BYTES_PER_MS = 1000;
const CLOSE_GRACE_MS = 2000;

interface Failure {
  message: string;
  retryAtMs: number;
}

export class LogRotator {
  readonly #deps: LogRotatorDeps;
  readonly #abort = new AbortController();
  readonly #failures = new Map<string, Failure>();
  /** Names that were told to be left alone. */
  readonly #left = new Set<string>();
  #round: Promise<void> | null = null;
  #closed = false;

  constructor(deps: LogRotatorDeps) {
    this.#deps = deps;
  }

  /** One round; where one is under way already, that one. Never rejects: what fails is logged with its agent. */
  check(): Promise<void> {
    if (this.#closed) return this.#round ?? Promise.resolve();
    this.#round ??= this.#check().finally(() => {
      this.#round = null;
    });
    return this.#round;
  }

  /** Waits for the step under way, up to `graceMs`, then cuts it short: the next daemon takes it up again. */
  async close(graceMs = CLOSE_GRACE_MS): Promise<void> {
    this.#closed = true;
    if (!this.#round) return;
    const cancel = this.#deps.clock.after(graceMs, () => this.#abort.abort(new Error('the daemon is ending')));
    await this.#round;
    cancel();
  }

  async #check(): Promise<void> {
    const { limits, clock, agentIds } = this.#deps;
    const entries = await this.#list();
    if (!entries) return;
    this.#forget(entries);
    for (const { agentId, steps } of planRotation(entries, limits, { nowMs: clock.wallMs(), agentIds: agentIds() })) {
      await this.#takeAll(agentId, steps);
    }
  }

  /** What is named like ours; null where the folder cannot be read. */
  async #list(): Promise<LogEntry[] | null> {
    const { folder } = this.#deps;
    try {
      const names = (await readdir(folder)).filter((name) => parseLogName(name) !== null);
      const entries = await Promise.all(names.map((name) => look(folder, name)));
      this.#failures.delete('');
      return entries.flatMap((entry) => entry ?? []);
    } catch (error) {
      if (isAbsent(error)) return null; // no agent was ever started
      this.#fail('', new DaemonError('internal', `the agents' logs in ${folder} cannot be listed`, { cause: error }));
      return null;
    }
  }

  async #takeAll(agentId: string, steps: readonly RotationStep[]): Promise<void> {
    const { clock } = this.#deps;
    const failure = this.#failures.get(agentId);
    if (failure && clock.nowMs() < failure.retryAtMs) return;
    try {
      for (const step of steps) {
        if (this.#closed) return;
        await this.#take(agentId, step);
      }
      this.#failures.delete(agentId);
    } catch (error) {
      // cut short by the end of the daemon: nothing has failed
      if (this.#abort.signal.aborted) return;
      const message = `the log of agent ${agentId} could not be rotated: no line is lost, it is tried again later`;
      this.#fail(agentId, new DaemonError('internal', message, { cause: error, retryable: true }));
    }
  }

  async #take(agentId: string, step: RotationStep): Promise<void> {
    const { folder, log, tasks } = this.#deps;
    const at = (name: string): string => join(folder, name);
    switch (step.do) {
      case 'leave':
        this.#tellLeft(agentId, step.name, step.why);
        return;
      case 'remove':
        await unlink(at(step.name));
        log.info({ event: 'agent-log-removed', agentId, file: step.name, why: step.why });
        return;
      case 'move': {
        const { live, part, copied, archive, resume, bytes } = step;
        const files = { live: at(live), part: at(part), copied: at(copied), archive: at(archive), resume };
        const moved: MoveHeadOutput = await tasks.run('moveHead', files, this.#options(bytes));
        log.info({ event: 'agent-log-rotated', agentId, file: archive, ...moved });
        return;
      }
      case 'compress': {
        const files = { from: at(step.from), temporary: at(step.temporary), to: at(step.to) };
        const { bytes } = await tasks.run('compress', files, this.#options(step.bytes));
        log.debug({ event: 'agent-log-compressed', agentId, file: step.to, bytes });
      }
    }
  }

  #options(bytes: number): PoolTaskOptions {
    return { deadlineMs: LEAST_DEADLINE_MS + Math.ceil(bytes / SLOWEST_BYTES_PER_MS), signal: this.#abort.signal };
  }

  #tellLeft(agentId: string, name: string, why: string): void {
    if (this.#left.has(name)) return;
    this.#left.add(name);
    this.#deps.log.warn({ event: 'agent-log-left-alone', agentId, file: name, why }, `${name} is not rotated: ${why}`);
  }

  /** The same failure is told once, however often it comes again. */
  #fail(agentId: string, error: DaemonError): void {
    const message = describe(error);
    if (this.#failures.get(agentId)?.message !== message) {
      const fields = { event: 'agent-log-rotation-failed', ...(agentId ? { agentId } : {}), err: error };
      this.#deps.log.error(fields, error.message);
    }
    this.#failures.set(agentId, { message, retryAtMs: this.#deps.clock.nowMs() + RETRY_MS });
  }

  #forget(entries: readonly LogEntry[]): void {
    const names = new Set(entries.map(({ name }) => name));
    for (const name of this.#left) if (!names.has(name)) this.#left.delete(name);
    const agents = new Set(entries.map(({ name }) => parseLogName(name)?.agentId));
    for (const agentId of this.#failures.keys()) if (!agents.has(agentId)) this.#failures.delete(agentId);
  }
}

async function look(folder: string, name: string): Promise<LogEntry | null> {
  try {
    const found = await lstat(join(folder, name));
    const kind = found.isFile() ? 'file' : found.isSymbolicLink() ? 'link' : 'other';
    return { name, kind, size: found.size, mtimeMs: found.mtimeMs };
  } catch (error) {
    if (isAbsent(error)) return null; // removed since it was listed
    throw error;
  }
}

function isAbsent(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT';
}
