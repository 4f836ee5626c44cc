/** What lies in the folder is cut off, changed, or not ours: the rest comes all the same, and nobody has to help. */
import { copyFileSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { LARGEST_BATCH } from '../../../../../src/main/link/queue/batch-size.ts';
import { decodeCursor } from '../../../../../src/main/link/queue/cursor.ts';
import { MetricData } from '../../../../../src/shared/gen/manager.ts';
import { metricsOf, seconds } from '../../../../support/batch.ts';
import { systemError } from './faulty-files.ts';
import { batchOf, metric, metrics, Place, taken, written } from './place.ts';

const FIRST = '0000000000000001.seg';

/** A place with so many entries in one segment, and the bytes of that. */
async function filled(count: number): Promise<{ place: Place; from: number; segment: Buffer; bytesEach: number }> {
  const place = await Place.make();
  const queue = await place.open();
  const from = place.second;
  queue.add(metrics(from, count));
  await queue.close();
  const segment = readFileSync(join(place.folder, FIRST));
  return { place, from, segment, bytesEach: segment.length / count };
}

/** The same folder with other content of the segment. */
async function withSegment(place: Place, segment: Buffer): Promise<Place> {
  const other = await place.afterKill();
  writeFileSync(join(other.folder, FIRST), segment);
  return other;
}

describe('damage', () => {
  test('the newest segment cut at every byte: the whole entries come, and it goes on behind them', async () => {
    const { place, from, segment, bytesEach } = await filled(3);
    for (let length = 0; length < segment.length; length++) {
      const cut = await withSegment(place, segment.subarray(0, length));
      const queue = await cut.open();
      const whole = Math.floor(length / bytesEach);
      expect(queue.waiting, `cut at ${length}`).toBe(whole);
      const torn = length % bytesEach === 0 ? [] : [expect.objectContaining({ level: 'info' })];
      expect(cut.log.lines).toEqual(torn);
      queue.add([metric(from + 100)]);
      await queue.close();
      const again = await cut.open();
      expect(await taken(again)).toEqual([...metrics(from, whole).map(({ timestamp }) => timestamp), from + 100]);
      expect(cut.log.lines).toEqual(torn);
    }
  });

  test.each([
    ['zeros', 0],
    ['something else', 0x55],
  ])('a tail of %s', async (_, byte) => {
    const { place, from, segment } = await filled(4);
    const longer = await withSegment(place, Buffer.concat([segment, Buffer.alloc(100_000, byte)]));
    const queue = await longer.open();
    queue.add([metric(from + 4)]);
    expect(await taken(queue)).toEqual(metrics(from, 5).map(({ timestamp }) => timestamp));
    expect(longer.log.lines.map(({ level }) => level)).toEqual([byte === 0 ? 'info' : 'warn']);
    const kept = byte === 0 ? ['cursor'] : ['0000000000000001.corrupt', 'cursor'];
    expect(readdirSync(longer.folder)).toEqual(kept);
  });

  test('any byte of a segment changed: at most its entry is lost', async () => {
    const { place, from, segment, bytesEach } = await filled(3);
    for (let at = 0; at < segment.length; at++) {
      const changed = Buffer.from(segment);
      changed.writeUInt8(changed.readUInt8(at) ^ (1 << (at % 8)), at);
      const hit = Math.floor(at / bytesEach);
      const other = await withSegment(place, changed);
      const queue = await other.open();
      queue.add([metric(from + 3)]);
      await written(other, queue);
      const there = metrics(from, 4).map(({ timestamp }) => timestamp);
      expect(await taken(queue), `byte ${at}`).toEqual(there.toSpliced(hit, 1));
      expect(queue.waiting).toBe(0);
      expect(other.log.lines).toHaveLength(1);
    }
  });

  test('also while it is being read: told once, set aside at its end, and three of them are kept', async () => {
    const place = await Place.make();
    const queue = await place.open({ maxBytes: 1 });
    queue.setLimits({ maxBytes: 64 * 1024, maxAgeMs: 86_400_000 }); // segments of 8 KiB
    const from = place.second;
    for (let i = 0; i < 12; i++) {
      queue.add(metrics(from + i * 100, 100));
      await written(place, queue);
    }
    const segments = readdirSync(place.folder).filter((name) => name.endsWith('.seg'));
    expect(segments.length).toBeGreaterThan(5);
    for (const name of segments) {
      const path = join(place.folder, name);
      const bytes = readFileSync(path);
      bytes.writeUInt8(bytes.readUInt8(3000) ^ 1, 3000);
      writeFileSync(path, bytes);
    }
    expect(await taken(queue)).toHaveLength(1200 - segments.length);
    expect(queue.waiting).toBe(0);
    expect(place.log.events('queue-damaged')).toHaveLength(segments.length);
    const aside = readdirSync(place.folder).filter((name) => name.endsWith('.corrupt'));
    expect(aside).toEqual(segments.slice(-3).map((name) => name.replace('.seg', '.corrupt')));
  });

  test('an end that is lost in a segment that is not the newest', async () => {
    const place = await Place.make();
    const queue = await place.open({ maxBytes: 32 * 1024 });
    const from = place.second;
    queue.add(metrics(from, 500));
    await queue.close();
    const names = readdirSync(place.folder).filter((name) => name.endsWith('.seg'));
    for (const name of names.slice(0, -1)) {
      const path = join(place.folder, name);
      writeFileSync(path, readFileSync(path).subarray(0, 100));
    }
    const next = await place.open();
    expect((await taken(next)).at(-1)).toBe(from + 499);
    expect(next.waiting).toBe(0);
  });

  test('a segment of nothing but rubbish, and one that is a folder', async () => {
    const { place, from, segment } = await filled(4);
    writeFileSync(join(place.folder, '0000000000000009.seg'), segment.subarray(40)); // not a begin of a frame
    mkdirSync(join(place.folder, '0000000000000005.seg'));
    const queue = await place.open();
    expect(await taken(queue)).toEqual(metrics(from, 4).map(({ timestamp }) => timestamp));
    queue.add([metric(from + 10)]);
    await written(place, queue);
    expect(await taken(queue)).toEqual([from + 10]);
    expect(queue.waiting).toBe(0);
  });

  test.each(['read', 'unlink'] as const)('a segment of which %s fails', async (kind) => {
    const { place, from } = await filled(4);
    const queue = await place.open();
    place.files.fault = (operation) =>
      operation.kind === kind && /seg$/.test(operation.path) ? systemError('EIO') : null;
    const given = await taken(queue);
    expect(given).toHaveLength(kind === 'read' ? 0 : 4);
    expect(queue.waiting).toBe(0);
    place.files.fault = () => null;
    queue.add([metric(from + 10)]);
    await written(place, queue);
    expect(await taken(queue)).toEqual([from + 10]);
    expect(await taken(await place.open())).toEqual([]);
  });

  test('a torn end that cannot be cut off stays, and what follows goes elsewhere', async () => {
    const { place, from, segment } = await filled(4);
    const cut = await withSegment(place, segment.subarray(0, -1));
    cut.files.fault = ({ kind }) => (kind === 'truncate' ? systemError('EIO') : null);
    const queue = await cut.open();
    queue.add([metric(from + 10)]);
    await written(cut, queue);
    expect(readdirSync(cut.folder)).toContain('0000000000000004.seg');
    expect(await taken(await (await cut.afterKill()).open())).toEqual([from, from + 1, from + 2, from + 10]);
    expect(await taken(queue)).toEqual([from, from + 1, from + 2, from + 10]);
  });

  test('a segment or the whole folder that somebody removed', async () => {
    const { place, from } = await filled(4);
    const queue = await place.open();
    rmSync(place.folder, { recursive: true });
    expect(await queue.next()).toBeNull();
    queue.add([metric(from + 10)]);
    await place.clock.advance(5000);
    await written(place, queue);
    const killed = await (await place.afterKill()).open();
    expect(await taken(killed)).toEqual([from + 10]);
    expect(await taken(queue)).toEqual([from + 10]);
  });

  test('what is not ours is left alone', async () => {
    const { place } = await filled(4);
    const foreign = ['1.seg', 'README', 'cursor.bak', '000000000000000x.seg', '0000000000000001.segment'];
    for (const name of foreign) writeFileSync(join(place.folder, name), 'mine');
    const queue = await place.open();
    await taken(queue);
    await queue.close();
    expect(readdirSync(place.folder).sort()).toEqual(['cursor', ...foreign].sort());
  });

  test('any byte of the cursor changed: the last batch may come once more, and nothing is lost', async () => {
    const size = LARGEST_BATCH;
    const { place, from } = await filled(2 * size);
    const queue = await place.open();
    const batch = await batchOf(queue);
    await queue.settle(batch, 'taken', '');
    await queue.close();
    const path = join(place.folder, 'cursor');
    const cursor = readFileSync(path);
    for (let at = 0; at < 30; at++) {
      for (const slot of [0, 512]) {
        const other = await place.afterKill();
        const changed = Buffer.from(cursor);
        changed.writeUInt8(changed.readUInt8(slot + at) ^ (1 << (at % 8)), slot + at);
        writeFileSync(join(other.folder, 'cursor'), changed);
        const there = await taken(await other.open());
        expect(there.slice(-size)).toEqual(metrics(from + size, size).map(({ timestamp }) => timestamp));
        expect([size, 2 * size]).toContain(there.length);
      }
    }
    writeFileSync(path, Buffer.alloc(1024, 0x11));
    const queueAgain = await place.open();
    expect(place.log.events('queue-damaged')).toHaveLength(1);
    expect(queueAgain.waiting).toBe(2 * size);
  });
});

describe('the format is read for ever', () => {
  const golden = (name: string): string => `test/golden/stores/${name}`;

  test('a segment and a cursor of version 1', async () => {
    const place = await Place.make();
    place.clock.stepWall(1_700_000_000_000 - place.clock.wallMs());
    mkdirSync(place.folder);
    copyFileSync(golden('report-queue-1.seg'), join(place.folder, FIRST));
    copyFileSync(golden('report-queue-1.cursor'), join(place.folder, 'cursor'));
    const queue = await place.open();
    expect(queue.waiting).toBe(4); // of six, two are taken
    const batch = await batchOf(queue);
    expect(metricsOf(batch)).toEqual([
      metric(1_700_000_001, 'cpu', { usage_percent: 12.5, cores: 2 }),
      metric(1_700_000_001, 'memory', { used_bytes: 123_456_789_012 }),
      metric(1_700_000_002, 'cpu', { usage_percent: 0.1, cores: 2 }),
      metric(1_700_000_002, 'Größe', { 'größe.№': -1e-300 }),
    ]);
    await queue.settle(batch, 'unanswered', '');
    expect(queue.takeLost().unanswered).toBe(2); // those that the cursor says were sent once
    expect(seconds(await queue.next())).toHaveLength(2);
    expect(place.log.lines).toEqual([]);
  });

  test('and is what is written', async () => {
    const place = await Place.make();
    place.clock.stepWall(1_700_000_000_000 - place.clock.wallMs());
    const queue = await place.open();
    queue.add([
      metric(1_700_000_000, 'cpu', { usage_percent: 100, cores: 2 }),
      metric(1_700_000_000, 'memory', { used_bytes: 0 }),
      metric(1_700_000_001, 'cpu', { usage_percent: 12.5, cores: 2 }),
      metric(1_700_000_001, 'memory', { used_bytes: 123_456_789_012 }),
      metric(1_700_000_002, 'cpu', { usage_percent: 0.1, cores: 2 }),
      metric(1_700_000_002, 'Größe', { 'größe.№': -1e-300 }),
    ]);
    await written(place, queue);
    await queue.settle(await queue.next({ oneSecond: true }).then(batch), 'taken', '');
    await queue.settle(await queue.next({ oneSecond: true }).then(batch), 'unanswered', '');
    await queue.close();
    expect(readFileSync(join(place.folder, FIRST))).toEqual(readFileSync(golden('report-queue-1.seg')));
    const marksOf = (path: string): unknown => decodeCursor(readFileSync(path))?.marks;
    expect(marksOf(join(place.folder, 'cursor'))).toEqual({ head: 3, once: 5, twice: 3 });
    expect(marksOf(golden('report-queue-1.cursor'))).toEqual({ head: 3, once: 5, twice: 3 });
  });

  test('of which the payload is the message of the protocol', () => {
    const bytes = readFileSync(golden('report-queue-1.seg'));
    const length = bytes.readUInt32BE(14);
    expect(MetricData.decode(bytes.subarray(22, 22 + length))).toEqual(
      metric(1_700_000_000, 'cpu', { usage_percent: 100, cores: 2 }),
    );
  });
});

function batch<T>(given: T | null): T {
  if (given === null) throw new Error('nothing waits');
  return given;
}
