import { describe, expect, test } from 'vitest';
import { atRest, type FakeProcess, started, TABLE } from './fake-process.ts';
import { mapsOf, smapsOf } from './smaps.ts';

const MB = 1_000_000;
const NOT_GIVEN = 'pages of files are not given back';

describe('the giving back of pages ends for good, is logged once, and nothing else stops', () => {
  const goesWrong: [string, 'at the start' | 'later', (own: FakeProcess) => void, string | RegExp][] = [
    ['refused ranges', 'later', (own) => Object.assign(own, { refused: 1 }), 'the kernel refused 1 of 2 ranges'],
    [
      'changed maps',
      'later',
      (own) => Object.assign(own, { mapsText: mapsOf({ range: '1000-9000' }) }),
      'what is mapped has changed',
    ],
    ['maps that cannot be read', 'later', (own) => Object.assign(own, { maps: fails('EMFILE') }), 'EMFILE'],
    ['unreadable smaps', 'at the start', (own) => Object.assign(own, { smapsText: 'no such thing' }), /not a line of/],
    ['smaps that cannot be read', 'at the start', (own) => Object.assign(own, { smaps: fails('EACCES') }), 'EACCES'],
    [
      'a program that is not mapped as it should be',
      'at the start',
      (own) => Object.assign(own, { smapsText: smapsOf(TABLE) }),
      /text of \/opt\/node is not mapped/,
    ],
    ['a file system that may hang', 'at the start', (own) => Object.assign(own, { hangs: 'it is on NFS' }), /on NFS/],
    [
      'a file system that cannot be told',
      'at the start',
      (own) => Object.assign(own, { unreliable: fails('ENOENT') }),
      'ENOENT',
    ],
  ];

  test.each(goesWrong)('%s', async (_, when, goWrong, reason) => {
    const { footprint, process, clock, log, errors } = await (when === 'later' ? atRest() : atRest(goWrong));
    if (when === 'later') {
      expect(footprint.givesPagesBack).toBe(true);
      goWrong(process);
      footprint.threadStarted();
      footprint.threadEnded();
      await clock.advance(19_000);
    }
    const message = typeof reason === 'string' ? expect.stringContaining(reason) : expect.stringMatching(reason);
    expect(log.lines.filter(({ level }) => level === 'info')).toEqual([
      { level: 'info', event: 'footprint', err: expect.objectContaining({ message }), message: NOT_GIVEN },
    ]);
    // as it was again, it stays ended; the rest goes on
    Object.assign(process, { refused: 0, hangs: '', resident: 90 * MB });
    process.forget();
    footprint.threadStarted();
    await clock.advance(3000);
    footprint.threadEnding();
    footprint.threadEnded();
    await clock.advance(19_000);
    expect(process.done).toEqual(['trim', 'collect', 'trim', 'collect', 'trim']);
    expect({ looks: process.looks, timers: clock.timers, errors }).toEqual({ looks: 0, timers: 0, errors: [] });
    expect(footprint.givesPagesBack).toBe(false);
    expect(log.lines.filter(({ level }) => level === 'info')).toHaveLength(1);
  });

  test('ranges that are refused while a thread starts: no look comes after it', async () => {
    const { footprint, process, clock, log } = await atRest((own) => Object.assign(own, { left: 20 * MB }));
    footprint.threadStarted();
    Object.assign(process, { refused: 2, left: null, resident: 30 * MB });
    await clock.advance(10);
    expect(process.times('give back')).toBe(1);
    expect(log.lines.filter(({ message }) => message === NOT_GIVEN)).toHaveLength(1);
    expect(clock.timers).toBe(0);
  });

  test('no native calls: it is never begun', async () => {
    const { footprint, process, clock, log, errors } = await started('full', (own) => {
      own.native = null;
    });
    await clock.advance(12_000);
    footprint.threadStarted();
    await clock.advance(3000);
    footprint.threadEnded();
    await clock.advance(19_000);
    expect(process.done).toEqual(['load', 'collect', 'collect', 'collect', 'collect']);
    expect(log.lines).toEqual([expect.objectContaining({ level: 'debug', mode: 'full', why: 'nothing was built' })]);
    expect(errors).toEqual([]);
  });
});

describe('where fault-around stays on', () => {
  const withIt = (own: FakeProcess): void => void Object.assign(own, { fault: -38 });

  test('pages are given back each second', async () => {
    const { process, clock, log } = await atRest(withIt);
    await clock.advance(30_000);
    expect(process.done).toEqual(Array(30).fill('give back'));
    expect(log.lines).toEqual([expect.objectContaining({ level: 'debug', withoutFaultAround: -38 })]);
  });

  test('until the giving back ends', async () => {
    const { process, clock } = await atRest(withIt);
    process.refused = 1;
    await clock.advance(30_000);
    expect(process.done).toEqual(['give back']);
    expect(clock.timers).toBe(0);
  });
});

function fails(reason: string): () => never {
  return () => {
    throw new Error(reason);
  };
}
