import { describe, expect, test } from 'vitest';
import type { HistoryPoint } from '../../../src/shared/contracts/status-page.ts';
import { curve, topOf } from '../../../src/status-page/curves.ts';

const NOW = 1_700_000_000_000;
const HALF_AN_HOUR = NOW - 1_800_000;

describe('curve', () => {
  test('now is on the right, an hour ago on the left, the top above', () => {
    const points: HistoryPoint[] = [
      [NOW - 3_600_000, 0],
      [HALF_AN_HOUR, 50],
      [NOW, 100],
    ];
    const { line, area, latest, highest } = curve(points, 0, NOW, 100);
    expect(line).toBe('M0 120L300 60L600 0');
    expect(area).toBe('M0 120L300 60L600 0L600 120L0 120Z');
    expect([latest, highest]).toEqual([100, 100]);
  });

  test('has a gap where nothing was collected for a while', () => {
    const minute = 60_000;
    const points = [20, 19, 18, 10, 9].map((ago): HistoryPoint => [NOW - ago * minute, 1]);
    expect(curve(points, 0, NOW, 1).line.match(/M/g)).toHaveLength(2);
  });

  test('passes over figures that are missing; what is beyond the top stays at the edge', () => {
    const points: HistoryPoint[] = [
      [HALF_AN_HOUR, 1, null],
      [NOW, 2, 500],
    ];
    expect(curve(points, 1, NOW, 100)).toMatchObject({ line: 'M600 0L600 0', latest: 500, highest: 500 });
    expect(curve([], 0, NOW, 100)).toEqual({ line: '', area: '', latest: null, highest: null });
    expect(curve([[NOW, null]], 0, NOW, 100).line).toBe('');
  });
});

test.each([
  [[], 1],
  [[0], 1],
  [[3], 5],
  [[5], 5],
  [[5.01], 10],
  [[0.03, 0.2], 0.2],
  [[1.2e9], 2e9],
])('the top of %j is %d', (figures, top) => {
  const points = figures.map((figure, index): HistoryPoint => [index, figure]);
  expect(topOf(points, [0])).toBeCloseTo(top);
});
