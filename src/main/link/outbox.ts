/**
 * Reports that wait for the Manager, in order and bounded: the oldest go first when there is no room, and are
 * counted. Each (type, second) enters once. An entry leaves when the Manager has taken it, when it refused it for
 * good, or when its answer was lost twice: the Manager does not recognise doubles, so it is sent again once only.
 */
import type { MetricData } from '../../shared/gen/manager.ts';

interface Entry {
  metric: MetricData;
  bytes: number;
  /** Answers that never came after it was sent. */
  unanswered: number;
  refusals: number;
}

export interface OutboxLimits {
  maxBytes: number;
  /** Entries a call. */
  batch: number;
}

export interface Batch {
  metrics: MetricData[];
}

/** What became of a batch. `not-sent`: the call failed before anything left. */
export type Delivery = 'taken' | 'unanswered' | 'not-sent' | 'refused';

const BYTES_A_VALUE = 64;
const MAX_UNANSWERED = 2;
const MAX_REFUSALS = 3;

export class Outbox {
  readonly #limits: OutboxLimits;
  readonly #newest = new Map<string, number>();
  #entries: Entry[] = [];
  #bytes = 0;
  #dropped = 0;

  constructor(limits: OutboxLimits) {
    this.#limits = limits;
  }

  get length(): number {
    return this.#entries.length;
  }

  /** Entries given up for want of room or after lost answers, since the last call of this. */
  takeDropped(): number {
    const dropped = this.#dropped;
    this.#dropped = 0;
    return dropped;
  }

  /** False where an entry of this type and second, or a later one, was there already. */
  add(metric: MetricData): boolean {
    if (metric.timestamp <= (this.#newest.get(metric.type) ?? -1)) return false;
    this.#newest.set(metric.type, metric.timestamp);
    const bytes = (metric.values.size + 1) * BYTES_A_VALUE;
    this.#entries.push({ metric, bytes, unanswered: 0, refusals: 0 });
    this.#bytes += bytes;
    while (this.#bytes > this.#limits.maxBytes && this.#entries.length > 1) {
      this.#remove(this.#entries.slice(0, 1));
      this.#dropped++;
    }
    return true;
  }

  /** The oldest entries, not removed: `settle` says what became of them. Null when there are none. */
  peek(): Batch | null {
    const entries = this.#entries.slice(0, this.#limits.batch);
    return entries.length === 0 ? null : { metrics: entries.map(({ metric }) => metric) };
  }

  /** Returns the entries that were refused for good, which are out of it now. */
  settle(batch: Batch, delivery: Delivery): MetricData[] {
    const sent = new Set(batch.metrics);
    const entries = this.#entries.filter(({ metric }) => sent.has(metric));
    if (delivery === 'taken') this.#remove(entries);
    if (delivery === 'unanswered') {
      for (const entry of entries) entry.unanswered++;
      const given = entries.filter(({ unanswered }) => unanswered >= MAX_UNANSWERED);
      this.#dropped += given.length;
      this.#remove(given);
    }
    if (delivery !== 'refused') return [];
    for (const entry of entries) entry.refusals++;
    const refused = entries.filter(({ refusals }) => refusals >= MAX_REFUSALS);
    this.#remove(refused);
    return refused.map(({ metric }) => metric);
  }

  #remove(entries: Entry[]): void {
    const gone = new Set(entries);
    for (const { bytes } of entries) this.#bytes -= bytes;
    this.#entries = this.#entries.filter((entry) => !gone.has(entry));
  }
}
