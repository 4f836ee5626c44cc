import { describe, expect, test } from 'vitest';
import { earliestDue, type PlannedCollector, takeDue } from '../../../../src/main/metrics/collection-plan.ts';

const planned = (name: string, dueMs: number, over: Partial<PlannedCollector> = {}): PlannedCollector => ({
  name,
  intervalMs: 60_000,
  dueMs,
  running: false,
  skipped: 0,
  ...over,
});

describe('takeDue', () => {
  test('takes together what falls due within a quarter of a second, and leaves the rest', () => {
    const { due, plan } = takeDue([planned('a', 1000), planned('b', 1250), planned('c', 1251)], 1000);
    expect(due).toEqual(['a', 'b']);
    expect(plan).toEqual([
      planned('a', 61_000, { running: true }),
      planned('b', 61_250, { running: true }),
      planned('c', 1251),
    ]);
  });

  test('one that still runs is skipped and counted, its cadence kept', () => {
    const { due, plan } = takeDue([planned('a', 1000, { running: true, skipped: 2 })], 1500);
    expect(due).toEqual([]);
    expect(plan).toEqual([planned('a', 61_000, { running: true, skipped: 3 })]);
  });

  test('runs that were missed are counted, never made up for', () => {
    const { due, plan } = takeDue([planned('a', 1000)], 1000 + 10 * 60_000);
    expect(due).toEqual(['a']);
    expect(plan[0]).toMatchObject({ dueMs: 1000 + 11 * 60_000, skipped: 10 });
  });
});

test('earliestDue', () => {
  expect(earliestDue([planned('a', 7), planned('b', 5)])).toBe(5);
  expect(earliestDue([])).toBe(Number.POSITIVE_INFINITY);
});
