import { describe, expect, test } from 'vitest';
import type { Reading } from '../../../bench/process-figures.ts';
import { type Subject, watch } from '../../../bench/watch.ts';

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

const each = (...pids: number[]): Subject[] => pids.map((pid) => ({ pids: [pid] }));
const { signal } = new AbortController();
const counters = () => ({ cpuTicks: 0, minorFaults: 0 });

test('a sample each 100 ms; counters of the window only', async () => {
  const time = clock();
  const growing = (pid: number) => {
    const ms = time.nowMs() - 5000;
    return { cpuTicks: pid * 1000 + ms / 10, minorFaults: pid + 2 * ms };
  };
  const found = await watch(each(1, 2), { windowMs: 350, signal, figures: () => READING, counters: growing, ...time });
  expect(time.waits).toEqual([100, 100, 100, 50]);
  const readings = [READING, READING, READING, READING];
  const counted = { cpuTicks: 35, minorFaults: 700, elapsedMs: 350 };
  const one = { readings, atMs: [0, 100, 200, 300], ...counted, processes: 1, endedAtMs: null };
  expect(found).toEqual([one, one]);
});

test('a late sample does not move the next ones', async () => {
  const time = clock(30);
  await watch(each(1), { windowMs: 300, signal, figures: () => READING, counters, ...time });
  expect(time.waits).toEqual([100, 70, 70]);
});

test('another cadence is kept as well', async () => {
  const time = clock();
  await watch(each(1), { windowMs: 2500, sampleMs: 1000, signal, figures: () => READING, counters, ...time });
  expect(time.waits).toEqual([1000, 1000, 500]);
});

const times = (n: number): Reading => {
  return Object.fromEntries(Object.entries(READING).map(([key, value]) => [key, n * value])) as unknown as Reading;
};

test('several processes as one', async () => {
  const time = clock();
  const spending = (pid: number) => ({ cpuTicks: pid * (time.nowMs() - 5000), minorFaults: pid });
  const options = { windowMs: 100, signal, figures: () => READING, counters: spending, ...time };
  const [found] = await watch([{ pids: [1, 2, 3] }], options);
  expect(found).toMatchObject({ readings: [times(3)], processes: 3, cpuTicks: 600, minorFaults: 0 });
});

describe('one that may end', () => {
  const both: Subject[] = [{ pids: [1] }, { pids: [2, 3], mayEnd: true }];

  test('is told, and the others are watched to the end', async () => {
    const time = clock();
    const figures = (pid: number): Reading | null => (pid === 3 && time.nowMs() >= 5200 ? null : READING);
    const found = await watch(both, { windowMs: 400, signal, figures, counters, ...time });
    expect(found.map(({ readings, endedAtMs }) => [readings.length, endedAtMs])).toEqual([
      [4, null],
      [2, 200],
    ]);
  });

  test.each([
    ['before the window', 5000, 0, 0],
    ['after the last sample', 5400, 4, 400],
  ])('%s', async (_, goneMs, samples, endedAtMs) => {
    const time = clock();
    const read =
      <T>(value: T) =>
      (pid: number) =>
        pid > 1 && time.nowMs() >= goneMs ? null : value;
    const options = { windowMs: 400, signal, figures: read(READING), counters: read(counters()), ...time };
    const [first, second] = await watch(both, options);
    expect([first?.readings.length, first?.endedAtMs]).toEqual([4, null]);
    expect([second?.readings.length, second?.endedAtMs, second?.cpuTicks]).toEqual([samples, endedAtMs, 0]);
  });
});

describe('processes that a program starts', () => {
  const second = 1000;
  /** 1 starts 2 at once, 3 and its child 4 after a second; 9 does not count, nor what it starts. 2 ends in the third. */
  function growing() {
    const time = clock();
    const at = () => time.nowMs() - 5000;
    const lives = (pid: number) => (pid === 2 ? at() < 2 * second : pid < 3 || at() >= second);
    const started: [number, number[]][] = [
      [1, [2, 3, 9]],
      [3, [4]],
      [9, [10]],
    ];
    const tree = () => new Map(started.map(([pid, children]) => [pid, children.filter(lives)]));
    return { time, at, lives, tree };
  }
  const program: Subject = { pids: [1], counts: (pid) => pid !== 9 };

  test('count from when they are seen, and those that end no more', async () => {
    const { time, lives, tree } = growing();
    const figures = (pid: number): Reading | null => (lives(pid) ? READING : null);
    const options = { windowMs: 3 * second, sampleMs: second, signal, figures, counters, tree, ...time };
    const [found] = await watch([program], options);
    expect(found?.readings).toEqual([times(2), times(4), times(3)]);
    expect(found?.processes).toBe(4);
    expect(found?.endedAtMs).toBeNull();
  });

  test('what one spent before the window does not count, nor what an ended one had', async () => {
    const { time, at, lives, tree } = growing();
    // 1 spends nothing itself; 2 had 50 and spends 10 more, all of it with 1 once it has ended; 3 spends 7
    const spent = (pid: number) => {
      if (!lives(pid)) return null;
      const cpuTicks = { 1: at() >= 2 * second ? 60 : 0, 2: 50 + at() / 200, 3: 7 }[pid] ?? 0;
      return { cpuTicks, minorFaults: pid === 1 ? 100 + at() / 100 : pid };
    };
    const options = { windowMs: 3 * second, signal, figures: () => READING, counters: spent, tree, ...time };
    const [found] = await watch([program], options);
    expect(found?.cpuTicks).toBe(10 + 7);
    expect(found?.minorFaults).toBe(30 + 3 + 4);
  });

  test('are not looked for where none counts', async () => {
    const tree = () => {
      throw new Error('was asked');
    };
    const options = { windowMs: 2 * second, signal, figures: () => READING, counters, tree, ...clock() };
    const [found] = await watch(each(1), options);
    expect(found?.processes).toBe(1);
  });
});

test('one that ends and may not ends the watch', async () => {
  const time = clock();
  const figures = (): Reading | null => (time.nowMs() < 5200 ? READING : null);
  const watching = watch(each(42), { windowMs: 1000, signal, figures, counters, ...time });
  await expect(watching).rejects.toThrow('process 42 cannot be read');
});

test('an abort ends the real wait', async () => {
  const controller = new AbortController();
  const watching = watch(each(1), {
    windowMs: 60_000,
    signal: controller.signal,
    figures: () => READING,
    counters,
  });
  controller.abort();
  await expect(watching).rejects.toThrow(/abort/i);
});
