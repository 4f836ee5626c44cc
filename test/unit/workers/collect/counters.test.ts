import { describe, expect, test } from 'vitest';
import { counterDelta, parseCount } from '../../../../src/workers/collect/counters.ts';

describe('counterDelta', () => {
  test.each<[string, bigint, bigint, bigint]>([
    ['grows', 10n, 25n, 15n],
    ['stands still', 10n, 10n, 0n],
    ['grows beyond 2^53', 2n ** 60n, 2n ** 60n + 17n, 17n],
    ['wraps at 32 bits', 4_294_967_000n, 704n, 1000n],
    ['wraps at 64 bits', 2n ** 64n - 5n, 10n, 15n],
    ['begins again from the middle of 32 bits', 3_000_000n, 400n, 400n],
    ['begins again from just below the last quarter of 32 bits', 3n * 2n ** 30n - 1n, 400n, 400n],
    ['begins again above the first quarter of 32 bits', 2n ** 32n - 1n, 2n ** 30n, 2n ** 30n],
    ['begins again from above 32 bits', 2n ** 40n, 400n, 400n],
    ['begins again at zero', 99n, 0n, 0n],
  ])('%s', (_, previous, current, expected) => {
    expect(counterDelta(previous, current)).toBe(expected);
  });
});

describe('parseCount', () => {
  test.each<[string | undefined, bigint | null]>([
    ['0', 0n],
    ['18446744073709551615', 18_446_744_073_709_551_615n],
    ['', null],
    ['-1', null],
    ['1.5', null],
    ['12x', null],
    [undefined, null],
  ])('%s', (text, expected) => {
    expect(parseCount(text)).toBe(expected);
  });
});
