import { expect, test } from 'vitest';
import { fitLine } from '../../../bench/line.ts';

test('the line of least squares', () => {
  const through = [
    [1, 5],
    [3, 9],
  ] as const;
  expect(fitLine(through)).toEqual({ slope: 2, intercept: 3 });
  const { slope, intercept } = fitLine([
    [0, 1],
    [1, 3],
    [2, 2],
  ]);
  expect(slope).toBeCloseTo(0.5);
  expect(intercept).toBeCloseTo(1.5);
});

test('no line through one place, or nothing', () => {
  const above = [
    [1, 5],
    [1, 6],
  ] as const;
  expect(() => fitLine(above)).toThrow(RangeError);
  expect(() => fitLine([])).toThrow(RangeError);
});
