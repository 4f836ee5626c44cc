import { expect, test } from 'vitest';
import { PingPolicy } from '../../../src/manager/ping-policy.ts';

const verdicts = (timesMs: number[]): boolean[] => {
  const policy = new PingPolicy();
  return timesMs.map((ms) => policy.ping(ms));
};

test.each([
  ['every 30 s', [0, 30_000, 60_000, 90_000, 120_000], [false, false, false, false, false]],
  ['every 20 s', [0, 20_000, 40_000, 60_000, 80_000], [false, false, false, false, false]],
  ['every 10 s: the third that is too early', [0, 10_000, 20_000, 30_000], [false, false, false, true]],
  [
    'early now and then: strikes stay',
    [0, 1, 30_000, 30_001, 60_000, 60_001],
    [false, false, false, false, false, true],
  ],
])('%s', (_, timesMs, expected) => {
  expect(verdicts(timesMs)).toEqual(expected);
});

test('what the server sends forgives', () => {
  const policy = new PingPolicy();
  for (let ms = 0; ms < 100; ms++) {
    expect(policy.ping(ms)).toBe(false);
    if (ms % 2 === 1) policy.forgive();
  }
});
