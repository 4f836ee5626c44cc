/**
 * The parts of the daemon that start threads and give memory back, put together as in src/main/daemon.ts. What is
 * measured with them is measured under the daemon's conditions, as far as a process without agents and link has them.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { Footprint } from '../../src/main/footprint/footprint.ts';
import { ownProcess } from '../../src/main/footprint/own-process.ts';
import { Scheduler } from '../../src/main/schedule/scheduler.ts';
import { Pool } from '../../src/main/threads/pool.ts';
import { Runner } from '../../src/main/threads/runner.ts';
import { describe } from '../../src/shared/errors/daemon-error.ts';
import type { Scope } from '../../src/shared/lifecycle/scope.ts';
import { systemClock } from '../../src/shared/platform/clock.ts';
import type { Settings } from '../settings.ts';

export interface PartsOptions {
  bundles: string;
  timedBundles: string;
  pace: Settings['inside'];
  /** What is measured ends with it. */
  signal: AbortSignal;
}

export class DaemonParts {
  readonly signal: AbortSignal;
  readonly #options: PartsOptions;
  readonly #footprint: Footprint;
  #pagesKept = 'it ended before they were looked for';

  private constructor(options: PartsOptions, scheduler: Scheduler) {
    this.#options = options;
    this.signal = options.signal;
    this.#footprint = new Footprint({
      mode: 'full',
      process: ownProcess(options.bundles),
      after: (delayMs, name, run) => scheduler.after(delayMs / options.pace.speedUp, name, run),
      clock: systemClock,
      heartbeatInMs: () => Number.POSITIVE_INFINITY, // none is planned: calls come one after another
      log: {
        debug: (fields) => this.#keepReason(fields),
        info: (fields) => this.#keepReason(fields),
      },
    });
  }

  /** Settles when what the daemon gives back after its start has been given back. Ends with the scope. */
  static async start(scope: Scope, options: PartsOptions): Promise<DaemonParts> {
    const scheduler = new Scheduler({
      clock: systemClock,
      random: Math.random,
      onError: (error) => {
        throw error; // nothing here may fail unseen: the process ends with it
      },
    });
    await scope.add(() => scheduler.close());
    const parts = new DaemonParts(options, scheduler);
    await scope.add(() => parts.#footprint.close());
    await parts.#footprint.start();
    await sleep(options.pace.settleMs, undefined, { signal: options.signal });
    return parts;
  }

  /** Why no pages of files are given back; empty where they are. */
  get pagesKept(): string {
    return this.#footprint.givesPagesBack ? '' : this.#pagesKept;
  }

  /** Its threads are the daemon's. */
  runner(): Runner {
    return this.#runnerOf(this.#options.bundles);
  }

  /** Its threads say how long they took themselves (timed-collect.ts). */
  timedRunner(): Runner {
    return this.#runnerOf(this.#options.timedBundles);
  }

  /** Ends with the scope. */
  async pool(scope: Scope): Promise<Pool> {
    const pool = new Pool({ ...this.#threads(), bundles: this.#options.bundles });
    await scope.add(() => pool.close());
    return pool;
  }

  #runnerOf(bundles: string): Runner {
    return new Runner({ ...this.#threads(), onEnding: () => this.#footprint.threadEnding(), bundles });
  }

  #threads(): { onStarted: () => void; onEnded: () => void } {
    return { onStarted: () => this.#footprint.threadStarted(), onEnded: () => this.#footprint.threadEnded() };
  }

  #keepReason(fields: object): void {
    if ('err' in fields) this.#pagesKept = describe(fields.err);
    else if ('why' in fields) this.#pagesKept = String(fields.why);
  }
}
