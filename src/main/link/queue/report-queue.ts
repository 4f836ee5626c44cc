/**
 * Reports that wait for the Manager, oldest first. Each (type, second) enters once, and leaves when the Manager has
 * taken it, when it refused it for good (then to a dead-letter file), when its answer was lost twice, or when there is
 * no room or it is too old. The Manager does not recognise doubles: what may have arrived is sent once more only.
 */
import { MetricData } from '../../../shared/gen/manager.ts';
import { BatchSize } from './batch-size.ts';
import type { Marks } from './cursor.ts';
import { DeadLetters } from './dead-letters.ts';
import type { Entry } from './frame.ts';
import { RecentSeconds } from './recent-seconds.ts';
import { decoded, encoded, finite, fitting } from './report-entry.ts';
import { type Surroundings, systemFiles } from './surroundings.ts';
import { WaitingLog } from './waiting-log.ts';

export interface Batch {
  /** As they wait: each a `manager.MetricData`, encoded. */
  readonly entries: readonly Buffer[];
}

/**
 * What became of a batch. `unanswered`: it may have arrived; `not-sent`: it has not; `refused`: `success: false` or a
 * status that may change; `refused-for-good`: INVALID_ARGUMENT.
 */
export type Delivery = 'taken' | 'unanswered' | 'not-sent' | 'refused' | 'refused-for-good';

export interface QueueLimits {
  maxBytes: number;
  maxAgeMs: number;
}

export interface ReportQueueOptions extends Surroundings, QueueLimits {}

/** By the reason for which they were given up. */
export interface LostReports {
  room: number;
  age: number;
  unanswered: number;
}

interface Out {
  batch: Batch;
  /** One more than the last index. */
  end: number;
  /** The marks as they were before it was out. */
  once: number;
  /** Of its entries, those whose answer was lost before. */
  sentBefore: number;
}

const MEMORY_BYTES = 1024 * 1024;
/** More than that is no report; the Manager's limit for a message is 10 MiB. */
const LARGEST_ENTRY = MEMORY_BYTES / 2;
const MAX_REFUSALS = 3;

export class ReportQueue {
  readonly #options: ReportQueueOptions;
  readonly #waiting: WaitingLog;
  readonly #seen: RecentSeconds;
  readonly #size = new BatchSize();
  readonly #letters: DeadLetters;
  readonly #lost: LostReports;
  #out: Out | 'reading' | null = null;
  /** Of the entry before this index, sent alone. */
  #refused = { end: 0, times: 0 };
  #unreadable = false;
  #deadLetters = 0;
  #closed = false;

  private constructor(options: ReportQueueOptions, waiting: WaitingLog, seen: RecentSeconds, lost: LostReports) {
    this.#options = options;
    this.#waiting = waiting;
    this.#seen = seen;
    this.#lost = lost;
    this.#letters = new DeadLetters(options.folder, options.files ?? systemFiles);
  }

  /** Never fails: a folder that cannot be used counts as a disk that cannot be written. */
  static async open(given: ReportQueueOptions): Promise<ReportQueue> {
    const options = { ...given };
    const { clock } = options;
    const seen = new RecentSeconds();
    const lost: LostReports = { room: 0, age: 0, unanswered: 0 };
    const steadyMs = clock.wallMs() - clock.nowMs();
    const waiting = await WaitingLog.open({
      ...options,
      what: 'reports',
      memoryBytes: MEMORY_BYTES,
      fixedIndices: false,
      // a wall clock that was set forth since makes nothing older, one that was set back keeps things longer
      limits: () => ({
        maxBytes: options.maxBytes,
        oldestMs: Math.min(clock.wallMs(), clock.nowMs() + steadyMs) - options.maxAgeMs,
      }),
      onLost: (reason, count) => {
        lost[reason] += count;
      },
      onEntry: ({ payload }) => {
        const metric = decoded(payload);
        if (metric) seen.add(metric.type, metric.timestamp);
      },
    });
    const queue = new ReportQueue(options, waiting, seen, lost);
    await queue.#giveUpSentTwice();
    return queue;
  }

  /** Never throws, never waits. */
  add(metrics: readonly MetricData[]): void {
    if (this.#closed) return;
    for (const given of metrics) {
      const metric = finite(given);
      if (!metric || !this.#seen.add(metric.type, metric.timestamp)) continue;
      const payload = encoded(metric);
      if (payload.length <= LARGEST_ENTRY) this.#waiting.add(payload, Math.max(0, metric.timestamp) * 1000);
      else this.#lost.room++;
    }
  }

  get waiting(): number {
    return this.#waiting.waiting;
  }

  /**
   * The oldest that wait, at most LARGEST_BATCH entries and 512 KiB encoded, as one batch that settle() must be told of
   * before there is another; null when there are none, or one is out. `oneSecond`: of one timestamp and different
   * types.
   */
  async next({ oneSecond = false }: { oneSecond?: boolean } = {}): Promise<Batch | null> {
    if (this.#out !== null || this.#closed) return null;
    this.#out = 'reading';
    try {
      this.#out = await this.#take(oneSecond);
      this.#unreadable = false;
    } catch (err) {
      this.#out = null;
      const level = this.#unreadable ? 'debug' : 'warn';
      this.#options.log[level]({ event: 'queue-not-read', err }, 'the reports that wait cannot be read just now');
      this.#unreadable = true;
    }
    return this.#out?.batch ?? null;
  }

  /** Never rejects. Of a batch that is not out any more, nothing. */
  async settle(batch: Batch, delivery: Delivery, reason: string): Promise<void> {
    const out = this.#out;
    if (out === null || out === 'reading' || out.batch !== batch) return;
    const head = await this.#headAfter(out, delivery, reason);
    await this.#waiting.mark((marks) => {
      // beyond the batch nothing was changed but by the log, which may have given up some of it
      const before = out.once > out.end ? marks.once : out.once;
      const once = delivery === 'unanswered' ? Math.max(before, out.end) : before;
      return { head: Math.max(marks.head, head), once, twice: 0 };
    }, false);
    this.#out = null;
  }

  /** Takes effect after the next write. */
  setLimits({ maxBytes, maxAgeMs }: QueueLimits): void {
    this.#options.maxBytes = maxBytes;
    this.#options.maxAgeMs = maxAgeMs;
  }

  /** Entries that wait, and how many of them on disk; bytes altogether; dead letters since the opening. */
  status(): { waiting: number; bytes: number; onDisk: number; deadLetters: number } {
    const { waiting, bytes, waitingOnDisk } = this.#waiting;
    return { waiting, bytes, onDisk: waitingOnDisk, deadLetters: this.#deadLetters };
  }

  /** Entries that were given up since the last call. */
  takeLost(): LostReports {
    const lost = { ...this.#lost };
    Object.assign(this.#lost, { room: 0, age: 0, unanswered: 0 });
    return lost;
  }

  /** What was not taken is on disk afterwards. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#waiting.close();
  }

  async #take(oneSecond: boolean): Promise<Out | null> {
    const { room } = this.#waiting;
    const entries = await this.#waiting.read({ entries: this.#size.size, bytes: room });
    const first = entries[0];
    if (!first) return null;
    const tooOld = entries.findIndex(({ timeMs }) => timeMs >= this.#waiting.oldestMs);
    if (tooOld !== 0) {
      const count = tooOld < 0 ? entries.length : tooOld;
      this.#lost.age += count;
      await this.#skip(entries, count);
      return this.#take(oneSecond);
    }
    const payloads = entries.map(({ payload }) => payload);
    const count = fitting(payloads, oneSecond);
    if (count === 0) {
      this.#options.log.warn({ event: 'queue-damaged', index: first.index }, 'an entry that is no report was left out');
      await this.#skip(entries, 1);
      return this.#take(oneSecond);
    }
    return this.#send(entries.slice(0, count));
  }

  /** Notes that they are out before they are: after a crash their answer counts as lost. */
  async #send(sent: readonly Entry[]): Promise<Out> {
    const end = (sent.at(-1)?.index ?? 0) + 1;
    let once = 0;
    const note = (marks: Marks): Marks => {
      once = marks.once;
      return { head: marks.head, once: Math.max(once, end), twice: Math.min(once, end) };
    };
    await this.#waiting.mark(note, true, sent);
    const batch = { entries: sent.map(({ payload }) => payload) };
    return { batch, end, once, sentBefore: sent.filter(({ index }) => index < once).length };
  }

  /** Where what waits begins once the answer is known; 0: where it did before. */
  async #headAfter(out: Out, delivery: Delivery, reason: string): Promise<number> {
    const { batch, end, once, sentBefore } = out;
    const count = batch.entries.length;
    const [single] = batch.entries;
    if (delivery === 'taken') {
      this.#size.left(count);
      return end;
    }
    if (delivery === 'unanswered') {
      this.#lost.unanswered += sentBefore;
      if (sentBefore === 0) return 0;
      this.#size.left(sentBefore);
      return Math.min(once, end);
    }
    if (delivery === 'not-sent') return 0;
    if (count > 1 || !single) {
      this.#size.refused(count);
      return 0;
    }
    if (this.#refused.end !== end) this.#refused = { end, times: 0 };
    if (delivery === 'refused' && ++this.#refused.times < MAX_REFUSALS) return 0;
    await this.#bury(single, reason);
    this.#size.left(1);
    return end;
  }

  async #bury(payload: Buffer, reason: string): Promise<void> {
    const { clock, log } = this.#options;
    const { type, timestamp, values } = MetricData.decode(payload);
    this.#deadLetters++;
    const fields = { event: 'report-refused', code: 'D2003', type, timestamp, reason };
    try {
      await this.#letters.add({ timeMs: clock.wallMs(), reason, type, timestamp, values });
      log.warn(fields, `a ${type} report was refused for good and is in the dead-letter file: ${reason}`);
    } catch (err) {
      log.warn({ ...fields, err }, `a ${type} report was refused for good, and could not be kept: ${reason}`);
    }
  }

  async #skip(entries: readonly Entry[], count: number): Promise<void> {
    const head = (entries[count - 1]?.index ?? 0) + 1;
    await this.#waiting.mark((marks) => ({ ...marks, head: Math.max(marks.head, head) }), false);
  }

  /** What was out a second time when the process ended. */
  async #giveUpSentTwice(): Promise<void> {
    const { head, twice } = this.#waiting.marks;
    if (twice <= head) return;
    const before = this.#waiting.waiting;
    await this.#waiting.mark((marks) => ({ ...marks, head: twice }), false);
    this.#lost.unanswered += before - this.#waiting.waiting;
  }
}
