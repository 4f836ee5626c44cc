import { expect, test } from 'vitest';
import { type Collect, collected, fullReport } from '../../../bench/collections.ts';
import { COLLECTORS } from '../../../bench/collectors.ts';
import type { CollectTask } from '../../../src/shared/contracts/jobs.ts';
import { toWire } from '../../../src/shared/errors/wire.ts';
import { collect as readHere } from '../../../src/workers/collect/collect.ts';

test("each collector is given the last run's counters, all of them through the same call", async () => {
  const calls: CollectTask[][] = [];
  const counts: Collect = async (tasks) => {
    calls.push(tasks);
    return tasks.map(({ name, state }) => {
      return { name, state: Number(state) + 1, sample: null, error: null, durationMs: 1 };
    });
  };
  const states = new Map<string, unknown>();
  const first = await collected(['cpu', 'disk'], states, counts);
  await collected(['cpu'], states, counts);
  await collected(['cpu', 'disk'], states, counts);
  expect(first.tookMs).toBeGreaterThanOrEqual(0);
  expect(first.outcomes.map(({ name }) => name)).toEqual(['cpu', 'disk']);
  expect(calls.map((tasks) => tasks.map(({ state }) => state))).toEqual([[null, null], [1], [2, 1]]);
});

test.each([
  { sample: null, fails: true },
  { sample: { collector: 'disk', timestampMs: 1, durationMs: 1, values: {} }, fails: false },
])('a failure without a sample is one of the measurement: $fails', async ({ sample, fails }) => {
  const error = toWire(new Error('no such mount'));
  const part = { name: 'disk', state: null, sample, error, durationMs: 1 } as Awaited<ReturnType<Collect>>[number];
  const run = collected(['disk'], new Map(), async () => [part]);
  if (fails) await expect(run).rejects.toThrow('collector disk failed');
  else await expect(run).resolves.toMatchObject({ outcomes: [part] });
});

test('a full report has a part of each collector of this host', async () => {
  const metrics = await fullReport(AbortSignal.timeout(10_000), (tasks) => readHere(tasks));
  expect(metrics.map(({ type }) => type)).toEqual(COLLECTORS);
  expect(metrics.every(({ values }) => values.size > 0)).toBe(true);
});

test('a collector without a sample after its starting counters makes no full report', async () => {
  const none: Collect = async (tasks) => (await readHere(tasks)).map((part) => ({ ...part, sample: null }));
  await expect(fullReport(AbortSignal.timeout(10_000), none)).rejects.toThrow('a full report has cpu, memory');
});
