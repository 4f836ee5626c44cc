import { describe, expect, test } from 'vitest';
import { ALL_PAIRS, atRest, type FakeProcess, PROGRAM, started, TABLE } from './fake-process.ts';
import { mapsOf, smapsOf } from './smaps.ts';

const MB = 1_000_000;

describe('off', () => {
  test('nothing is looked at, given back or planned, and compiling is on again', async () => {
    const { footprint, process, clock, log, scheduler } = await started('off');
    process.resident = 80 * MB;
    await clock.advance(60_000);
    footprint.threadStarted();
    await clock.advance(3000);
    footprint.threadEnding();
    footprint.threadEnded();
    await clock.advance(60_000);
    expect(process).toMatchObject({ compiles: true, done: [], looks: 0 });
    expect({ waiting: scheduler.waiting, timers: clock.timers, lines: log.lines }).toEqual({
      ...{ waiting: 0, timers: 0, lines: [] },
    });
    expect(footprint.givesPagesBack).toBe(false);
  });
});

describe('basic', () => {
  test('collects and trims after the start and after threads, and gives no pages back', async () => {
    const { footprint, process, clock, log } = await started('basic');
    expect(process.compiles).toBe(false);
    process.resident = 80 * MB;
    await clock.advance(12_000);
    expect(process.done).toEqual(['load', 'collect', 'trim', 'collect', 'trim']);
    // what has run at the start only is gone with the second; from then on code is kept for longer
    expect(process.codeAges).toEqual([
      [0, 1],
      [2, 6],
    ]);
    process.forget();
    footprint.threadStarted();
    await clock.advance(3000);
    footprint.threadEnding();
    footprint.threadEnded();
    expect(process.done).toEqual([]);
    await clock.advance(60_000);
    expect(process.done).toEqual(['trim', 'collect', 'trim', 'collect', 'trim']);
    expect({ given: process.given, looks: process.looks, timers: clock.timers }).toEqual({
      ...{ given: [], looks: 0, timers: 0 },
    });
    expect(footprint.givesPagesBack).toBe(false);
    expect(log.lines).toEqual([]);
  });

  test('without native calls it still collects, and says once why no more', async () => {
    const { process, clock, log } = await started('basic', (own) => {
      own.native = null;
    });
    await clock.advance(60_000);
    expect(process.done).toEqual(['load', 'collect', 'collect']);
    expect(log.lines).toEqual([
      {
        ...{ level: 'debug', event: 'footprint', mode: 'basic', native: 'none', why: 'nothing was built' },
        message: 'the native calls could not be loaded as they should be',
      },
    ]);
  });
});

describe('full', () => {
  test('finds the pages once what stays is loaded, and gives them back after the start', async () => {
    const { footprint, process, clock, log, errors } = await started('full');
    expect(process.compiles).toBe(false);
    expect(footprint.givesPagesBack).toBe(false);
    await clock.advance(12_000);
    const given = ['collect', 'trim', 'give back'];
    expect(process.done).toEqual(['load', 'smaps', 'without fault-around', ...given, ...given]);
    expect(process.given).toEqual([ALL_PAIRS, ALL_PAIRS]);
    expect(process.tables).toEqual([[0x100000n, 0x101000n]]);
    expect(footprint.givesPagesBack).toBe(true);
    expect(log.lines).toEqual([
      {
        ...{ level: 'debug', event: 'footprint', native: 'addon', mappings: 2, withoutFaultAround: 2 },
        ...{ tableBytes: 1_000_000, message: 'pages of files are given back' },
      },
    ]);
    // at rest, nothing is done and nothing planned
    process.forget();
    await clock.advance(600_000);
    expect({ done: process.done, looks: process.looks, timers: clock.timers, errors }).toEqual({
      ...{ done: [], looks: 0, timers: 0, errors: [] },
    });
  });

  const unwritten = (own: FakeProcess): void => {
    own.smapsText = smapsOf(...PROGRAM.map((entry) => ({ ...entry, dirtyKb: 4 })));
  };

  test('looks again with each collection while a file of the program is yet to be written', async () => {
    const { footprint, process, clock, log } = await started('full', unwritten);
    await clock.advance(3000);
    expect(process.done).toEqual(['load', 'smaps', 'collect', 'trim']);
    process.smapsText = smapsOf(...PROGRAM);
    await clock.advance(9000);
    expect(process.done.slice(4)).toEqual(['smaps', 'without fault-around', 'collect', 'trim', 'give back']);
    expect(footprint.givesPagesBack).toBe(true);
    expect(log.lines).toHaveLength(1);
  });

  test('says so in the end where it never is', async () => {
    const { footprint, process, clock, log } = await started('full', unwritten);
    for (let round = 0; round < 20; round++) {
      await clock.advance(30_000);
      footprint.threadStarted();
      footprint.threadEnding();
      footprint.threadEnded();
    }
    expect(footprint.givesPagesBack).toBe(false);
    expect(process.times('smaps')).toBe(10);
    expect(process.given).toEqual([]);
    expect(log.lines).toMatchObject([
      { level: 'info', event: 'footprint', message: 'pages of files are not given back' },
    ]);
    expect(String(log.lines[0]?.['err'])).toContain('never written to a disk');
  });

  test('leaves alone a table of locks that this Node cannot put out of use', async () => {
    const { process, footprint } = await atRest((own) => Object.assign(own, { quiet: false }));
    expect(process.tables).toEqual([]);
    expect(footprint.givesPagesBack).toBe(true);
  });

  test('asks about each place that may hold the table of locks', async () => {
    const { process, footprint } = await atRest((own) => add(own, { ...TABLE, range: '300000-401000' }));
    expect(process.tables.map(([start]) => start)).toEqual([0x100000n, 0x300000n]);
    expect(footprint.givesPagesBack).toBe(true);
  });
});

describe('a collection', () => {
  test('waits while a heartbeat is due', async () => {
    const { process, clock, heartbeat } = await started('basic');
    const dueMs = clock.nowMs() + 2550;
    heartbeat.inMs = () => (clock.nowMs() < dueMs ? dueMs - clock.nowMs() : Number.POSITIVE_INFINITY);
    await clock.advance(2550 + 99);
    expect(process.times('collect')).toBe(0);
    await clock.advance(1);
    expect(process.times('collect')).toBe(1);
  });

  test('waits again where the next heartbeat is near, and comes in the end', async () => {
    const { process, clock, heartbeat } = await started('basic');
    heartbeat.inMs = () => 100;
    await clock.advance(60_000);
    expect(process.times('collect')).toBe(0);
    heartbeat.inMs = () => 3000;
    await clock.advance(1000);
    expect(process.times('collect')).toBe(2); // both that were planned after the start
  });

  test('comes twice after a thread; where it takes long, later and for several together', async () => {
    const collections = async (collectionCpuMs: number): Promise<number> => {
      const { footprint, process, clock } = await atRest((own) => Object.assign(own, { collectionCpuMs }));
      await clock.advance(60_000);
      process.forget();
      for (let round = 0; round < 4; round++) {
        footprint.threadStarted();
        footprint.threadEnding();
        footprint.threadEnded();
        await clock.advance(30_000);
      }
      return process.times('collect');
    };
    expect([await collections(25), await collections(75), await collections(250)]).toEqual([8, 8, 6]);
  });

  test('comes all the same where a thread is started each 5 s', async () => {
    const { footprint, process, clock } = await atRest();
    for (let round = 0; round < 12; round++) {
      footprint.threadStarted();
      await clock.advance(300);
      footprint.threadEnding();
      footprint.threadEnded();
      await clock.advance(4700);
    }
    expect(process.times('collect')).toBeGreaterThanOrEqual(8);
    expect(process.times('collect')).toBeLessThanOrEqual(12);
    await clock.advance(30_000);
    const collected = process.times('collect');
    await clock.advance(600_000);
    expect(process.times('collect')).toBe(collected);
  });
});

describe('while the main thread has much to do', () => {
  /** 20 MB after the last collection. */
  async function busy() {
    const made = await atRest();
    const piece = (residentMb: number, leftMb: number): string[] => {
      made.process.forget();
      Object.assign(made.process, { resident: residentMb * MB, left: leftMb * MB });
      made.footprint.pieceDone();
      return [...made.process.done];
    };
    return { ...made, piece };
  }
  const COLLECTED = ['give back', 'collect', 'trim', 'give back'];

  test('gives pages back where they are many, and collects where much is left all the same', async () => {
    const { piece, clock } = await busy();
    expect(piece(23, 22)).toEqual([]);
    expect(piece(23.1, 21.9)).toEqual(['give back']);
    expect(piece(24.9, 21.9)).toEqual([]); // three more than were left
    expect(piece(25, 22.6)).toEqual(COLLECTED);
    expect(piece(25.7, 24.5)).toEqual(['give back']); // measured by what the last collection left
    expect(piece(27.6, 24.7)).toEqual(COLLECTED);
    expect(clock.timers).toBe(0);
  });

  test('collects at another piece where a heartbeat is due or under way', async () => {
    const { piece, heartbeat } = await busy();
    heartbeat.inMs = () => 0;
    expect(piece(26, 25)).toEqual(['give back']);
    heartbeat.inMs = () => 101;
    expect(piece(29, 25)).toEqual(COLLECTED);
  });

  test('does not count as one of the collections that keep their share', async () => {
    const { footprint, piece, process, clock } = await busy();
    process.collectionCpuMs = 250;
    for (let n = 0; n < 100; n++) piece(40 + 3 * n, 39 + 3 * n);
    process.forget();
    footprint.threadStarted();
    footprint.threadEnding();
    footprint.threadEnded();
    await clock.advance(10_000);
    expect(process.times('collect')).toBe(1);
  });

  test('does nothing where no pages are given back', async () => {
    const { footprint, process, clock } = await started('basic');
    await clock.advance(12_000);
    process.forget();
    process.resident = 90 * MB;
    footprint.pieceDone();
    expect({ done: process.done, looks: process.looks }).toEqual({ done: [], looks: 0 });
  });

  test('ends the giving back where the kernel refuses it, and nothing else', async () => {
    const { footprint, process, piece } = await busy();
    process.refused = 1;
    expect(piece(30, 25)[0]).toBe('give back');
    expect(footprint.givesPagesBack).toBe(false);
    expect(piece(40, 35)).toEqual([]);
  });
});

/** One more mapping, in smaps and in maps. */
function add(own: FakeProcess, entry: Parameters<typeof smapsOf>[0]): void {
  own.smapsText += smapsOf(entry);
  own.mapsText += mapsOf(entry);
}
