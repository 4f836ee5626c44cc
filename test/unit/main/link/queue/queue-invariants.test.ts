/**
 * Whatever happens, in whatever order: entries go out in order, none that was taken comes again, none goes out after two
 * lost answers, and none is lost but what was not on disk when the process or the power went.
 */
import { expect, test } from 'vitest';
import { type Batch, type Delivery, ReportQueue } from '../../../../../src/main/link/queue/report-queue.ts';
import { seconds } from '../../../../support/batch.ts';
import { metric, Place, seeded, taken, written } from './place.ts';

interface Known {
  /** Answers that were lost, or may have been as far as the queue can know. */
  lost: number;
  /** Taken, refused for good, given up, or lost with the memory. */
  gone: boolean;
}

class World {
  readonly random: () => number;
  readonly entries = new Map<number, Known>();
  place: Place;
  queue: ReportQueue;
  second: number;
  out: Batch | null = null;
  /** What was taken last, where nothing since makes sure that the disk knows. */
  loose: Batch | null = null;
  /** What was out last and did not leave: the disk may think that its answer was lost. */
  looseNote: Batch | null = null;

  constructor(place: Place, queue: ReportQueue, random: () => number) {
    this.place = place;
    this.queue = queue;
    this.random = random;
    this.second = place.second;
  }

  known(second: number): Known {
    const known = this.entries.get(second);
    if (!known) throw new Error(`${second} was never added`);
    return known;
  }

  get waiting(): number[] {
    return [...this.entries].filter(([, { gone }]) => !gone).map(([second]) => second);
  }

  add(): void {
    for (let i = Math.ceil(this.random() * 30); i > 0; i--) {
      this.queue.add([metric(++this.second)]);
      this.entries.set(this.second, { lost: 0, gone: false });
    }
  }

  async next(): Promise<void> {
    const batch = await this.queue.next({ oneSecond: this.random() < 0.2 });
    this.loose = null;
    this.looseNote = null;
    expect(batch === null).toBe(this.waiting.length === 0);
    if (!batch) return;
    this.out = batch;
    const sent = seconds(batch);
    expect(sent).toEqual(this.waiting.slice(0, sent.length)); // the oldest, in order, none that has gone
    for (const second of sent) expect(this.known(second).lost).toBeLessThan(2);
  }

  async settle(): Promise<void> {
    const batch = this.out;
    if (!batch) return;
    this.out = null;
    const kinds: Delivery[] = ['taken', 'taken', 'unanswered', 'not-sent', 'refused', 'refused-for-good'];
    const delivery = kinds[Math.floor(this.random() * kinds.length)] ?? 'taken';
    const dead = this.queue.status().deadLetters;
    await this.queue.settle(batch, delivery, 'by chance');
    const buried = this.queue.status().deadLetters > dead;
    if (delivery === 'unanswered') this.lose(batch);
    else if (delivery === 'taken' || buried) {
      this.loose = batch;
      for (const second of seconds(batch)) this.known(second).gone = true;
    } else this.looseNote = batch;
  }

  lose(batch: Batch): void {
    for (const second of seconds(batch)) {
      const known = this.known(second);
      known.lost++;
      if (known.lost >= 2) known.gone = true;
    }
  }

  /** The process ends at once, or the power does, and another process goes on. */
  async crash(power: boolean): Promise<void> {
    const { waiting, onDisk } = this.queue.status();
    if (this.out) this.lose(this.out);
    // those in memory are the newest
    const gone = this.waiting.slice(this.waiting.length - Math.min(this.waiting.length, waiting - onDisk));
    for (const second of gone) this.known(second).gone = true;
    if (power) {
      await this.place.files.powerCut(this.random);
    }
    this.out = null;
    this.place = await this.place.afterKill();
    this.queue = await this.place.open();
    if (power) await this.#meetAgain();
    this.loose = null;
    this.looseNote = null;
    expect(this.queue.waiting).toBe(this.waiting.length);
  }

  /** After a power cut: what was taken last may come once more, what was out last may count as lost. */
  async #meetAgain(): Promise<void> {
    const given = this.queue.takeLost().unanswered;
    const allowed = new Set([...seconds(this.loose), ...seconds(this.looseNote)]);
    if (allowed.size === 0) return;
    expect(given).toBeLessThanOrEqual(allowed.size);
    // sent at most once more each, and then nothing is left that nobody knows of
    const again = await taken(this.queue);
    const expected = new Set([...this.waiting, ...seconds(this.loose)]);
    for (const second of again) expect(expected).toContain(second);
    for (const second of this.waiting) if (!allowed.has(second)) expect(again).toContain(second);
    expect(again).toEqual([...new Set(again)].sort((a, b) => a - b));
    for (const known of this.entries.values()) known.gone = true;
  }
}

test.each([
  ['kills', false],
  ['power cuts', true],
])('random sequences with %s', async (_, power) => {
  for (let seed = 1; seed <= 25; seed++) {
    const random = seeded(seed + (power ? 1000 : 0));
    const place = await Place.make();
    const world = new World(place, await place.open(), random);
    for (let step = 0; step < 60; step++) {
      const choice = random();
      if (choice < 0.3) world.add();
      else if (choice < 0.45) await written(world.place, world.queue);
      else if (choice < 0.7) {
        if (!world.out) await world.next();
      } else if (choice < 0.93) await world.settle();
      else await world.crash(power && random() < 0.5);
      expect(world.queue.waiting, `seed ${seed}, step ${step}`).toBe(world.waiting.length);
    }
    while (world.out) await world.settle();
    expect(await taken(world.queue), `seed ${seed}`).toEqual(world.waiting);
    expect(world.queue.waiting).toBe(0);
    await world.queue.close();
  }
});

test.each([false, true])(
  'stopped at each operation on the disk in turn (torn: %s), what was on disk comes',
  async (tears) => {
    for (let stop = 0; ; stop++) {
      const place = await Place.make();
      const from = place.second;
      const seed = await place.open({ maxBytes: 40_000 });
      seed.add(Array.from({ length: 400 }, (_, at) => metric(from + at)));
      await seed.close();
      const queue = await place.open({ maxBytes: 40_000 });
      place.files.tears = tears;
      place.files.stopAfter(stop);
      const answered: number[] = [];
      let out: number[] = [];
      const stopped = (): boolean => place.log.events('queue-disk-failed').length > 0;
      for (let round = 0; round < 5 && !stopped(); round++) {
        queue.add(Array.from({ length: 20 }, (_, at) => metric(from + 400 + round * 20 + at)));
        if (round % 2 === 0) await place.clock.advance(1000);
        const batch = await queue.next();
        out = seconds(batch);
        if (!batch || stopped()) break;
        await queue.settle(batch, 'taken', '');
        if (stopped()) break;
        answered.push(...out);
        out = [];
      }
      const complete = !stopped();
      const next = await (await place.afterKill()).open({ maxBytes: 40_000 });
      const rest = await taken(next);
      expect(rest).toEqual([...new Set(rest)].sort((a, b) => a - b));
      // the batch that was out, or whose answer could not be noted, comes once more; what was answered before does not
      expect(rest.filter((second) => answered.includes(second))).toEqual([]);
      const there = new Set([...answered, ...out, ...rest]);
      for (let at = 0; at < 400; at++) expect(there, `stopped after ${stop}`).toContain(from + at);
      await queue.close();
      await next.close();
      if (complete) break;
      expect(stop).toBeLessThan(500);
    }
  },
);

test('opened by nobody else: a queue can be opened again and again', async () => {
  const place = await Place.make();
  for (let i = 0; i < 20; i++) {
    const queue = await ReportQueue.open({ ...place.surroundings, maxBytes: 1_000_000, maxAgeMs: 60_000_000 });
    queue.add([metric(place.second + i)]);
    await queue.close();
    expect(place.files.handles).toBe(0);
  }
  expect(await taken(await place.open())).toHaveLength(20);
});
