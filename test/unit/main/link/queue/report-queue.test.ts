import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { LARGEST_BATCH } from '../../../../../src/main/link/queue/batch-size.ts';
import { frameHeader } from '../../../../../src/main/link/queue/frame.ts';
import type { Delivery, ReportQueue } from '../../../../../src/main/link/queue/report-queue.ts';
import { metricsOf, seconds } from '../../../../support/batch.ts';
import { isWriting, systemError } from './faulty-files.ts';
import { batchOf, idle, metric, metrics, Place, taken, written } from './place.ts';

async function settleAll(queue: ReportQueue, deliveries: Delivery[]): Promise<number[][]> {
  const sent: number[][] = [];
  for (const delivery of deliveries) {
    const batch = await queue.next();
    sent.push(seconds(batch));
    if (batch) await queue.settle(batch, delivery, 'as the test would have it');
  }
  return sent;
}

describe('straight through', () => {
  test('touches no disk at all and leaves no timer', async () => {
    const place = await Place.make();
    const queue = await place.open();
    for (let i = 0; i < 5; i++) {
      queue.add([metric(place.second), metric(place.second, 'memory')]);
      expect(place.clock.timers).toBe(1);
      await place.clock.advance(400);
      const batch = await batchOf(queue);
      await place.clock.advance(400);
      await queue.settle(batch, 'taken', '');
      expect(place.clock.timers).toBe(0);
      await place.clock.advance(5000);
    }
    await queue.close();
    expect(place.files.operations.filter(isWriting)).toEqual([]);
    expect(existsSync(place.folder)).toBe(false);
  });

  test('what waits for a second is on disk, and found again by the next process', async () => {
    const place = await Place.make();
    const queue = await place.open();
    const from = place.second;
    queue.add(metrics(from, 3));
    await written(place, queue);
    expect(place.clock.timers).toBe(0);
    expect(place.files.operations.at(-1)?.kind).toBe('sync');
    queue.add([metric(from + 9)]); // within its second still
    const next = await (await place.afterKill()).open();
    expect(next.status()).toMatchObject({ waiting: 3, onDisk: 3, deadLetters: 0 });
    expect(await taken(next)).toEqual([from, from + 1, from + 2]);
  });

  test('one that leaves in time does not make the next one be written early', async () => {
    const place = await Place.make();
    const queue = await place.open();
    queue.add([metric(place.second)]);
    await place.clock.advance(600);
    const batch = await batchOf(queue);
    queue.add([metric(place.second, 'memory')]);
    await queue.settle(batch, 'taken', '');
    await place.clock.advance(600);
    expect(place.files.operations.filter(isWriting)).toEqual([]);
    await written(place, queue);
    expect(queue.status().onDisk).toBe(1);
  });

  test('once all that was on disk is taken no segment is left, and nothing is written any more', async () => {
    const place = await Place.make();
    const queue = await place.open();
    queue.add(metrics(place.second, 250));
    await written(place, queue);
    expect(await taken(queue)).toHaveLength(250);
    expect(readdirSync(place.folder)).toEqual(['cursor']);
    place.files.operations.length = 0;
    queue.add([metric(place.second, 'memory')]);
    expect(await taken(queue)).toHaveLength(1);
    expect(place.files.operations).toEqual([]);
    await queue.close();
    expect(place.files.handles).toBe(0);
  });

  test('close writes what waits, and nothing is taken in afterwards', async () => {
    const place = await Place.make();
    const queue = await place.open();
    queue.add(metrics(place.second, 3));
    const batch = await batchOf(queue);
    await queue.close();
    queue.add([metric(place.second, 'memory')]);
    expect(await queue.next()).toBeNull();
    expect(place.clock.timers).toBe(0);
    await queue.settle(batch, 'unanswered', ''); // comes after all
    expect(place.files.handles).toBe(0);
    const next = await (await place.afterKill()).open();
    expect(next.waiting).toBe(3);
    expect(await settleAll(next, ['unanswered'])).toHaveLength(1);
    expect(next.takeLost()).toEqual({ room: 0, age: 0, unanswered: 3 });
  });
});

describe('what enters', () => {
  test('values that are not finite are taken out; what is left with none stays outside', async () => {
    const place = await Place.make();
    const queue = await place.open();
    const now = place.second;
    queue.add([
      metric(now, 'a', { good: 1, nan: Number.NaN, inf: Number.POSITIVE_INFINITY }),
      metric(now, 'b', { nan: Number.NaN }),
      metric(now, 'c', {}),
      metric(Number.NaN, 'd'),
      metric(now + 0.5, 'e'),
    ]);
    const batch = await batchOf(queue);
    expect(metricsOf(batch)).toEqual([metric(now, 'a', { good: 1 })]);
  });

  test('each type and second once, and a clock that was set back does not silence the host', async () => {
    const place = await Place.make();
    const queue = await place.open();
    const now = place.second;
    queue.add([metric(now), metric(now), metric(now, 'memory'), metric(now - 3600), metric(now - 3600)]);
    expect(queue.waiting).toBe(3);
    expect(await taken(queue)).toEqual([now, now, now - 3600]);
    queue.add([metric(now)]);
    expect(queue.waiting).toBe(0);
  });

  test('also after a restart, as far as what waits shows', async () => {
    const place = await Place.make();
    const queue = await place.open();
    const now = place.second;
    queue.add(metrics(now, 3));
    await queue.close();
    const next = await place.open();
    next.add([...metrics(now, 4), metric(now, 'memory')]);
    expect(await taken(next)).toEqual([now, now + 1, now + 2, now + 3, now]);
  });

  test('an entry larger than any report is not taken in', async () => {
    const place = await Place.make();
    const queue = await place.open();
    const values = Object.fromEntries(Array.from({ length: 30_000 }, (_, at) => [`a long name of a value ${at}`, at]));
    queue.add([metric(place.second, 'cpu', values), metric(place.second, 'memory')]);
    expect(queue.waiting).toBe(1);
    expect(queue.takeLost().room).toBe(1);
  });
});

describe('what leaves', () => {
  test('in order, so many at a time at most, one batch out at a time', async () => {
    const size = LARGEST_BATCH;
    const place = await Place.make();
    const queue = await place.open();
    const from = place.second;
    queue.add(metrics(from, size + 10));
    await written(place, queue);
    queue.add(metrics(from + size + 10, size)); // these in memory
    const first = await batchOf(queue);
    expect(seconds(first)).toEqual(metrics(from, size).map(({ timestamp }) => timestamp));
    expect(await queue.next()).toBeNull();
    await queue.settle({ entries: [] }, 'taken', ''); // another's
    await queue.settle(first, 'taken', '');
    await queue.settle(first, 'taken', '');
    const second = await batchOf(queue);
    expect(seconds(second)).toEqual(metrics(from + size, size).map(({ timestamp }) => timestamp));
    await queue.settle(second, 'taken', '');
    expect(await taken(queue)).toEqual(metrics(from + 2 * size, 10).map(({ timestamp }) => timestamp));
    expect(queue.waiting).toBe(0);
  });

  test('and at most so many bytes', async () => {
    const place = await Place.make();
    const queue = await place.open();
    const values = Object.fromEntries(Array.from({ length: 2500 }, (_, at) => [`the name of a value ${at}`, at]));
    for (let i = 0; i < 12; i++) {
      queue.add([metric(place.second + i, 'cpu', values)]);
      await written(place, queue);
    }
    const sizes: number[] = [];
    for (let batch = await queue.next(); batch; batch = await queue.next()) {
      sizes.push(batch.entries.length);
      await queue.settle(batch, 'taken', '');
    }
    expect(sizes.length).toBeGreaterThan(1);
    expect(sizes.reduce((sum, size) => sum + size)).toBe(12);
  });

  test('of one second and of different types, where that is asked for', async () => {
    const place = await Place.make();
    const queue = await place.open();
    const now = place.second;
    queue.add([metric(now), metric(now, 'memory'), metric(now + 1), metric(now + 2), metric(now + 1, 'memory')]);
    const sizes: number[][] = [];
    for (;;) {
      const batch = await queue.next({ oneSecond: true });
      if (!batch) break;
      sizes.push(seconds(batch));
      await queue.settle(batch, 'taken', '');
    }
    expect(sizes).toEqual([[now, now], [now + 1], [now + 2], [now + 1]]);
  });

  test.each([false, true])(
    'not-sent changes nothing; an answer lost is sent once more only (on disk: %s)',
    async (disk) => {
      const place = await Place.make();
      const queue = await place.open();
      const now = place.second;
      queue.add(metrics(now, 2));
      if (disk) await written(place, queue);
      const both = [now, now + 1];
      const sent = await settleAll(queue, [...Array<Delivery>(5).fill('not-sent'), 'unanswered', 'not-sent']);
      expect(sent).toEqual(Array(7).fill(both));
      queue.add([metric(now + 2)]);
      expect(await settleAll(queue, ['unanswered', 'taken'])).toEqual([[...both, now + 2], [now + 2]]);
      expect(queue.takeLost()).toEqual({ room: 0, age: 0, unanswered: 2 });
      expect(queue.takeLost()).toEqual({ room: 0, age: 0, unanswered: 0 });
      expect(queue.waiting).toBe(0);
    },
  );

  test('what was out when the process was killed counts as an answer that was lost', async () => {
    const place = await Place.make();
    const queue = await place.open();
    const now = place.second;
    queue.add(metrics(now, 2));
    await written(place, queue);
    await batchOf(queue);
    const second = await place.afterKill();
    const again = await second.open();
    expect(again.waiting).toBe(2);
    await batchOf(again);
    again.add([metric(now + 5)]);
    await written(second, again);
    const third = await (await second.afterKill()).open();
    expect(third.takeLost()).toEqual({ room: 0, age: 0, unanswered: 2 });
    expect(await taken(third)).toEqual([now + 5]);
  });

  test('an answer that takes longer than a second: the entry is written with the note that it is out', async () => {
    const place = await Place.make();
    const queue = await place.open();
    queue.add([metric(place.second)]);
    const batch = await batchOf(queue);
    await written(place, queue);
    const killed = await (await place.afterKill()).open();
    expect(await settleAll(killed, ['unanswered', 'taken'])).toEqual([[expect.any(Number)], []]);
    expect(killed.takeLost().unanswered).toBe(1);
    await queue.settle(batch, 'taken', '');
    expect(queue.waiting).toBe(0);
    expect((await (await place.afterKill()).open()).waiting).toBe(0);
  });
});

describe('what the Manager refuses', () => {
  const refusing = async (queue: ReportQueue, bad: number[], delivery: Delivery): Promise<[number, number[]]> => {
    const accepted: number[] = [];
    let calls = 0;
    for (let batch = await queue.next(); batch; batch = await queue.next()) {
      calls++;
      const refused = seconds(batch).some((second) => bad.includes(second));
      if (!refused) accepted.push(...seconds(batch));
      await queue.settle(batch, refused ? delivery : 'taken', 'node unknown');
    }
    return [calls, accepted];
  };

  test.each([
    ['refused-for-good', 30],
    ['refused', 36],
  ] as const)('%s: bad ones go to the dead letters alone, and what follows goes on', async (delivery, mostCalls) => {
    const place = await Place.make();
    const queue = await place.open();
    const from = place.second;
    queue.add(metrics(from, 230));
    await written(place, queue);
    const bad = [from, from + 77, from + 229];
    const [calls, accepted] = await refusing(queue, bad, delivery);
    const all = metrics(from, 230).map(({ timestamp }) => timestamp);
    expect(accepted).toEqual(all.filter((second) => !bad.includes(second)));
    expect(calls).toBeLessThanOrEqual(mostCalls + 10);
    expect(queue.status()).toMatchObject({ waiting: 0, deadLetters: 3 });
    const lines = readFileSync(join(place.folder, 'dead-letters.jsonl'), 'utf8').trimEnd().split('\n');
    expect(lines.map((line) => JSON.parse(line))).toEqual(
      bad.map((timestamp) => {
        return { time: expect.any(String), reason: 'node unknown', type: 'cpu', timestamp, values: { v: 1 } };
      }),
    );
    expect(place.log.events('report-refused')).toHaveLength(3);
  });

  test('alone it is refused three times, and the batches grow again afterwards', async () => {
    const place = await Place.make();
    const queue = await place.open();
    const now = place.second;
    queue.add([metric(now)]);
    await settleAll(queue, ['refused', 'not-sent', 'refused', 'unanswered']);
    expect(queue.status().waiting).toBe(1);
    await settleAll(queue, ['refused']);
    expect(queue.status()).toMatchObject({ waiting: 0, deadLetters: 1 });
    queue.add(metrics(now + 1, 400));
    const sizes = (await settleAll(queue, ['refused', ...Array<Delivery>(6).fill('taken')])).map(
      ({ length }) => length,
    );
    expect(sizes).toEqual([50, 25, 12, 6, 3, 2, 1]); // one of these was said to be refused, so it is looked for
    const grown = (await settleAll(queue, Array<Delivery>(7).fill('taken'))).map(({ length }) => length);
    expect(grown).toEqual(
      [1, 2, 4, 8, 16, 32, LARGEST_BATCH].map((size) => expect.toSatisfy((n: number) => n >= size)),
    );
  });

  test('a dead letter that cannot be kept does not hold up the rest', async () => {
    const place = await Place.make();
    const queue = await place.open();
    place.files.fault = (operation) => (isWriting(operation) ? systemError('EROFS') : null);
    queue.add([metric(place.second), metric(place.second, 'memory')]);
    await settleAll(queue, ['refused-for-good', 'refused-for-good', 'taken']);
    expect(queue.status()).toMatchObject({ waiting: 0, deadLetters: 1 });
    expect(place.log.events('report-refused')[0]?.['err']).toBeDefined();
  });
});

describe('bounds', () => {
  test('by bytes: the oldest go first, in whole segments, and are counted', async () => {
    const place = await Place.make();
    const queue = await place.open({ maxBytes: 64 * 1024 });
    const from = place.second;
    for (let i = 0; i < 40; i++) {
      queue.add(metrics(from + i * 100, 100));
      await written(place, queue);
      await idle(queue);
      expect(queue.status().bytes).toBeLessThanOrEqual(64 * 1024);
    }
    const { room, age } = queue.takeLost();
    expect(age).toBe(0);
    expect(room).toBeGreaterThan(1000);
    expect(queue.waiting).toBe(4000 - room);
    queue.setLimits({ maxBytes: 32 * 1024, maxAgeMs: 86_400_000 });
    queue.add([metric(from + 4000)]);
    await written(place, queue);
    await idle(queue);
    expect(queue.status().bytes).toBeLessThanOrEqual(32 * 1024);
    const lost = room + queue.takeLost().room;
    expect(await taken(queue)).toEqual(metrics(from + lost, 4001 - lost).map(({ timestamp }) => timestamp));
  });

  test('not while a batch is out: that one is answered first', async () => {
    const place = await Place.make();
    const queue = await place.open({ maxBytes: 64 * 1024 });
    const from = place.second;
    queue.add(metrics(from, 1000));
    await written(place, queue);
    const batch = await batchOf(queue);
    for (let i = 1; i < 4; i++) {
      queue.add(metrics(from + i * 1000, 1000));
      await written(place, queue);
    }
    expect(queue.takeLost().room).toBe(0);
    await queue.settle(batch, 'taken', '');
    const { room } = queue.takeLost();
    expect(room).toBeGreaterThan(0);
    expect((await taken(queue))[0]).toBe(from + LARGEST_BATCH + room);
  });

  test('by age, on disk and when they are to be sent', async () => {
    const place = await Place.make();
    const queue = await place.open({ maxAgeMs: 60_000 });
    const from = place.second;
    queue.add(metrics(from, 10));
    await written(place, queue);
    await place.clock.advance(30_000);
    queue.add([metric(place.second)]);
    await written(place, queue);
    await place.clock.advance(34_000);
    const batch = await batchOf(queue); // the first ones are too old by now
    expect(seconds(batch)[0]).toBe(from + 6);
    await queue.settle(batch, 'not-sent', '');
    expect(queue.takeLost()).toEqual({ room: 0, age: 6, unanswered: 0 });
    await place.clock.advance(3_600_000);
    queue.add([metric(place.second)]);
    await written(place, queue);
    await place.clock.advance(120_000);
    expect(await queue.next()).toBeNull();
    expect(queue.takeLost().age).toBe(6);
    expect(queue.waiting).toBe(0);
  });

  test('of the next process too, which has not read what there is', async () => {
    const place = await Place.make();
    const queue = await place.open({ maxBytes: 1024 * 1024 });
    for (let i = 0; i < 100; i++) queue.add(metrics(place.second + i * 100, 100));
    await written(place, queue);
    await queue.close();
    await place.clock.advance(100_000_000);
    const next = await place.open({ maxAgeMs: 86_400_000 });
    expect(next.waiting).toBe(10_000);
    next.add([metric(place.second)]);
    await written(place, next);
    await idle(next);
    expect(next.takeLost().age).toBe(10_000);
    expect(await taken(next)).toHaveLength(1);
  });

  test.each([1, -1])('a clock that is set by two days (%d) makes nothing too old', async (direction) => {
    const place = await Place.make();
    const queue = await place.open({ maxAgeMs: 3_600_000 });
    queue.add(metrics(place.second, 10));
    await written(place, queue);
    place.clock.stepWall(direction * 2 * 86_400_000);
    queue.add([metric(place.second, 'memory')]);
    await written(place, queue);
    const there = await taken(queue);
    expect(there).toHaveLength(11);
    expect(queue.takeLost().age).toBe(0);
  });
});

describe('a disk that cannot be written', () => {
  test.each(['ENOSPC', 'EROFS', 'EACCES'])('%s: told once, the newest are kept, and it comes back', async (code) => {
    const place = await Place.make();
    const queue = await place.open();
    const from = place.second;
    place.files.fault = (operation) => (isWriting(operation) ? systemError(code) : null);
    const values = Object.fromEntries(Array.from({ length: 100 }, (_, at) => [`the name of a value ${at}`, at]));
    for (let i = 0; i < 600; i++) queue.add([metric(from + i, 'cpu', values)]);
    for (let i = 0; i < 20; i++) await place.clock.advance(10_000);
    expect(place.log.events('queue-disk-failed').filter(({ level }) => level === 'warn')).toHaveLength(1);
    const attempts = place.log.events('queue-disk-failed').length;
    expect(attempts).toBeGreaterThan(4);
    expect(attempts).toBeLessThan(15);
    const { room } = queue.takeLost();
    expect(queue.waiting).toBe(600 - room);
    expect(queue.status()).toMatchObject({ onDisk: 0 });
    expect(queue.status().bytes).toBeLessThanOrEqual(1024 * 1024);
    expect(queue.status().bytes).toBeGreaterThan(800 * 1024);
    const batch = await batchOf(queue);
    expect(seconds(batch)[0]).toBe(from + room);
    await queue.settle(batch, 'taken', '');
    place.files.fault = () => null;
    await place.clock.advance(60_000);
    await written(place, queue);
    expect(place.log.events('queue-disk-works')).toHaveLength(1);
    const rest = await taken(await (await place.afterKill()).open());
    expect(rest).toEqual(metrics(from + room + batch.entries.length, rest.length).map(({ timestamp }) => timestamp));
    expect(rest.at(-1)).toBe(from + 599);
    await queue.close();
    expect(place.files.handles).toBe(0);
  });

  test('what was never sent does not count as sent once where those before it were given up', async () => {
    const place = await Place.make();
    const queue = await place.open();
    place.files.fault = (operation) => (isWriting(operation) ? systemError('EROFS') : null);
    const values = Object.fromEntries(Array.from({ length: 100 }, (_, at) => [`the name of a value ${at}`, at]));
    const from = place.second;
    queue.add(metrics(from, 230, 'cpu', values));
    const [first] = await settleAll(queue, ['unanswered']);
    expect(first?.[0]).toBe(from);
    queue.add(metrics(from + 230, 200, 'cpu', values));
    expect(queue.takeLost().room).toBeGreaterThan(100);
    const sent = await settleAll(queue, ['unanswered', 'unanswered']);
    expect(sent[1]).toEqual(sent[0]);
    expect(queue.takeLost().unanswered).toBe(sent[0]?.length);
  });

  test('a disk that fails in the middle of a write leaves what was there before, and nothing twice', async () => {
    const place = await Place.make();
    const queue = await place.open();
    const from = place.second;
    queue.add(metrics(from, 5));
    await written(place, queue);
    place.files.tears = true;
    for (const kind of ['write', 'sync'] as const) {
      place.files.fault = (operation) => (operation.kind === kind ? systemError('EIO') : null);
      queue.add([metric(from + queue.waiting)]);
      await place.clock.advance(5000);
    }
    place.files.fault = ({ kind }) => (kind === 'truncate' || kind === 'sync' ? systemError('EIO') : null);
    await place.clock.advance(120_000); // written, but nobody knows whether it is on disk
    place.files.fault = () => null;
    await place.clock.advance(120_000);
    await written(place, queue);
    const all = metrics(from, 7).map(({ timestamp }) => timestamp);
    expect(await taken(await (await place.afterKill()).open())).toEqual(all);
    expect(await taken(queue)).toEqual(all);
  });

  test('a batch goes out all the same where the note of it cannot be written', async () => {
    const place = await Place.make();
    const queue = await place.open();
    queue.add(metrics(place.second, 5));
    await written(place, queue);
    place.files.fault = (operation) => (isWriting(operation) ? systemError('EROFS') : null);
    expect(await taken(queue)).toHaveLength(5);
    expect(queue.waiting).toBe(0);
    expect(place.log.events('queue-disk-failed')[0]?.level).toBe('warn');
    await queue.close();
  });

  test('what is lost with the end of the process is told', async () => {
    const place = await Place.make();
    const queue = await place.open();
    place.files.fault = (operation) => (isWriting(operation) ? systemError('EROFS') : null);
    queue.add([metric(place.second)]);
    await queue.close();
    expect(place.log.events('queue-lost-at-end')[0]).toMatchObject({ level: 'error', count: 1 });
  });

  test('a folder that cannot be used at the opening is used once it can, with what it holds', async () => {
    const place = await Place.make();
    const before = await place.open();
    const from = place.second;
    before.add(metrics(from, 3));
    await before.close();
    place.files.fault = () => systemError('EACCES');
    const queue = await place.open();
    expect(place.log.events('queue-disk-failed')).toHaveLength(1);
    queue.add(metrics(from + 10, 3));
    const batch = await batchOf(queue);
    expect(seconds(batch)).toEqual([from + 10, from + 11, from + 12]);
    place.files.fault = () => null;
    await place.clock.advance(3000); // not while it is out: what is on disk comes before it
    expect(queue.status().onDisk).toBe(0);
    await queue.settle(batch, 'unanswered', '');
    queue.add([metric(from + 20)]);
    await place.clock.advance(60_000);
    await written(place, queue);
    expect(await taken(queue)).toEqual([from, from + 1, from + 2, from + 20]);
    expect(queue.takeLost().room).toBe(3);
  });

  test('a folder that is a file', async () => {
    const place = await Place.make();
    writeFileSync(place.folder, 'not a folder');
    const queue = await place.open();
    queue.add([metric(place.second)]);
    await place.clock.advance(5000);
    expect(await taken(queue)).toHaveLength(1);
    expect(readFileSync(place.folder, 'utf8')).toBe('not a folder');
  });

  test('a disk that cannot be read just now: nothing is given, and nothing is lost', async () => {
    const place = await Place.make();
    const queue = await place.open();
    queue.add(metrics(place.second, 3));
    await written(place, queue);
    place.files.fault = ({ kind }) => (kind === 'open' ? systemError('EMFILE') : null);
    expect(await queue.next()).toBeNull();
    expect(await queue.next()).toBeNull();
    expect(place.log.events('queue-not-read').map(({ level }) => level)).toEqual(['warn', 'debug']);
    place.files.fault = () => null;
    expect(await taken(queue)).toHaveLength(3);
  });

  test('a whole frame that is no report is left out', async () => {
    const place = await Place.make();
    await mkdir(place.folder);
    const timeMs = place.clock.wallMs();
    const payloads = [Buffer.from([0x0a, 0x7f]), Buffer.from([0x0a, 0x01, 0x61]), Buffer.from([0x0a, 0x7f])];
    const frames = payloads.flatMap((payload, at) => [frameHeader({ index: at + 1, timeMs, payload }), payload]);
    writeFileSync(join(place.folder, '0000000000000001.seg'), Buffer.concat(frames));
    const queue = await place.open();
    const both = await batchOf(queue);
    expect(both.entries).toEqual(payloads.slice(1));
    await queue.settle(both, 'refused', 'not one of the two can be read'); // so the Manager takes neither
    expect(await taken(queue)).toEqual([0]);
    expect(place.log.events('queue-damaged')).toHaveLength(2);
    expect(queue.waiting).toBe(0);
  });
});
