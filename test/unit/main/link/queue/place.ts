/** A folder for a queue with a clock that the test moves, a log, and a disk that it may break. */
import { cp } from 'node:fs/promises';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import type { Batch, QueueLimits } from '../../../../../src/main/link/queue/report-queue.ts';
import { ReportQueue } from '../../../../../src/main/link/queue/report-queue.ts';
import type { Surroundings } from '../../../../../src/main/link/queue/surroundings.ts';
import type { MetricData } from '../../../../../src/shared/gen/manager.ts';
import { FakeClock } from '../../../../fakes/clock.ts';
import { FakeLog } from '../../../../fakes/log.ts';
import { seconds } from '../../../../support/batch.ts';
import { testFolder } from '../../../../support/temp-folder.ts';
import { waitFor } from '../../../../support/wait-until.ts';
import { FaultyFiles } from './faulty-files.ts';

const LIMITS: QueueLimits = { maxBytes: 64 * 1024 * 1024, maxAgeMs: 86_400_000 };

export class Place {
  readonly folder: string;
  readonly clock: FakeClock;
  readonly log = new FakeLog();
  readonly files = new FaultyFiles();

  private constructor(folder: string, clock: FakeClock) {
    this.folder = folder;
    this.clock = clock;
  }

  static async make(): Promise<Place> {
    return Place.#at(new FakeClock());
  }

  static async #at(clock: FakeClock): Promise<Place> {
    const place = new Place(join(await testFolder('queue'), 'queue'), clock);
    onTestFinished(() => place.files.closeAll());
    return place;
  }

  /** What another process finds after this one was killed. */
  async afterKill(): Promise<Place> {
    const next = await Place.#at(this.clock);
    await cp(this.folder, next.folder, { recursive: true }).catch(() => {});
    return next;
  }

  get surroundings(): Surroundings {
    const { folder, clock, log, files } = this;
    return { folder, clock, log, files, after: (delayMs, _, run) => clock.after(delayMs, run) };
  }

  open(limits: Partial<QueueLimits> = {}): Promise<ReportQueue> {
    return ReportQueue.open({ ...this.surroundings, ...LIMITS, ...limits });
  }

  /** Of this clock, so that it is not too old. */
  get second(): number {
    return Math.floor(this.clock.wallMs() / 1000);
  }
}

export function metric(timestamp: number, type = 'cpu', values: Record<string, number> = { v: 1 }): MetricData {
  return { type, timestamp, values: new Map(Object.entries(values)) };
}

/** So many, a second each. */
export function metrics(from: number, count: number, type = 'cpu', values?: Record<string, number>): MetricData[] {
  return Array.from({ length: count }, (_, at) => metric(from + at, type, values));
}

export async function taken(queue: ReportQueue): Promise<number[]> {
  const all: number[] = [];
  for (;;) {
    const batch = await queue.next();
    if (!batch) return all;
    all.push(...seconds(batch));
    await queue.settle(batch, 'taken', '');
  }
}

/** Lets the second pass after which they are written, and waits until they are. */
export async function written(place: Place, queue: ReportQueue): Promise<void> {
  await place.clock.advance(1000);
  const done = (): boolean => queue.status().onDisk === queue.waiting;
  if (!done()) await waitFor(done, { what: 'everything to be on disk', everyMs: 1 });
}

/** What was under way is over. No batch is out. */
export async function idle(queue: ReportQueue): Promise<void> {
  const batch = await queue.next();
  if (batch) await queue.settle(batch, 'not-sent', '');
}

export async function batchOf(queue: ReportQueue): Promise<Batch> {
  const batch = await queue.next();
  if (!batch) throw new Error('nothing waits');
  return batch;
}

/** Repeatable: mulberry32. */
export function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
