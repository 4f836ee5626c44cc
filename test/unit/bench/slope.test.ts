import { expect, test } from 'vitest';
import { blockFloors, slopeOf } from '../../../bench/slope.ts';

const HOUR = 3_600_000;

test('a straight line has its slope and no error', () => {
  const { perHour, errorPerHour, points } = slopeOf([0, 1, 2, 3].map((n) => ({ atMs: n * HOUR, value: 5 + 7 * n })));
  expect(points).toBe(4);
  expect(perHour).toBeCloseTo(7, 9);
  expect(errorPerHour).toBeCloseTo(0, 9);
});

test('the standard error is that of the textbook', () => {
  // x 0..3, y 1 3 2 5: slope 1.1, residual sum of squares 2.7, spread 5
  const { perHour, errorPerHour } = slopeOf([1, 3, 2, 5].map((value, n) => ({ atMs: n * HOUR, value })));
  expect(perHour).toBeCloseTo(1.1, 9);
  expect(errorPerHour).toBeCloseTo(Math.sqrt(2.7 / 2 / 5), 9);
});

test('two points have no error', () => {
  expect(() => slopeOf([1, 2].map((value) => ({ atMs: value, value })))).toThrow(RangeError);
});

test('a block has its least at its middle; one that is not whole is left out', () => {
  const samples = [1, 2, 90, 4, 5, 6, 7].map((value, at) => ({ atMs: at * 10, value }));
  expect(blockFloors(samples, 30, 69)).toEqual([
    { atMs: 15, value: 1 },
    { atMs: 45, value: 4 },
  ]);
});
