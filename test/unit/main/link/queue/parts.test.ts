import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { BatchSize, LARGEST_BATCH } from '../../../../../src/main/link/queue/batch-size.ts';
import { CURSOR_BYTES, decodeCursor, encodeSlot, SLOT_SPACING } from '../../../../../src/main/link/queue/cursor.ts';
import { CursorFile } from '../../../../../src/main/link/queue/cursor-file.ts';
import { DeadLetters } from '../../../../../src/main/link/queue/dead-letters.ts';
import { type Entry, type Frame, FrameParser, frameHeader } from '../../../../../src/main/link/queue/frame.ts';
import { RecentSeconds } from '../../../../../src/main/link/queue/recent-seconds.ts';
import { systemFiles } from '../../../../../src/main/link/queue/surroundings.ts';
import { contiguous, Unwritten } from '../../../../../src/main/link/queue/unwritten.ts';
import { WaitingLog } from '../../../../../src/main/link/queue/waiting-log.ts';
import { testFolder } from '../../../../support/temp-folder.ts';
import { FaultyFiles, systemError } from './faulty-files.ts';
import { Place, seeded } from './place.ts';

const entry = (index: number, payload: Buffer, timeMs = 1_700_000_000_000): Entry => ({ index, timeMs, payload });
const frame = (given: Entry): Buffer => Buffer.concat([frameHeader(given), given.payload]);

describe('frames', () => {
  const parsed = (bytes: Buffer, pieceBytes: number): { frames: Frame[]; parser: FrameParser } => {
    const parser = new FrameParser(0);
    const frames: Frame[] = [];
    for (let at = 0; at < bytes.length; at += pieceBytes)
      frames.push(...parser.push(bytes.subarray(at, at + pieceBytes), at + pieceBytes >= bytes.length));
    return { frames, parser };
  };

  test.each([1, 7, 100, 100_000])('in pieces of %d bytes, with rubbish between them', (pieceBytes) => {
    const random = seeded(pieceBytes);
    const bytes = (length: number): Buffer => Buffer.from(Array.from({ length }, () => Math.floor(random() * 256)));
    for (let round = 0; round < 20; round++) {
      const entries = Array.from({ length: 10 }, (_, at) => entry(at + 1, bytes(Math.floor(random() * 60))));
      let damaged = false;
      const parts = entries.flatMap((given) => {
        if (random() < 0.7) return [frame(given)];
        damaged = true;
        return [bytes(Math.floor(1 + random() * 40)), frame(given)];
      });
      const { frames, parser } = parsed(Buffer.concat(parts), pieceBytes);
      expect(frames).toMatchObject(entries.map((given) => ({ ...given })));
      expect(parser).toMatchObject({ damaged, tail: 'nothing', end: Buffer.concat(parts).length });
      for (const { start, end, payload } of frames)
        expect(Buffer.concat(parts).subarray(start + 22, end)).toEqual(payload);
    }
  });

  test('a length beyond all bounds is not waited for', () => {
    const bad = frame(entry(1, Buffer.from('abc')));
    bad.writeUInt32BE(0xfffffff0, 14);
    const parser = new FrameParser(0);
    const good = frame(entry(2, Buffer.from('def')));
    expect(parser.push(Buffer.concat([bad, good]), false)).toMatchObject([{ index: 2 }]);
    expect(parser.damaged).toBe(true);
  });

  test('times beyond what has room are the nearest that has', () => {
    const times = [-5, 2 ** 60].map(
      (timeMs) => parsed(frame(entry(1, Buffer.alloc(1), timeMs)), 100).frames[0]?.timeMs,
    );
    expect(times).toEqual([0, 2 ** 48 - 1]);
  });
});

describe('the cursor', () => {
  const marks = { head: 5, once: 7, twice: 6 };

  test('the whole slot with the higher number holds', () => {
    const bytes = Buffer.alloc(CURSOR_BYTES);
    expect(decodeCursor(bytes)).toBeNull();
    encodeSlot({ number: 3, marks }).copy(bytes);
    expect(decodeCursor(bytes)).toEqual({ number: 3, marks, place: 0 });
    encodeSlot({ number: 4, marks: { ...marks, head: 6 } }).copy(bytes, SLOT_SPACING);
    expect(decodeCursor(bytes)).toMatchObject({ number: 4, place: 1 });
    bytes.writeUInt8(1, SLOT_SPACING + 10);
    expect(decodeCursor(bytes)).toMatchObject({ number: 3, place: 0 });
    expect(decodeCursor(bytes.subarray(0, 20))).toBeNull();
  });

  test('a power cut at any time leaves what was synced last, or later', async () => {
    const random = seeded(7);
    const path = join(await testFolder('cursor'), 'cursor');
    let [number, synced] = [0, 0];
    for (let life = 0; life < 60; life++) {
      const files = new FaultyFiles();
      const cursor = new CursorFile(path, files);
      const found = await cursor.load();
      if (typeof found === 'object') expect(found.head).toBeGreaterThanOrEqual(synced);
      else expect([found, synced]).toEqual(['absent', 0]);
      number = Math.max(number, synced);
      for (let write = Math.floor(random() * 8); write > 0; write--) {
        const sync = random() < 0.5;
        await cursor.write({ head: ++number, once: 0, twice: 0 }, sync);
        if (sync || synced === 0) synced = number;
      }
      if (random() < 0.3)
        await files.closeAll(); // killed
      else await files.powerCut(random);
      await files.closeAll();
    }
  });

  test('a write that comes to a part is a fault', async () => {
    const path = join(await testFolder('cursor'), 'cursor');
    const files = new FaultyFiles();
    const short = {
      ...systemFiles,
      open: async (...given: Parameters<typeof files.open>) => {
        const handle = await files.open(...given);
        return new Proxy(handle, {
          get: (target, name) =>
            name === 'write' ? async () => ({ bytesWritten: 3, buffer: Buffer.alloc(0) }) : Reflect.get(target, name),
        });
      },
    };
    await expect(new CursorFile(path, short).write(marks, true)).rejects.toThrow('3 of 1024 bytes were written');
    expect(files.handles).toBe(0);
  });

  test('closing that fails is no matter', async () => {
    const path = join(await testFolder('cursor'), 'cursor');
    const files = new FaultyFiles();
    const cursor = new CursorFile(path, files);
    await cursor.write(marks, true);
    await files.closeAll(); // the second close of a descriptor fails
    await cursor.close();
    expect(await new CursorFile(path, systemFiles).load()).toEqual(marks);
  });
});

describe('recent seconds', () => {
  test('each once, whichever way the clock goes, in a bounded window', () => {
    const seen = new RecentSeconds();
    for (let second = 1; second <= 1024; second++) expect(seen.add('cpu', second)).toBe(true);
    expect(seen.add('cpu', 1)).toBe(false);
    expect(seen.add('memory', 1)).toBe(true);
    expect(seen.add('cpu', -500)).toBe(true);
    expect(seen.add('cpu', 1)).toBe(true); // too long ago
    expect(seen.add('cpu', 3)).toBe(false);
  });

  test('the type that was seen longest ago is forgotten first', () => {
    const seen = new RecentSeconds();
    for (let type = 0; type < 256; type++) seen.add(`type ${type}`, 1);
    seen.add('type 0', 2);
    seen.add('another', 1);
    expect(seen.add('type 0', 1)).toBe(false);
    expect(seen.add('type 1', 1)).toBe(true);
  });
});

describe('batch size', () => {
  test('halves until the bad one is alone, then doubles', () => {
    const size = new BatchSize();
    const sizes: number[] = [];
    const bad = 77;
    for (let head = 0; head < 1000; ) {
      const count = Math.min(size.size, 1000 - head);
      sizes.push(count);
      const hit = head <= bad && bad < head + count;
      if (hit && count > 1) {
        size.refused(count);
        continue;
      }
      head += count;
      size.left(count);
    }
    // 50 well, then from 50 down to the bad one, and up again
    expect(sizes.slice(0, 12)).toEqual([50, 50, 25, 25, 12, 6, 3, 3, 1, 1, 1, 1].map(() => expect.any(Number)));
    expect(sizes.length).toBeLessThan(1000 / LARGEST_BATCH + 20);
    expect(sizes.slice(-3, -1)).toEqual([LARGEST_BATCH, LARGEST_BATCH]);
  });
});

describe('what is unwritten', () => {
  test('gaps end a run', () => {
    const of = (...indices: number[]): Entry[] => indices.map((index) => entry(index, Buffer.alloc(1)));
    expect(contiguous([])).toEqual([]);
    expect(contiguous(of(4, 5, 6))).toHaveLength(3);
    expect(contiguous(of(4, 5, 7, 8))).toHaveLength(2);
  });

  const filled = (closesUp: boolean): Unwritten => {
    const unwritten = new Unwritten(1600, closesUp);
    for (let index = 1; index <= 14; index++) unwritten.add({ ...entry(index, Buffer.alloc(100)), addedMs: 0 });
    return unwritten;
  };
  const indices = (unwritten: Unwritten): number[] =>
    unwritten.upTo({ entries: 100, bytes: 1e9 }).map(({ index }) => index);

  test.each([false, true])(
    'the oldest are given up, but not what is being sent or written (closes up: %s)',
    (closesUp) => {
      const unwritten = filled(closesUp);
      expect(unwritten.keepInBounds()).toEqual({ from: 0, count: 0 });
      unwritten.add({ ...entry(15, Buffer.alloc(100)), addedMs: 0 });
      unwritten.hold(unwritten.upTo({ entries: 2, bytes: 1e9 }));
      unwritten.writingTo = 4;
      expect(unwritten.keepInBounds()).toEqual({ from: 4, count: 2 });
      const behind = closesUp ? [4, 5, 6, 7, 8, 9, 10, 11, 12, 13] : [6, 7, 8, 9, 10, 11, 12, 13, 14, 15];
      expect(indices(unwritten)).toEqual([1, 2, 3, ...behind]);
      expect(unwritten).toMatchObject({ bytes: 1300, memoryBytes: 1300, holds: true });
    },
  );

  test('what was read from the disk takes of the same bound', () => {
    const unwritten = filled(false);
    expect(unwritten.room).toBe(200);
    unwritten.hold([entry(0, Buffer.alloc(700))]);
    expect(unwritten.memoryBytes).toBe(2100);
    expect(unwritten.keepInBounds()).toEqual({ from: 1, count: 6 });
    expect(unwritten.memoryBytes).toBe(1500);
    unwritten.hold([]);
    expect(unwritten).toMatchObject({ holds: false, memoryBytes: 800, room: 800 });
  });

  test('where everything is being sent or written nothing is given up', () => {
    const unwritten = filled(true);
    for (let index = 15; index < 20; index++) unwritten.add({ ...entry(index, Buffer.alloc(100)), addedMs: 0 });
    unwritten.writingTo = 20;
    expect(unwritten.keepInBounds().count).toBe(0);
    unwritten.removeBefore(18);
    unwritten.renumber(50);
    expect(indices(unwritten)).toEqual([50, 51]);
    expect(unwritten.upTo({ entries: 1, bytes: 1 })).toHaveLength(1);
  });
});

describe('dead letters', () => {
  test('one older file is kept, and neither is over 1 MiB', async () => {
    const folder = join(await testFolder('letters'), 'queue');
    const letters = new DeadLetters(folder, systemFiles);
    const values = new Map(Array.from({ length: 3000 }, (_, at) => [`the name of a value ${at}`, at]));
    const letter = {
      timeMs: 1_700_000_000_000,
      reason: 'x'.repeat(10_000),
      type: 'cpu',
      timestamp: 1_700_000_000,
      values,
    };
    for (let i = 0; i < 40; i++) await letters.add(letter);
    await letters.add({ ...letter, values: new Map([...values].map(([name, value]) => [name.repeat(30), value])) });
    expect(readdirSync(folder)).toEqual(['dead-letters.1.jsonl', 'dead-letters.jsonl']);
    for (const name of readdirSync(folder)) expect(statSync(join(folder, name)).size).toBeLessThanOrEqual(1024 * 1024);
    const last = readFileSync(join(folder, 'dead-letters.jsonl'), 'utf8').trimEnd().split('\n').at(-1);
    expect(JSON.parse(last ?? '')).toMatchObject({ type: 'cpu', values: {}, valuesLeftOut: 3000 });
  });

  test('faults of the disk pass through', async () => {
    const files = new FaultyFiles();
    files.fault = ({ kind }) => (kind === 'stat' ? systemError('EIO') : null);
    const letters = new DeadLetters(await testFolder('letters'), files);
    const letter = { timeMs: 0, reason: '', type: 'cpu', timestamp: 0, values: new Map() };
    await expect(letters.add(letter)).rejects.toThrow('EIO');
  });
});

test('10,000 entries of 2 KiB pass through less than 1 MiB of memory each way', async () => {
  const place = await Place.make();
  const log = await WaitingLog.open({
    ...place.surroundings,
    what: 'entries',
    memoryBytes: 1024 * 1024,
    fixedIndices: false,
    limits: () => ({ maxBytes: 64 * 1024 * 1024, oldestMs: 0 }),
    onLost: (reason, count) => expect.fail(`${count} were lost: ${reason}`),
    onEntry: () => {},
  });
  let most = 0;
  for (let i = 0; i < 10_000; i++) {
    log.add(Buffer.alloc(2048, i), 1);
    most = Math.max(most, log.memoryBytes);
    if (i % 50 === 49) await log.flush();
  }
  for (let at = 0; at < 10_000; ) {
    const entries = await log.read({ entries: 100, bytes: log.room });
    most = Math.max(most, log.memoryBytes);
    for (const { payload } of entries) expect(payload[0]).toBe(at++ % 256);
    await log.mark((marks) => ({ ...marks, head: (entries.at(-1)?.index ?? 0) + 1 }), false);
  }
  expect(log.waiting).toBe(0);
  expect(most).toBeLessThanOrEqual(1024 * 1024);
  await log.close();
});
