/**
 * The only owner of the pool of worker threads for long single tasks (compressing, copying, hashing). Nothing of it
 * is loaded before the first task, and a thread ends soon after its last one. Each task has a deadline and can be
 * cancelled, which ends its thread; a thread that cannot start rejects what waits for it.
 */
import { join } from 'node:path';
import { MessageChannel } from 'node:worker_threads';
import type { Piscina } from 'piscina';
import {
  type PoolAnswer,
  type PoolCall,
  type PoolTaskKind,
  type PoolTaskOptions,
  type PoolTasks,
  type TaskProgress,
  UPDATE_TASKS,
} from '../../shared/contracts/pool-tasks.ts';
import { DaemonError } from '../../shared/errors/daemon-error.ts';
import { fromWire } from '../../shared/errors/wire.ts';

export interface PoolOptions {
  /** Folder of the bundles: pool.js, update-tasks.js, and beside piscina's own bundle its worker.js. */
  bundles: string;
  /** How long a thread waits for another task. Default: 1 s. */
  idleMs?: number;
  /** Where the library comes from; default: its bundle. */
  load?: () => Promise<{ Piscina: typeof Piscina }>;
  /** A thread is ready for its first task. */
  onStarted?: () => void;
  /** A thread has ended: its memory is free. */
  onEnded?: () => void;
}

const IDLE_MS = 1000;
const MAX_THREADS = 2;
const HEAP_LIMIT_MB = 32;
const OF_UPDATES: ReadonlySet<PoolTaskKind> = new Set(UPDATE_TASKS);
/** A thread stuck in a system call cannot be ended; nobody waits longer than this for it. */
const TERMINATE_MS = 1000;

export class Pool {
  readonly #options: PoolOptions;
  /** Tasks without an answer: each takes a reason and gives its caller that for one. */
  readonly #waiting = new Set<(reason: DaemonError) => void>();
  #piscina: Promise<Piscina> | null = null;
  #started: Piscina | null = null;
  #closed = false;

  constructor(options: PoolOptions) {
    this.#options = options;
  }

  /** How many threads exist. */
  get threads(): number {
    return this.#started?.threads.length ?? 0;
  }

  /** Rejects with a DaemonError: what the task threw, or that it was cancelled or took too long. */
  async run<K extends PoolTaskKind>(
    kind: K,
    input: PoolTasks[K]['input'],
    options: PoolTaskOptions,
  ): Promise<PoolTasks[K]['output']> {
    const answer = await this.#bounded(kind, options, async (signal) => {
      const piscina = await this.#start();
      if (this.#closed) throw new Error('closed while the library was loaded'); // its caller has been told
      const filename = join(this.#options.bundles, OF_UPDATES.has(kind) ? 'update-tasks.js' : 'pool.js');
      const { port, close } = progressPort(options.onProgress);
      try {
        const call: PoolCall<K> = { input, port };
        const transferList = port ? [port] : [];
        const answered: PoolAnswer<K> = await piscina.run(call, { name: kind, filename, signal, transferList });
        return answered;
      } finally {
        close();
      }
    });
    if ('error' in answer) throw fromWire(answer.error);
    return answer.output;
  }

  /** Ends every thread; tasks under way are rejected. */
  async close(): Promise<void> {
    this.#closed = true;
    for (const refuse of this.#waiting) refuse(new DaemonError('internal', 'the daemon is ending'));
    const piscina = await this.#piscina?.catch(() => null); // whoever ran a task was told
    if (!piscina) return;
    let timer: NodeJS.Timeout | undefined;
    const limit = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, TERMINATE_MS);
    });
    await Promise.race([piscina.destroy(), limit]);
    clearTimeout(timer);
  }

  #start(): Promise<Piscina> {
    this.#piscina ??= this.#load().catch((error: unknown) => {
      this.#piscina = null;
      throw error;
    });
    return this.#piscina;
  }

  async #load(): Promise<Piscina> {
    const { idleMs = IDLE_MS, load = () => import('piscina') } = this.#options;
    const { Piscina } = await load();
    const piscina = new Piscina({
      minThreads: 0,
      maxThreads: MAX_THREADS,
      idleTimeout: idleMs,
      // a thread that waits by Atomics would not end what its last task left to its event loop
      atomics: 'disabled',
      recordTiming: false,
      env: { PATH: process.env['PATH'] ?? '/usr/sbin:/usr/bin:/sbin:/bin', ...furtherAuthorities(process.env) },
      execArgv: [],
      resourceLimits: { maxOldGenerationSizeMb: HEAP_LIMIT_MB },
    });
    // a thread that failed without a task: at its start, most often, and then nobody else takes what waits for it
    piscina.on('error', (cause: unknown) => {
      if (piscina.threads.length > 0) return;
      const reason = new DaemonError('internal', 'no thread of the pool could be started', { cause });
      for (const refuse of this.#waiting) refuse(reason);
    });
    const { onStarted, onEnded } = this.#options;
    piscina.on('workerCreate', ({ id }: { id: number }) => {
      const thread = piscina.threads.find(({ threadId }) => threadId === id);
      if (!thread) return; // it has ended already
      onStarted?.();
      // the library's own event comes when it asks for the end
      if (onEnded) thread.once('exit', onEnded);
    });
    this.#started = piscina;
    return piscina;
  }

  /** Never waits for an answer beyond the deadline or an abort; leaves no timer and no listener behind. */
  #bounded<T>(kind: string, options: PoolTaskOptions, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const { deadlineMs, signal } = options;
    if (this.#closed) return Promise.reject(new DaemonError('internal', `no ${kind} task: the daemon is ending`));
    return new Promise<T>((resolve, reject) => {
      const controller = new AbortController();
      const settle = (act: () => void): void => {
        clearTimeout(timer);
        signal?.removeEventListener('abort', onAbort);
        this.#waiting.delete(refuse);
        act();
      };
      const refuse = (reason: DaemonError): void => {
        settle(() => reject(reason));
        // takes it out of the queue or ends its thread; at the end of all, the pool does that and waits for it
        if (!this.#closed) controller.abort(reason);
      };
      const onAbort = (): void =>
        refuse(new DaemonError('internal', `the ${kind} task was cancelled`, { cause: signal?.reason }));
      const timer = setTimeout(() => {
        const message = `the ${kind} task did not end within ${deadlineMs} ms`;
        refuse(new DaemonError('internal', message, { retryable: true }));
      }, deadlineMs);
      this.#waiting.add(refuse);
      if (signal?.aborted) return onAbort();
      signal?.addEventListener('abort', onAbort, { once: true });
      work(controller.signal).then(
        (value) => settle(() => resolve(value)),
        (cause: unknown) => settle(() => reject(new DaemonError('internal', `the ${kind} task failed`, { cause }))),
      );
    });
  }
}

/** One end of a channel for a thread; what comes in at the other is handed on. */
function progressPort(onProgress: PoolTaskOptions['onProgress']): Pick<PoolCall<PoolTaskKind>, 'port'> & {
  close(): void;
} {
  if (!onProgress) return { port: null, close: () => {} };
  const { port1, port2 } = new MessageChannel();
  port1.on('message', (progress: TaskProgress) => onProgress(progress));
  port1.unref();
  return { port: port2, close: () => port1.close() };
}

/** For downloads. The launcher has put it aside where Node does not look. */
function furtherAuthorities(environment: NodeJS.ProcessEnv): Record<string, string> {
  const file = environment['DAEMON_EXTRA_CA_CERTS'] || environment['NODE_EXTRA_CA_CERTS'];
  return file ? { DAEMON_EXTRA_CA_CERTS: file } : {};
}
