import { expect, test } from 'vitest';
import { requireHeartbeats } from '../../../bench/resting-daemon.ts';

test.each([
  { answered: 2, windowMs: 180_000, intervalMs: null },
  { answered: 1, windowMs: 9000, intervalMs: 4000 },
  { answered: 0, windowMs: 9000, intervalMs: 9000 },
])('$answered in $windowMs ms, each $intervalMs, will do', ({ answered, windowMs, intervalMs }) => {
  expect(() => requireHeartbeats(answered, windowMs, intervalMs)).not.toThrow();
});

test('a daemon that has gone silent is none at rest', () => {
  expect(() => requireHeartbeats(1, 180_000, null)).toThrow(
    '1 heartbeats were answered in 180 s, at least 2 were to be',
  );
});
