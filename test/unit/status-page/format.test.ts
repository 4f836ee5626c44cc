import { describe, expect, test } from 'vitest';
import { bytes, clipped, duration, percent, perSecond } from '../../../src/status-page/format.ts';

describe('figures', () => {
  test.each([
    [0, '0 B'],
    [999, '999 B'],
    [999.6, '1.00 KB'],
    [1000, '1.00 KB'],
    [14_200_000, '14.2 MB'],
    [999_600, '1.00 MB'],
    [123_456_789, '123 MB'],
    [2 ** 60, '1153 PB'],
    [null, '–'],
    [undefined, '–'],
  ])('%s bytes are %s', (count, text) => {
    expect(bytes(count)).toBe(text);
  });

  test('rates and shares', () => {
    expect([perSecond(1500), perSecond(null), percent(12.34), percent(null)]).toEqual([
      '1.50 KB/s',
      '–',
      '12.3 %',
      '–',
    ]);
  });
});

test.each([
  [-5, '0 s'],
  [999, '0 s'],
  [61_000, '1 min 1 s'],
  [3_600_000, '1 h'],
  [3_605_000, '1 h'],
  [90_061_000, '1 d 1 h'],
  [400 * 86_400_000, '400 d'],
])('%s ms last %s', (ms, text) => {
  expect(duration(ms)).toBe(text);
});

test('long texts are cut between letters, never within one', () => {
  expect(clipped('short')).toBe('short');
  expect(clipped('x'.repeat(401))).toBe(`${'x'.repeat(400)}…`);
  expect(clipped('😀'.repeat(500))).toBe(`${'😀'.repeat(400)}…`);
});
