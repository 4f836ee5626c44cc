import { expect, test } from 'vitest';
import { cpuPercent, percentile, ratio, summarise, ticksToMs } from '../../../bench/statistics.ts';

const UP_TO_TEN = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10];

test.each([
  { sorted: UP_TO_TEN, percent: 0, expected: 1 },
  { sorted: UP_TO_TEN, percent: 10, expected: 1 },
  { sorted: UP_TO_TEN, percent: 11, expected: 2 },
  { sorted: UP_TO_TEN, percent: 50, expected: 5 },
  { sorted: UP_TO_TEN, percent: 95, expected: 10 },
  { sorted: UP_TO_TEN, percent: 100, expected: 10 },
  { sorted: [7], percent: 99, expected: 7 },
])('percentile $percent of $sorted', ({ sorted, percent, expected }) => {
  expect(percentile(sorted, percent)).toBe(expected);
});

test('of nothing there is no percentile', () => {
  expect(() => percentile([], 50)).toThrow(RangeError);
});

test('a summary sorts by number and leaves its input alone', () => {
  const values = [10, 9, 100, 1];
  expect(summarise(values)).toEqual({ n: 4, min: 1, median: 9, p95: 100, p99: 100, max: 100 });
  expect(values).toEqual([10, 9, 100, 1]);
});

test('CPU use is of one core: 50 ticks of 10 ms in 2 s are a quarter', () => {
  expect(ticksToMs(50)).toBe(500);
  expect(cpuPercent(50, 2000)).toBe(25);
  expect(cpuPercent(0, 2000)).toBe(0);
  expect(() => cpuPercent(1, 0)).toThrow(RangeError);
});

test('a floor of nothing has no ratio', () => {
  expect(ratio(60, 40)).toBe(1.5);
  expect(ratio(60, 0)).toBeNull();
});
