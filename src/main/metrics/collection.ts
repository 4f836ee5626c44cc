/**
 * Runs the collectors in worker threads by plan and hands on their samples. What a collector must remember is kept
 * here between runs. A failure is D5001 for that collector alone; a plugin gets a thread and a deadline of its own.
 */
import type { CollectorsConfig } from '../../shared/config/schema.ts';
import type { CollectOutcome, CollectTask } from '../../shared/contracts/jobs.ts';
import type { Sample } from '../../shared/contracts/metrics.ts';
import { DaemonError, describe } from '../../shared/errors/daemon-error.ts';
import { fromWire, toWire } from '../../shared/errors/wire.ts';
import type { Clock } from '../../shared/platform/clock.ts';
import { earliestDue, type PlannedCollector, takeDue } from './collection-plan.ts';

export interface CollectionOptions {
  collectors: CollectorsConfig;
  run(
    input: CollectTask[],
    options: { deadlineMs: number; lingerMs: number; isolated: boolean; signal: AbortSignal },
  ): Promise<CollectOutcome[]>;
  after(delayMs: number, name: string, run: () => void): () => void;
  clock: Clock;
  random: () => number;
  onSamples(samples: Sample[]): void;
  log: {
    debug(fields: object, message?: string): void;
    info(fields: object, message?: string): void;
    warn(fields: object, message?: string): void;
  };
}

/** What its next run is called in the schedule. */
export const COLLECT_JOB = 'collect';
/** Time between the run that takes the starting counters and the first one that can give rates. */
const PRIME_MS = 1000;
const BUILT_IN_DEADLINE_MS = 30_000;
/** Starting a thread costs about 45 ms of CPU: keeping it pays when its next run is sooner than this. */
const KEEP_THREAD_MS = 5000;

interface Collector {
  task: Omit<CollectTask, 'state'>;
  state: unknown;
  /** A plugin's own limit; 0 for a built-in one. */
  timeoutMs: number;
  /**
   * Whether it may report: a built-in one runs once before, for the starting counters of its rates. All of them do,
   * so that their due times stay together.
   */
  primed: boolean;
  /** The last failure's text, so that one that lasts is told once. */
  lastError: string;
}

/** What was collected, for showing. */
export interface Collected {
  /** Unix milliseconds; 0: nothing was. */
  atMs: number;
  samples: Sample[];
  /** `collector: what failed`. */
  errors: string[];
}

export class Collection {
  readonly #options: CollectionOptions;
  readonly #collectors = new Map<string, Collector>();
  readonly #abort = new AbortController();
  readonly #running = new Set<Promise<void>>();
  /** The last sample of each collector, for showing. */
  readonly #last = new Map<string, Sample>();
  #fresh: Promise<Collected> | null = null;
  #plan: PlannedCollector[] = [];
  #cancel: () => void = () => {};

  constructor(options: CollectionOptions) {
    this.#options = options;
    const { plugins, ...builtIn } = options.collectors;
    for (const [name, config] of Object.entries(builtIn)) {
      if (!config.enabled) continue;
      const filters = {
        ...('mountPoints' in config ? { mountPoints: config.mountPoints } : {}),
        ...('interfaces' in config ? { interfaces: config.interfaces } : {}),
      };
      this.#add({ name, ...filters }, config.intervalMs, 0);
    }
    for (const [name, { enabled, intervalMs, timeoutMs, module, options: pluginOptions }] of Object.entries(plugins)) {
      if (enabled) this.#add({ name, plugin: { module, options: pluginOptions } }, intervalMs, timeoutMs);
    }
  }

  /** Takes the starting counters at once. */
  start(): void {
    this.#tick();
  }

  /** Ends the runs under way; nothing is handed on any more. */
  async close(): Promise<void> {
    this.#abort.abort(new Error('the daemon is ending'));
    this.#cancel();
    await Promise.allSettled([...this.#running, this.#fresh]);
  }

  /** As it was reported last. */
  last(): Collected {
    const samples = [...this.#last.values()];
    const failing = [...this.#collectors].filter(([, { lastError }]) => lastError !== '');
    const atMs = Math.max(0, ...samples.map(({ timestampMs }) => timestampMs));
    return { atMs, samples, errors: failing.map(([name, { lastError }]) => `${name}: ${lastError}`) };
  }

  /**
   * Collects now, beside the schedule: what each collector remembers stays as it was, and nothing is reported. Those who
   * ask at once share one run. Of plugins the last samples: their runs never overlap, and may cost a lot. Rejects where
   * the daemon ends.
   */
  fresh(): Promise<Collected> {
    this.#fresh ??= this.#collectFresh().finally(() => {
      this.#fresh = null;
    });
    return this.#fresh;
  }

  async #collectFresh(): Promise<Collected> {
    const collectors = [...this.#collectors.values()];
    const builtIn = collectors.flatMap(({ task, timeoutMs }) => (timeoutMs === 0 ? [task.name] : []));
    const outcomes = builtIn.length > 0 ? await this.#outcomes(builtIn, BUILT_IN_DEADLINE_MS, false, 0) : [];
    this.#abort.signal.throwIfAborted();
    for (const { name, state } of outcomes) {
      const collector = this.#collectors.get(name);
      // what hangs must not be asked again by each who looks
      if (collector) collector.state = withQuarantineOf(state, collector.state);
    }
    const ofPlugins = collectors.flatMap(({ task, timeoutMs }) =>
      timeoutMs > 0 ? (this.#last.get(task.name) ?? []) : [],
    );
    const samples = [...outcomes.flatMap(({ sample }) => sample ?? []), ...ofPlugins];
    return {
      atMs: Math.max(0, ...samples.map(({ timestampMs }) => timestampMs)),
      samples,
      errors: outcomes.flatMap(({ name, error }) => (error ? [`${name}: ${describe(fromWire(error))}`] : [])),
    };
  }

  #add(task: Omit<CollectTask, 'state'>, intervalMs: number, timeoutMs: number): void {
    this.#collectors.set(task.name, { task, state: null, timeoutMs, primed: timeoutMs > 0, lastError: '' });
    this.#plan.push({ name: task.name, intervalMs, dueMs: this.#options.clock.nowMs(), running: false, skipped: 0 });
  }

  #arm(): void {
    this.#cancel();
    const dueMs = earliestDue(this.#plan);
    if (this.#abort.signal.aborted || dueMs === Number.POSITIVE_INFINITY) return;
    this.#cancel = this.#options.after(dueMs - this.#options.clock.nowMs(), COLLECT_JOB, () => this.#tick());
  }

  #tick(): void {
    const { due, plan } = takeDue(this.#plan, this.#options.clock.nowMs());
    this.#plan = plan;
    const builtIn = due.filter((name) => this.#collectors.get(name)?.timeoutMs === 0);
    if (builtIn.length > 0) this.#track(this.#run(builtIn, BUILT_IN_DEADLINE_MS, false));
    for (const name of due) {
      const timeoutMs = this.#collectors.get(name)?.timeoutMs ?? 0;
      if (timeoutMs > 0) this.#track(this.#run([name], timeoutMs, true));
    }
    this.#arm();
  }

  #track(run: Promise<void>): void {
    this.#running.add(run);
    void run.finally(() => this.#running.delete(run));
  }

  /** What each collector gives, from what it remembers. Never rejects. */
  async #outcomes(
    names: readonly string[],
    deadlineMs: number,
    isolated: boolean,
    lingerMs: number,
  ): Promise<CollectOutcome[]> {
    const { clock, run } = this.#options;
    const tasks = names.map((name) => ({
      ...this.#collectors.get(name)?.task,
      name,
      state: this.#collectors.get(name)?.state ?? null,
    }));
    const startedMs = clock.nowMs();
    try {
      return await run(tasks, { deadlineMs, isolated, lingerMs, signal: this.#abort.signal });
    } catch (error) {
      // the thread itself failed: each collector of the run did, and keeps the counters that it had
      return tasks.map(({ name, state }) => ({
        name,
        state,
        sample: null,
        error: toWire(new DaemonError('D5001', `collector ${name} failed`, { cause: error })),
        durationMs: clock.nowMs() - startedMs,
      }));
    }
  }

  async #run(names: string[], deadlineMs: number, isolated: boolean): Promise<void> {
    const { clock } = this.#options;
    const startedMs = clock.nowMs();
    const outcomes = await this.#outcomes(names, deadlineMs, isolated, this.#lingerMs());
    if (this.#abort.signal.aborted) return;
    const samples: Sample[] = [];
    for (const outcome of outcomes) {
      const sample = this.#take(outcome, startedMs);
      if (!sample) continue;
      samples.push(sample);
      this.#last.set(outcome.name, sample);
    }
    const durationMs = Math.round(clock.nowMs() - startedMs);
    this.#options.log.debug({ event: 'collection', collectors: names, durationMs }, 'collection ended');
    if (samples.length > 0) this.#options.onSamples(samples);
    this.#arm();
  }

  #take(outcome: CollectOutcome, startedMs: number): Sample | null {
    const collector = this.#collectors.get(outcome.name);
    if (!collector) return null;
    const reports = collector.primed;
    collector.state = outcome.state;
    collector.primed = true;
    // from the start of the run: agents' checks keep this distance from theirs, and share a thread with it
    const nextMs = Math.max(startedMs + PRIME_MS, this.#options.clock.nowMs());
    this.#plan = this.#plan.map((planned) =>
      planned.name === outcome.name ? { ...planned, running: false, ...(reports ? {} : { dueMs: nextMs }) } : planned,
    );
    this.#tell(collector, outcome, reports);
    return reports ? outcome.sample : null;
  }

  #tell(collector: Collector, { name, durationMs, error: wireError, sample }: CollectOutcome, reports: boolean): void {
    const { log } = this.#options;
    if (sample && reports)
      log.debug(
        { event: 'collected', collector: name, durationMs: Math.round(durationMs * 100) / 100 },
        `collected ${name}`,
      );
    const error = wireError ? fromWire(wireError) : null;
    const text = error ? describe(error) : '';
    if (text === collector.lastError) return;
    collector.lastError = text;
    if (error)
      log.warn({ event: 'collect-failed', collector: name, code: 'D5001', err: error }, `collector ${name} failed`);
    else log.info({ event: 'collect-recovered', collector: name }, `collector ${name} works again`);
  }

  /** How long to keep the thread: until the next run where that is soon. */
  #lingerMs(): number {
    const priming = [...this.#collectors.values()].some(({ primed }) => !primed);
    const waitMs = priming ? PRIME_MS : earliestDue(this.#plan) - this.#options.clock.nowMs();
    return waitMs <= KEEP_THREAD_MS ? waitMs + PRIME_MS : 0;
  }
}

/** What one state says of what is not to be asked for a while, in the other, which is kept else. */
function withQuarantineOf(seen: unknown, kept: unknown): unknown {
  const has = (state: unknown): state is { quarantine: unknown } =>
    typeof state === 'object' && state !== null && 'quarantine' in state;
  return has(seen) && has(kept) ? { ...kept, quarantine: seen.quarantine } : kept;
}
