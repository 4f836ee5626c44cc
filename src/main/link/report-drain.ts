/**
 * Sends the reports that wait, in order, one call at a time, with pauses that leave room for everything else. What
 * becomes of a batch is the queue's to decide; how soon to try again is decided here. close() begins nothing new.
 */
import { status } from '@grpc/grpc-js';
import { describe } from '../../shared/errors/daemon-error.ts';
import { backoffMs } from '../../shared/lifecycle/backoff.ts';
import type { CallError, ManagerCalls } from './calls.ts';
import type { Batch, Delivery } from './queue/report-queue.ts';
import type { LinkLog } from './session.ts';

/** The queue that they come from. */
export interface ReportSource {
  next(limits: { oneSecond: boolean }): Promise<Batch | null>;
  settle(batch: Batch, delivery: Delivery, reason: string): Promise<void>;
}

export interface ReportDrainOptions {
  calls: ManagerCalls;
  reports: ReportSource;
  /** Of a backlog, before the pause that follows each batch. */
  onPieceDone(): void;
  /** How long a successful call took, ms, or its failure. */
  timed(call: Promise<void>): Promise<number | CallError>;
  after(delayMs: number, name: string, run: () => void): () => void;
  random: () => number;
  log: LinkLog;
}

/** After each batch of a backlog the line is free for as long as the batch took, and for this at least. */
const SHORTEST_PAUSE_MS = 10;
/** Between attempts while the Manager refuses. A long trouble of its own must not use up what waits. */
const REFUSED = { baseMs: 5000, maxMs: 60_000 };

export class ReportDrain {
  readonly #options: ReportDrainOptions;
  #going: Promise<void> | null = null;
  #again = false;
  /** Until a wait is over, whatever comes meanwhile waits too. */
  #waits = false;
  #closed = false;
  #refusals = 0;
  #cancelWait: () => void = () => {};

  constructor(options: ReportDrainOptions) {
    this.#options = options;
  }

  /** Settles when nothing waits any more, or what does must wait longer. Never rejects. */
  go(): Promise<void> {
    if (this.#waits) return Promise.resolve();
    this.#again = true;
    this.#going ??= this.#drain();
    return this.#going;
  }

  close(): void {
    this.#closed = true;
    this.#cancelWait();
  }

  async #drain(): Promise<void> {
    try {
      const { calls, reports, timed, onPieceDone, log } = this.#options;
      let batches = 0;
      while (this.#again && !this.#waits && !this.#closed) {
        this.#again = false;
        while (!this.#closed) {
          const batch = await reports.next({ oneSecond: calls.protocol === 'daemon' });
          if (!batch) break;
          if (this.#closed) return reports.settle(batch, 'not-sent', '');
          const took = await timed(calls.report(batch.entries));
          if (typeof took !== 'number') {
            await reports.settle(batch, deliveryOf(took), describe(took));
            return this.#tryLater(took, batch.entries.length);
          }
          this.#refusals = 0;
          await reports.settle(batch, 'taken', '');
          log.debug({ event: 'reported', entries: batch.entries.length, roundTripMs: took }, 'report taken');
          if (++batches > 1) onPieceDone();
          await this.#pause(Math.max(SHORTEST_PAUSE_MS, took));
        }
      }
    } finally {
      this.#going = null; // in the same step as the last look at what has come: nothing falls in between
    }
  }

  /** A batch that was refused is looked into at once; everything else waits. */
  #tryLater(failure: CallError, entries: number): void {
    if (this.#closed) return;
    this.#waits = true;
    if (failure.kind === 'unimplemented') return; // not before the next registration
    const looksInto = entries > 1 && deliveryOf(failure).startsWith('refused');
    const delayMs = looksInto ? 0 : backoffMs(++this.#refusals, REFUSED, this.#options.random);
    this.#cancelWait = this.#options.after(delayMs, 'report', () => {
      this.#waits = false;
      void this.go();
    });
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const cancel = this.#options.after(ms, 'report', resolve);
      this.#cancelWait = () => {
        cancel();
        resolve();
      };
      if (this.#closed) this.#cancelWait();
    });
  }
}

/** About the sender or the moment, not about what was sent: the entry stays and does not count as refused. */
const NOT_ABOUT_THE_ENTRY: readonly number[] = [
  status.UNIMPLEMENTED,
  status.PERMISSION_DENIED,
  status.UNAUTHENTICATED,
  status.RESOURCE_EXHAUSTED,
];

export function deliveryOf(failure: CallError): Delivery {
  if (failure.kind === 'unanswered') return 'unanswered';
  if (failure.kind === 'not-sent' || NOT_ABOUT_THE_ENTRY.includes(failure.status)) return 'not-sent';
  return failure.status === status.INVALID_ARGUMENT ? 'refused-for-good' : 'refused';
}
