import { describe, expect, test } from 'vitest';
import { ENDED_THREAD, STARTING_THREAD } from '../../../../src/main/footprint/plan.ts';
import { ALL_PAIRS, atRest, type FakeProcess, started } from './fake-process.ts';

const MB = 1_000_000;

describe('around threads', () => {
  test('looks all the time while one starts, less often later, and gives back only above the limit', async () => {
    const { footprint, process, clock } = await atRest();
    footprint.threadStarted();
    await clock.advance(100);
    const fast = process.looks;
    expect(fast).toBeGreaterThanOrEqual(50);
    process.resident = 24 * MB;
    await clock.advance(100);
    expect(process.given).toEqual([]);
    process.resident = 24.1 * MB;
    process.left = 21.5 * MB;
    await clock.advance(STARTING_THREAD.everyMs);
    expect(process.given).toEqual([ALL_PAIRS]);
    process.resident = 24.5 * MB; // three more than were left
    await clock.advance(100);
    expect(process.given).toHaveLength(1);
    process.resident = 24.6 * MB;
    await clock.advance(STARTING_THREAD.everyMs);
    expect(process.given).toHaveLength(2);
    await clock.advance(2000);
    process.looks = 0;
    await clock.advance(1000);
    expect(process.looks).toBeGreaterThan(0);
    expect(process.looks).toBeLessThan(fast);
  });

  test('lets it above 27 MB only where that much was left the last time, and then by little', async () => {
    const { footprint, process, clock } = await atRest((own) => {
      own.left = 25.9 * MB;
    });
    process.resident = 26.9 * MB;
    footprint.threadStarted();
    await clock.advance(20);
    expect(process.given).toEqual([]);
    process.left = 40 * MB;
    process.resident = 27.1 * MB;
    await clock.advance(STARTING_THREAD.everyMs);
    process.forget();
    await clock.advance(500); // what is left now is not to be had: it is not looked for each time
    process.resident = 41 * MB;
    await clock.advance(500);
    expect(process.given).toEqual([]);
    process.resident = 41.1 * MB;
    await clock.advance(STARTING_THREAD.everyMs);
    expect(process.given.length).toBeGreaterThan(0);
  });

  test('gives back before the end of one is waited for, and by need while its memory is kept', async () => {
    const { footprint, process, clock } = await atRest();
    footprint.threadStarted();
    await clock.advance(10);
    process.left = 18 * MB;
    footprint.threadEnding();
    expect(process.done).toEqual(['give back']);
    footprint.threadEnded();
    process.resident = 19.5 * MB;
    process.left = null;
    await clock.advance(10);
    expect(process.done).toEqual(['give back']);
    await clock.advance(20);
    expect(process.done).toEqual(['give back', 'trim', 'give back']);
    process.resident = 25 * MB;
    process.left = 18 * MB;
    await clock.advance(1000);
    expect(process.times('give back')).toBe(3);
    process.looks = 0;
    await clock.advance(9000);
    expect(process.done.slice(-3)).toEqual(['collect', 'trim', 'give back']);
    await clock.advance(9000);
    process.forget();
    await clock.advance(60_000);
    expect({ looks: process.looks, timers: clock.timers }).toEqual({ looks: 0, timers: 0 });
  });

  test('looks no more often where several start at once', async () => {
    const { footprint, process, clock } = await atRest();
    const looksWithin = async (ms: number): Promise<number> => {
      process.looks = 0;
      await clock.advance(ms);
      return process.looks;
    };
    footprint.threadStarted();
    const once = await looksWithin(50);
    footprint.threadStarted();
    footprint.threadStarted();
    expect(await looksWithin(50)).toBe(once);
  });

  test('looks no more once it is closed, whatever threads do then', async () => {
    const { footprint, process, clock, scheduler } = await atRest();
    footprint.threadStarted();
    await clock.advance(10);
    footprint.close();
    scheduler.close();
    process.forget();
    process.resident = 60 * MB;
    footprint.threadStarted();
    await clock.advance(3000);
    footprint.threadEnded();
    footprint.threadEnded();
    await clock.advance(60_000);
    expect({ looks: process.looks, done: process.done, timers: clock.timers }).toEqual({
      looks: 0,
      done: [],
      timers: 0,
    });
  });

  test('trims once where threads end one soon after the other', async () => {
    const { footprint, process, clock } = await atRest();
    for (let round = 0; round < 3; round++) {
      footprint.threadStarted();
      await clock.advance(3 * STARTING_THREAD.everyMs);
      footprint.threadEnded();
    }
    await clock.advance(1000);
    expect(process.times('trim')).toBe(1);
  });

  test('sets right what is counted by once none lives, and never beside one', async () => {
    const { footprint, process, clock } = await atRest();
    footprint.threadStarted();
    await clock.advance(2000);
    footprint.threadEnding();
    footprint.threadEnded();
    expect(process.compared).toBe(0);
    await clock.advance(100);
    expect(process.compared).toBe(1);
    await clock.advance(9000);
    footprint.threadStarted();
    process.forget();
    await clock.advance(5000); // the collections that were planned come beside it
    expect([process.times('collect'), process.compared]).toEqual([2, 0]);
  });

  test('one of two that ends plans nothing yet', async () => {
    const { footprint, process, clock } = await atRest();
    footprint.threadStarted();
    footprint.threadStarted();
    footprint.threadEnded();
    await clock.advance(60_000);
    expect(process.times('collect')).toBe(0);
    footprint.threadEnded();
    await clock.advance(11_000);
    expect(process.times('collect')).toBe(1);
  });

  test('before the pages are known nothing is given back', async () => {
    const { footprint, process, clock } = await started('full');
    process.resident = 60 * MB;
    footprint.threadStarted();
    await clock.advance(500);
    footprint.threadEnding();
    footprint.threadEnded();
    expect(process.done).toEqual(['load']);
    await clock.advance(12_000);
    expect(process.given.length).toBeGreaterThan(0);
  });

  /** A thread starts and has its pages given back `times` times, always the same being there. */
  async function squeezed(times: number, prepare: (own: FakeProcess) => void) {
    const made = await atRest(prepare);
    made.process.left = 20 * MB;
    made.footprint.threadStarted();
    for (let time = 0; time < times; time++) {
      made.process.resident = 26 * MB;
      await made.clock.advance(3 * STARTING_THREAD.everyMs);
    }
    expect(made.process.given).toHaveLength(times);
    return made;
  }
  const isHot = (page: number): boolean => page === 1 || page === 4 || page === 0x23;
  const COLD = [0x2000n, 0x2000n, 0x5000n, 0x4000n, 0x20000n, 0x3000n];

  test('pages that are needed at once each time are learned, and stay while there is a thread', async () => {
    const { process, footprint, clock } = await squeezed(9, (own) => Object.assign(own, { present: isHot }));
    expect(process.given.slice(0, 7)).toEqual(Array(7).fill(ALL_PAIRS));
    expect(process.given.slice(7)).toEqual([COLD, COLD]);
    expect(process.times('count')).toBe(8 * 2); // looked at no more once they are known
    process.forget();
    footprint.threadEnding();
    footprint.threadEnded();
    await clock.advance(100); // the trimming has been
    process.resident = 26 * MB;
    await clock.advance(ENDED_THREAD.everyMs);
    expect(process.given).toEqual([ALL_PAIRS, ALL_PAIRS, ALL_PAIRS]);
  });

  test('they go too where too much is left without them', async () => {
    const { process, clock } = await squeezed(9, (own) => Object.assign(own, { present: isHot }));
    process.forget();
    process.left = null;
    process.resident = 28 * MB;
    await clock.advance(STARTING_THREAD.everyMs);
    expect(process.given).toEqual([COLD, ALL_PAIRS]);
  });

  test('nothing is learned from what is there without a thread', async () => {
    const { footprint, process, clock } = await atRest((own) => Object.assign(own, { present: () => true }));
    process.left = 18 * MB;
    footprint.threadStarted();
    footprint.threadEnding();
    footprint.threadEnded();
    for (let time = 0; time < 10; time++) {
      await clock.advance(ENDED_THREAD.everyMs);
      process.resident = 25 * MB;
    }
    expect(process.given.length).toBeGreaterThan(9);
    for (const pairs of process.given) expect(pairs).toEqual(ALL_PAIRS);
    expect(process.times('count')).toBe(0);
  });

  test('where it cannot be told which are there, all are given back, and it is asked no more', async () => {
    const { process } = await squeezed(10, (own) => Object.assign(own, { present: null }));
    expect(process.given).toEqual(Array(10).fill(ALL_PAIRS));
    expect(process.times('count')).toBe(1);
  });
});
