import { expect, test } from 'vitest';
import { DaemonError } from '../../../../src/shared/errors/daemon-error.ts';
import { builtInCollectors, type CollectorTable, collect } from '../../../../src/workers/collect/collect.ts';
import { hostContext } from '../../../../src/workers/collect/context.ts';
import { waitFor } from '../../../support/wait-until.ts';
import { fixtureContext, task } from './support.ts';

test('one that fails keeps its state and touches no other', async () => {
  const table: CollectorTable = {
    well: () => ({ values: { a: 1 }, state: 'next', problem: null }),
    partly: () => ({ values: { a: 2 }, state: 'next', problem: new DaemonError('D5001', 'half of it') }),
    throws: () => {
      throw new TypeError('broken');
    },
    rejects: async () => {
      throw new DaemonError('D5001', 'said so', { retryable: true });
    },
  };
  const names = ['throws', 'well', 'rejects', 'partly', 'unknown', 'constructor'];
  const outcomes = await collect(
    names.map((name) => task(name, 'before')),
    fixtureContext(''),
    table,
  );
  expect(outcomes.map(({ name, state }) => [name, state])).toEqual([
    ['throws', 'before'],
    ['well', 'next'],
    ['rejects', 'before'],
    ['partly', 'next'],
    ['unknown', 'before'],
    ['constructor', 'before'],
  ]);
  const [throws, well, rejects, partly, unknown, inherited] = outcomes;
  expect(well).toMatchObject({
    sample: { collector: 'well', timestampMs: 1_700_000_000_000, values: { a: 1 } },
    error: null,
  });
  expect(throws).toMatchObject({
    sample: null,
    error: { code: 'D5001', message: 'collector throws failed', cause: { message: 'broken' } },
  });
  expect(rejects).toMatchObject({ sample: null, error: { code: 'D5001', message: 'said so', retryable: true } });
  expect(partly).toMatchObject({ sample: { values: { a: 2 } }, error: { code: 'D5001', message: 'half of it' } });
  expect(unknown?.error).toMatchObject({ code: 'D5001', message: 'there is no collector unknown' });
  expect(inherited?.error?.code).toBe('D5001');
});

test('the collectors run side by side', async () => {
  const running = new Set<string>();
  const meets = (own: string) => async () => {
    running.add(own);
    await waitFor(() => running.size === 2, { what: 'the other collector' });
    return { values: {}, state: null, problem: null };
  };
  const outcomes = await collect([task('a'), task('b')], fixtureContext(''), { a: meets('a'), b: meets('b') });
  expect(outcomes.map((outcome) => outcome.error)).toEqual([null, null]);
});

test('durations go by the monotonic clock', async () => {
  let now = 0;
  const context = fixtureContext('', 0, { nowMs: () => (now += 5) });
  const [outcome] = await collect([task('a')], context, { a: () => ({ values: {}, state: 0, problem: null }) });
  expect(outcome).toMatchObject({ durationMs: 5, sample: { durationMs: 5 } });
});

test('all four on this host: no error, a sample each at the second run', async (context) => {
  if (process.platform !== 'linux') return context.skip('not Linux');
  const here = { ...hostContext(), answerMs: 10_000 };
  const names = ['cpu', 'memory', 'disk', 'network'];
  const tasks = names.map((name) => task(name, null, { mountPoints: ['/'] }));
  const first = await collect(tasks, here);
  expect(first.map(({ name, sample, error }) => [name, sample !== null, error])).toEqual([
    ['cpu', false, null],
    ['memory', true, null],
    ['disk', false, null],
    ['network', false, null],
  ]);
  const next = tasks.map((each, index) => ({ ...each, state: structuredClone(first[index]?.state) }));
  const second = await collect(next, here);
  expect(second.map(({ sample, error }) => [sample !== null, error])).toEqual(names.map(() => [true, null]));
});

test('there are the same four on every system', () => {
  const four = ['cpu', 'disk', 'memory', 'network'];
  expect(Object.keys(builtInCollectors('linux')).sort()).toEqual(four);
  expect(Object.keys(builtInCollectors('darwin')).sort()).toEqual(four);
});
