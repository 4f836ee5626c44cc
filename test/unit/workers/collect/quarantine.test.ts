import { expect, test } from 'vitest';
import { afterSilence, isQuarantined, mayAsk, retryWaitMs } from '../../../../src/workers/collect/quarantine.ts';

const MINUTE = 60_000;

test.each([
  [1, 1],
  [2, 2],
  [3, 4],
  [4, 8],
  [5, 15],
  [50, 15],
  [5000, 15],
])('after %i questions the wait is %i min', (attempts, minutes) => {
  expect(retryWaitMs(attempts)).toBe(minutes * MINUTE);
});

test('each silence counts, the first is remembered', () => {
  const first = afterSilence(undefined, { pid: 7, startTicks: 70 }, 1000);
  expect(first).toEqual({ pid: 7, startTicks: 70, sinceMs: 1000, attempts: 1, retryAtMs: 1000 + MINUTE });
  expect(afterSilence(first, { pid: 8, startTicks: 80 }, 99_000)).toEqual({
    pid: 8,
    startTicks: 80,
    sinceMs: 1000,
    attempts: 2,
    retryAtMs: 99_000 + 2 * MINUTE,
  });
});

test.each([
  ['before its time', 60_999, false, false],
  ['in time', 61_000, false, true],
  ['in time, while the last question is open', 61_000, true, false],
])('%s', (_, nowMs, asking, expected) => {
  expect(mayAsk(afterSilence(undefined, { pid: 7, startTicks: 70 }, 1000), nowMs, asking)).toBe(expected);
});

test.each([[null], [{}], [{ pid: 1, startTicks: 1, sinceMs: 1, attempts: 1 }], ['x']])('%j is none', (value) => {
  expect(isQuarantined(value)).toBe(false);
});
