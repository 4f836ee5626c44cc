import { describe, expect, test } from 'vitest';
import { nextRun } from '../../../../src/main/metrics/next-run.ts';

describe('nextRun', () => {
  test.each([
    [1000, 60_000, 1000, { dueMs: 61_000, skipped: 0 }],
    [1000, 60_000, 60_999, { dueMs: 61_000, skipped: 0 }],
    [1000, 60_000, 61_000, { dueMs: 121_000, skipped: 1 }],
    [1000, 60_000, 1000 + 10 * 60_000 + 5, { dueMs: 1000 + 11 * 60_000, skipped: 10 }],
  ])('due %d, every %d, now %d', (dueMs, intervalMs, nowMs, expected) => {
    expect(nextRun(dueMs, intervalMs, nowMs)).toEqual(expected);
  });
});
