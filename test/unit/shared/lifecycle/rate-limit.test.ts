import { describe, expect, test } from 'vitest';
import { RateLimit } from '../../../../src/shared/lifecycle/rate-limit.ts';

/** How many of so many pass at that moment. */
const passing = (limit: RateLimit, nowMs: number, asked = 100): number =>
  Array.from({ length: asked }, () => limit.take(nowMs)).filter(Boolean).length;

describe('RateLimit', () => {
  test('lets so many through at once, then so many a second', () => {
    const limit = new RateLimit(10, 30);
    expect(passing(limit, 5000)).toBe(30);
    expect(passing(limit, 5000)).toBe(0);
    expect(passing(limit, 5500)).toBe(5);
    expect(passing(limit, 5550)).toBe(0);
    expect(passing(limit, 5600)).toBe(1);
  });

  test('saves up no more than it lets through at once', () => {
    const limit = new RateLimit(10, 30);
    passing(limit, 0);
    expect(passing(limit, 3_600_000)).toBe(30);
  });

  test('a clock that stands still or goes back gives nothing', () => {
    const limit = new RateLimit(10, 1);
    expect(limit.take(1000)).toBe(true);
    expect(limit.take(500)).toBe(false);
    expect(limit.take(599)).toBe(false);
    expect(limit.take(601)).toBe(true);
  });
});
