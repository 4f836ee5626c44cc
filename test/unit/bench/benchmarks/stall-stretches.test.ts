import { expect, test } from 'vitest';
import { compareStretches } from '../../../../bench/benchmarks/stall-stretches.ts';
import { WARM_UP_CALLS } from '../../../../bench/manager-calls.ts';

const SETTINGS = { stretches: 3, callsInStretch: 4, pauseMs: 0 };
const NEVER = new AbortController().signal;
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test('idle and busy stretches in turn, work in the busy ones only', async () => {
  let [calls, working] = [0, 0];
  const seen: boolean[] = [];
  const call = async (): Promise<void> => {
    if (calls++ >= WARM_UP_CALLS) seen.push(working > 0);
    await turn();
  };
  const work = async (): Promise<void> => {
    working++;
    for (let n = 0; n < 10; n++) await turn();
    working--;
  };
  const { idle, busy, done } = await compareStretches(call, [work, work], SETTINGS, NEVER);
  const four = (busyOnes: boolean): boolean[] => Array.from({ length: 4 }, () => busyOnes);
  expect(seen).toEqual([1, 2, 3].flatMap(() => [...four(false), ...four(true)]));
  expect([idle, busy].map(({ heartbeat }) => heartbeat.n)).toEqual([12, 12]);
  expect(done.every((count) => count >= 3)).toBe(true);
  expect(working).toBe(0);
});

test('work that fails ends it, and a call that fails too', async () => {
  let done = 0;
  const failing = async (): Promise<void> => {
    await turn();
    if (++done > 1) throw new Error('the work failed');
  };
  await expect(compareStretches(turn, [failing], SETTINGS, NEVER)).rejects.toThrow('the work failed');
  const refused = (): Promise<void> => Promise.reject(new Error('the call failed'));
  await expect(compareStretches(refused, [turn], SETTINGS, NEVER)).rejects.toThrow('the call failed');
});

test('an interruption ends it', async () => {
  const controller = new AbortController();
  const compared = compareStretches(turn, [turn], { ...SETTINGS, callsInStretch: 1e9 }, controller.signal);
  controller.abort(new Error('interrupted'));
  await expect(compared).rejects.toThrow();
});
