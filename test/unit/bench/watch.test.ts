import { expect, test } from 'vitest';
import type { Reading } from '../../../bench/process-figures.ts';
import { watch } from '../../../bench/watch.ts';

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

test('a sample each 100 ms; CPU time of the window only', async () => {
  const time = clock();
  const cpuTicks = (pid: number): number => pid * 1000 + (time.nowMs() - 5000) / 10;
  const found = await watch([1, 2], { windowMs: 350, signal, figures: () => READING, cpuTicks, ...time });
  expect(time.waits).toEqual([100, 100, 100, 50]);
  expect(found).toEqual([
    { readings: [READING, READING, READING, READING], cpuTicks: 35, elapsedMs: 350 },
    { readings: [READING, READING, READING, READING], cpuTicks: 35, elapsedMs: 350 },
  ]);
});

test('a late sample does not move the next ones', async () => {
  const time = clock(30);
  await watch([1], { windowMs: 300, signal, figures: () => READING, cpuTicks: () => 0, ...time });
  expect(time.waits).toEqual([100, 70, 70]);
});

test('a process that ends ends the watch', async () => {
  const time = clock();
  const figures = (): Reading | null => (time.nowMs() < 5200 ? READING : null);
  const watching = watch([42], { windowMs: 1000, signal, figures, cpuTicks: () => 0, ...time });
  await expect(watching).rejects.toThrow('process 42 cannot be read');
});

test('an abort ends the real wait', async () => {
  const controller = new AbortController();
  const watching = watch([1], {
    windowMs: 60_000,
    signal: controller.signal,
    figures: () => READING,
    cpuTicks: () => 0,
  });
  controller.abort();
  await expect(watching).rejects.toThrow(/abort/i);
});
