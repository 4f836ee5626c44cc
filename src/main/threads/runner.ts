/**
 * The only owner of worker threads. A thread is started for a run and ended after it, unless the caller says that
 * another run is due sooner than a restart would pay. Runs that fall together share one: it ends with the last of
 * them. Each call has a deadline of its own and can be cancelled, and is rejected when its thread ends; a thread on
 * which a call failed gets no further ones.
 */
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { type Remote, releaseProxy, wrap } from 'comlink';
import nodeEndpoint from 'comlink/dist/esm/node-adapter.mjs';
import type { JobKind, Jobs, WorkerApi } from '../../shared/contracts/jobs.ts';
import { DaemonError } from '../../shared/errors/daemon-error.ts';

export interface RunOptions {
  deadlineMs: number;
  signal?: AbortSignal;
  /** Keep the thread this long for the next run; 0 ends it at once. Of runs that share it, the latest end counts. */
  lingerMs?: number;
  /** A thread of its own, shared with no other run: for code that is not ours. */
  isolated?: boolean;
}

export interface RunnerOptions {
  /** Folder of the bundles. */
  bundles: string;
  /** What a thread prints (a plugin's console.log), line by line. */
  onOutput?: (text: string) => void;
  /** Milliseconds until the next run that is planned, of any kind; absent: nobody knows. */
  nextRunInMs?: () => number;
  onStarted?: () => void;
  /** One is about to be ended, which holds this thread up for some milliseconds. */
  onEnding?: () => void;
  /** A thread has ended: its memory is free. */
  onEnded?: () => void;
}

const BUNDLES: Record<JobKind, string> = { collect: 'collect.js', hostFacts: 'collect.js', health: 'collect.js' };
const HEAP_LIMIT_MB = 64;
/** Two runs less than this apart share a thread: checks and collections have cadences of their own. */
const SOON_MS = 500;
const LATE_MS = 100;
/** A thread stuck in a system call cannot be ended; nobody waits longer than this for it. */
const TERMINATE_MS = 1000;

interface Thread {
  worker: Worker;
  api: Remote<WorkerApi>;
  /** Rejects when the thread ends, however it ends. */
  ended: Promise<never>;
  bundle: string;
  isolated: boolean;
  /** Runs under way. */
  runs: number;
  /** A run failed on it, so it may be stuck: it is left to the others that are under way, and then ended. */
  spoiled: boolean;
  /** Monotonic milliseconds until which somebody wants it kept. */
  keepUntilMs: number;
  /** Once it is being ended: settles when it has, or nobody waits for it any more. */
  ending: Promise<void> | null;
}

export class Runner {
  readonly #options: RunnerOptions;
  /** Idle threads kept for their next run, with the timer that ends them. */
  readonly #idle = new Map<Thread, NodeJS.Timeout>();
  readonly #busy = new Set<Thread>();
  #closed = false;

  constructor(options: RunnerOptions) {
    this.#options = options;
  }

  /** How many threads exist. */
  get threads(): number {
    return this.#idle.size + this.#busy.size;
  }

  async run<K extends JobKind>(kind: K, input: Jobs[K]['input'], options: RunOptions): Promise<Jobs[K]['output']> {
    if (this.#closed) throw new DaemonError('internal', `no ${kind} run: the daemon is ending`);
    if (options.signal?.aborted) throw cancelled(kind, options.signal);
    const thread = this.#take(BUNDLES[kind], options.isolated ?? false);
    thread.runs++;
    this.#busy.add(thread);
    try {
      const call = thread.api[kind] as (value: Jobs[K]['input']) => Promise<Jobs[K]['output']>;
      const output = await bounded(Promise.race([call(input), thread.ended]), kind, options);
      thread.keepUntilMs = Math.max(thread.keepUntilMs, performance.now() + (options.lingerMs ?? 0));
      // two at once would be the peak of the daemon's memory: a thread, and what is made of its answer
      await this.#release(thread);
      return output;
    } catch (error) {
      thread.spoiled = true;
      await this.#release(thread);
      throw error;
    }
  }

  async close(): Promise<void> {
    this.#closed = true;
    for (const timer of this.#idle.values()) clearTimeout(timer);
    const threads = [...this.#idle.keys(), ...this.#busy];
    this.#idle.clear();
    await Promise.all(threads.map((thread) => this.#end(thread)));
  }

  #take(bundle: string, isolated: boolean): Thread {
    if (!isolated) {
      for (const thread of this.#busy) {
        if (thread.bundle === bundle && !thread.isolated && !thread.spoiled) return thread;
      }
      for (const [thread, timer] of this.#idle) {
        if (thread.bundle !== bundle) continue;
        clearTimeout(timer);
        this.#idle.delete(thread);
        thread.keepUntilMs = 0; // it was kept for this run: how long after it is said anew
        return thread;
      }
    }
    return this.#start(bundle, isolated);
  }

  #start(bundle: string, isolated: boolean): Thread {
    const worker = new Worker(join(this.#options.bundles, bundle), {
      env: { PATH: process.env['PATH'] ?? '/usr/sbin:/usr/bin:/sbin:/bin' },
      execArgv: [],
      stdout: true,
      stderr: true,
      resourceLimits: { maxOldGenerationSizeMb: HEAP_LIMIT_MB },
    });
    for (const stream of [worker.stdout, worker.stderr]) {
      stream.on('data', (chunk: Buffer) => this.#options.onOutput?.(chunk.toString('utf8').trimEnd()));
    }
    const ended = new Promise<never>((_, reject) => {
      worker.once('error', (error) =>
        reject(new DaemonError('internal', `the thread of ${bundle} failed`, { cause: error })),
      );
      worker.once('exit', (code) =>
        reject(new DaemonError('internal', `the thread of ${bundle} ended with ${code} before it answered`)),
      );
    });
    this.#options.onStarted?.();
    worker.once('exit', () => this.#options.onEnded?.());
    ended.catch(() => {}); // seen by whoever waits for an answer; an idle thread's end is nobody's error
    const api = wrap<WorkerApi>(nodeEndpoint(worker));
    return { worker, api, ended, bundle, isolated, runs: 0, spoiled: false, keepUntilMs: 0, ending: null };
  }

  /** One of its runs has ended. Settles at once, or, where the thread ends with it, at the end of the thread. */
  async #release(thread: Thread): Promise<void> {
    thread.runs--;
    if (thread.runs > 0) return;
    this.#busy.delete(thread);
    const lingerMs = Math.max(thread.keepUntilMs - performance.now(), this.#untilNextRunMs());
    if (thread.spoiled || thread.isolated || this.#closed || lingerMs <= 0) return this.#end(thread);
    this.#keep(thread, lingerMs);
  }

  #end(thread: Thread): Promise<void> {
    if (!thread.ending) {
      if (thread.worker.threadId > 0) this.#options.onEnding?.(); // else it has ended by itself
      thread.ending = terminate(thread);
    }
    return thread.ending;
  }

  /** 0 where the next run is too far off for a thread to be kept for it. */
  #untilNextRunMs(): number {
    const nextMs = this.#options.nextRunInMs?.() ?? Number.POSITIVE_INFINITY;
    return nextMs < SOON_MS ? Math.max(0, nextMs) + LATE_MS : 0;
  }

  #keep(thread: Thread, lingerMs: number): void {
    const timer = setTimeout(() => {
      this.#idle.delete(thread);
      void this.#end(thread);
    }, lingerMs);
    timer.unref();
    this.#idle.set(thread, timer);
  }
}

function cancelled(kind: string, signal: AbortSignal | undefined): DaemonError {
  return new DaemonError('internal', `the ${kind} run was cancelled`, { cause: signal?.reason });
}

/** Rejects at the deadline and on abort; leaves no timer and no listener behind. */
function bounded<T>(answer: Promise<T>, kind: string, { deadlineMs, signal }: RunOptions): Promise<T> {
  return new Promise((resolve, reject) => {
    const cleanUp = (): void => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', onAbort);
    };
    const onAbort = (): void => {
      cleanUp();
      reject(cancelled(kind, signal));
    };
    const timer = setTimeout(() => {
      cleanUp();
      reject(new DaemonError('internal', `the ${kind} run did not end within ${deadlineMs} ms`, { retryable: true }));
    }, deadlineMs);
    signal?.addEventListener('abort', onAbort, { once: true });
    answer.then(resolve, reject).finally(cleanUp);
  });
}

async function terminate(thread: Thread): Promise<void> {
  thread.api[releaseProxy]();
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, TERMINATE_MS);
  });
  await Promise.race([thread.worker.terminate(), limit]);
  clearTimeout(timer);
}
