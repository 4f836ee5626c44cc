import { expect, test } from 'vitest';
import { backoffMs } from '../../../../src/shared/lifecycle/backoff.ts';

const LIMITS = { baseMs: 100, maxMs: 1000 };

test('is drawn between the base and a bound that doubles up to the longest', () => {
  expect([1, 2, 3, 4, 99].map((n) => backoffMs(n, LIMITS, () => 1))).toEqual([200, 400, 800, 1000, 1000]);
  expect([1, 4].map((n) => backoffMs(n, LIMITS, () => 0))).toEqual([100, 100]);
  expect(backoffMs(4, LIMITS, () => 0.5)).toBe(550);
});

test.each([
  [{ ...LIMITS, multiplier: 3 }, [300, 900, 1000]],
  [{ ...LIMITS, multiplier: 1 }, [100, 100, 100]],
  [{ ...LIMITS, multiplier: 1.5 }, [150, 225, 1000]],
  [{ baseMs: 0, maxMs: 1000 }, [0, 0, 0]],
  [{ baseMs: 100, maxMs: 50 }, [100, 100, 100]],
])('%j', (limits, expected) => {
  expect([1, 2, Number.MAX_SAFE_INTEGER].map((n) => backoffMs(n, limits, () => 1))).toEqual(expected);
});
