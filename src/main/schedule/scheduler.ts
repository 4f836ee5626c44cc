/**
 * One timer for everything that waits: calls back at due times of the monotonic clock, earliest first. It knows
 * nothing of what it calls; a callback that throws is handed to `onError` and harms no other.
 */
import { type Clock, LONGEST_TIMER_MS } from '../../shared/platform/clock.ts';

export type Cancel = () => void;

interface Entry {
  dueMs: number;
  name: string;
  run: () => void;
}

export interface SchedulerOptions {
  clock: Clock;
  random: () => number;
  onError: (error: unknown, name: string) => void;
}

/** Due times this close together share one wake-up of the process. */
const SLACK_MS = 20;

/** An interval drawn evenly within ±`fraction` of the nominal one. */
export function jittered(intervalMs: number, fraction: number, random: () => number): number {
  return intervalMs * (1 + fraction * (2 * random() - 1));
}

export class Scheduler {
  readonly #options: SchedulerOptions;
  readonly #entries = new Set<Entry>();
  /** Of jobs that are done again and again: those whose run is under way, by name. */
  readonly #running = new Map<string, number>();
  #cancelTimer: Cancel | null = null;
  #timerDueMs = Number.POSITIVE_INFINITY;
  #closed = false;

  constructor(options: SchedulerOptions) {
    this.#options = options;
  }

  /** Runs once after `delayMs`; after close() nothing is accepted or run any more. */
  after(delayMs: number, name: string, run: () => void): Cancel {
    if (this.#closed) return () => {};
    const entry: Entry = { dueMs: this.#options.clock.nowMs() + Math.max(0, delayMs), name, run };
    this.#entries.add(entry);
    this.#arm();
    return () => {
      this.#entries.delete(entry);
    };
  }

  /**
   * Runs each `intervalMs`, every wait with a jitter of ±`jitter` of it. The next wait begins when the run, a
   * promise too, has ended: runs of one job never overlap.
   */
  every(intervalMs: number, name: string, run: () => void | Promise<void>, jitter = 0): Cancel {
    let stopped = false;
    let cancel: Cancel = () => {};
    const plan = (): void => {
      if (stopped) return;
      cancel = this.after(jittered(intervalMs, jitter, this.#options.random), name, () => {
        // from here on: what is due in the same wake-up comes before its first step
        this.#running.set(name, (this.#running.get(name) ?? 0) + 1);
        Promise.resolve()
          .then(run)
          .catch((error: unknown) => this.#options.onError(error, name))
          .then(() => this.#ran(name))
          .then(plan, plan);
      });
    };
    plan();
    return () => {
      stopped = true;
      cancel();
    };
  }

  /** Whether a run that every() planned under that name is under way. */
  isRunning(name: string): boolean {
    return this.#running.has(name);
  }

  /** Milliseconds until the next call of that name; infinity where none waits. */
  dueInMs(name: string): number {
    let earliest = Number.POSITIVE_INFINITY;
    for (const entry of this.#entries) if (entry.name === name) earliest = Math.min(earliest, entry.dueMs);
    return earliest - this.#options.clock.nowMs();
  }

  /** What waits although its time has come, the latest of all; null where nothing does. */
  overdue(): { name: string; lateMs: number } | null {
    const nowMs = this.#options.clock.nowMs();
    let first: Entry | null = null;
    for (const entry of this.#entries) if (entry.dueMs < nowMs && entry.dueMs < (first?.dueMs ?? nowMs)) first = entry;
    return first ? { name: first.name, lateMs: nowMs - first.dueMs } : null;
  }

  /** How many callbacks are waiting, for tests and leak checks. */
  get waiting(): number {
    return this.#entries.size;
  }

  close(): void {
    this.#closed = true;
    this.#entries.clear();
    this.#cancelTimer?.();
    this.#cancelTimer = null;
  }

  #ran(name: string): void {
    const left = (this.#running.get(name) ?? 0) - 1;
    if (left > 0) this.#running.set(name, left);
    else this.#running.delete(name);
  }

  #arm(): void {
    let earliest = Number.POSITIVE_INFINITY;
    for (const entry of this.#entries) earliest = Math.min(earliest, entry.dueMs);
    if (earliest === Number.POSITIVE_INFINITY || (this.#cancelTimer && this.#timerDueMs <= earliest)) return;
    this.#cancelTimer?.();
    this.#timerDueMs = earliest;
    const waitMs = Math.min(earliest - this.#options.clock.nowMs(), LONGEST_TIMER_MS);
    this.#cancelTimer = this.#options.clock.after(waitMs, () => this.#fire());
  }

  #fire(): void {
    this.#cancelTimer = null;
    const limit = this.#options.clock.nowMs() + SLACK_MS;
    const due = [...this.#entries].filter((entry) => entry.dueMs <= limit).sort((a, b) => a.dueMs - b.dueMs);
    for (const entry of due) {
      // an earlier callback of this round may have cancelled it
      if (!this.#entries.delete(entry)) continue;
      try {
        entry.run();
      } catch (error) {
        this.#options.onError(error, entry.name);
      }
    }
    if (!this.#closed) this.#arm();
  }
}
