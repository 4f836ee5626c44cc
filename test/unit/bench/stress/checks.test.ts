import { expect, test } from 'vitest';
import { fallen, requireEqual, samplesOf } from '../../../../bench/stress/checks.ts';
import type { CollectOutcome } from '../../../../src/shared/contracts/jobs.ts';
import { DaemonError } from '../../../../src/shared/errors/daemon-error.ts';
import { toWire } from '../../../../src/shared/errors/wire.ts';

test.each([
  { before: { a: 1, b: { c: 5n } }, after: { a: 1, b: { c: 6n } }, expected: null },
  { before: { b: { c: 5n } }, after: { b: { c: 4n } }, expected: 'b.c: 4 after 5' },
  {
    before: { cpus: { cpu0: { user: 9 } } },
    after: { cpus: { cpu0: { user: 8 } } },
    expected: 'cpus.cpu0.user: 8 after 9',
  },
  { before: { iowait: 2, idle: 2 }, after: { iowait: 1, idle: 1 }, expected: null },
  { before: { eth0: { n: 5 } }, after: { lo: { n: 1 } }, expected: null },
  { before: { eth0: { index: '3', n: 5 } }, after: { eth0: { index: '4', n: 0 } }, expected: null },
  { before: null, after: { n: 1 }, expected: null },
])('$before to $after: $expected', ({ before, after, expected }) => {
  expect(fallen(before, after)).toBe(expected);
});

const SAMPLE = { collector: 'cpu', timestampMs: 1, durationMs: 1, values: {} };
const outcome = (more: Partial<CollectOutcome>): CollectOutcome => ({
  ...{ name: 'cpu', state: { user: 5 }, sample: SAMPLE, error: null, durationMs: 1 },
  ...more,
});

test('a collection gives a sample a task, but for starting counters', () => {
  expect(samplesOf([{ name: 'cpu', state: { user: 4 } }], [outcome({})])).toEqual([SAMPLE]);
  expect(samplesOf([{ name: 'cpu', state: null }], [outcome({ sample: null })])).toEqual([]);
});

test.each([
  { says: 'gave no sample', outcomes: [outcome({ sample: null })] },
  { says: 'gave outcomes of none', outcomes: [] },
  { says: 'gave outcomes of memory', outcomes: [outcome({ name: 'memory' })] },
  { says: 'a counter of cpu fell: user: 3 after 4', outcomes: [outcome({ state: { user: 3 } })] },
  { says: 'collector cpu failed', outcomes: [outcome({ error: toWire(new DaemonError('D5001', 'torn')) })] },
])('$says', ({ says, outcomes }) => {
  expect(() => samplesOf([{ name: 'cpu', state: { user: 4 } }], outcomes)).toThrow(says);
});

test('what differs is told with what it should have been', () => {
  requireEqual('the hash', 'a', 'a');
  expect(() => requireEqual('the hash', 'b', 'a')).toThrow('the hash: b, and not a');
});
