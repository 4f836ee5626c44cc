import { expect, test } from 'vitest';
import { requireHeartbeats } from '../../../bench/resting-daemon.ts';

test.each([
  { answered: 2, windowMs: 180_000, intervalMs: null },
  { answered: 1, windowMs: 9000, intervalMs: 4000 },
  { answered: 4, windowMs: 9000, intervalMs: 4000 },
  { answered: 0, windowMs: 9000, intervalMs: 9000 },
])('$answered in $windowMs ms, each $intervalMs, will do', ({ answered, windowMs, intervalMs }) => {
  expect(() => requireHeartbeats(answered, windowMs, intervalMs)).not.toThrow();
});

test('a daemon with other intervals is not the one that was to be measured', () => {
  expect(() => requireHeartbeats(7, 180_000, null)).toThrow(
    '7 heartbeats were answered in 180 s, at most 6 were to be',
  );
});

test('a daemon that has gone silent is none at rest', () => {
  expect(() => requireHeartbeats(1, 180_000, null)).toThrow(
    '1 heartbeats were answered in 180 s, at least 2 were to be',
  );
});
