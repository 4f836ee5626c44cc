import { expect, test } from 'vitest';
import type { Reading } from '../../../bench/process-figures.ts';
import { summed, watch } from '../../../bench/watch.ts';

const READING: Reading = {
  rssBytes: 3,
  pssBytes: 2,
  anonymousBytes: 1,
  fileBackedBytes: 2,
  peakRssBytes: 4,
  sharedMemoryBytes: 0,
  threads: 7,
  descriptors: 5,
};

/** A clock that only waiting moves, each wait by `lateMs` more than was asked for. */
function clock(lateMs = 0) {
  let now = 5000;
  const waits: number[] = [];
  return {
    waits,
    nowMs: () => now,
    wait: async (ms: number) => {
      waits.push(ms);
      now += ms + lateMs;
    },
  };
}

const { signal } = new AbortController();
const counters = () => ({ cpuTicks: 0, minorFaults: 0 });

test('a sample each 100 ms; counters of the window only', async () => {
  const time = clock();
  const growing = (pid: number) => {
    const ms = time.nowMs() - 5000;
    return { cpuTicks: pid * 1000 + ms / 10, minorFaults: pid + 2 * ms };
  };
  const found = await watch([1, 2], { windowMs: 350, signal, figures: () => READING, counters: growing, ...time });
  expect(time.waits).toEqual([100, 100, 100, 50]);
  const readings = [READING, READING, READING, READING];
  const one = { readings, atMs: [0, 100, 200, 300], cpuTicks: 35, minorFaults: 700, elapsedMs: 350 };
  expect(found).toEqual([one, one]);
});

test('a late sample does not move the next ones', async () => {
  const time = clock(30);
  await watch([1], { windowMs: 300, signal, figures: () => READING, counters, ...time });
  expect(time.waits).toEqual([100, 70, 70]);
});

test('another cadence is kept as well', async () => {
  const time = clock();
  await watch([1], { windowMs: 2500, sampleMs: 1000, signal, figures: () => READING, counters, ...time });
  expect(time.waits).toEqual([1000, 1000, 500]);
});

test('several processes as one', () => {
  const one = { readings: [READING], atMs: [0], cpuTicks: 1, minorFaults: 2, elapsedMs: 100 };
  const sum = summed([one, one, one]);
  expect(sum).toMatchObject({ cpuTicks: 3, minorFaults: 6, elapsedMs: 100, atMs: [0] });
  expect(sum.readings).toEqual([Object.fromEntries(Object.entries(READING).map(([key, value]) => [key, 3 * value]))]);
  expect(summed([one])).toEqual(one);
  expect(() => summed([one, { ...one, readings: [] }])).toThrow('as many readings each');
});

test('a process that ends ends the watch', async () => {
  const time = clock();
  const figures = (): Reading | null => (time.nowMs() < 5200 ? READING : null);
  const watching = watch([42], { windowMs: 1000, signal, figures, counters, ...time });
  await expect(watching).rejects.toThrow('process 42 cannot be read');
});

test('an abort ends the real wait', async () => {
  const controller = new AbortController();
  const watching = watch([1], {
    windowMs: 60_000,
    signal: controller.signal,
    figures: () => READING,
    counters,
  });
  controller.abort();
  await expect(watching).rejects.toThrow(/abort/i);
});
