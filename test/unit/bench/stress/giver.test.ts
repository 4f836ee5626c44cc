import { expect, test } from 'vitest';
import { giveBackUntilStopped } from '../../../../bench/stress/giver.ts';
import type { NativeMemory } from '../../../../src/main/footprint/native.ts';

const pairs = BigUint64Array.of(0x400000n, 0x1000n);

test('gives back until it is told to stop, and counts what was refused', async () => {
  const state = new Int32Array(new SharedArrayBuffer(12));
  const giveBack = (given: BigUint64Array): number => {
    expect(given).toBe(pairs);
    if (Atomics.load(state, 1) === 2) Atomics.store(state, 0, 1);
    return 1;
  };
  const calls = { giveBack } as unknown as NativeMemory;
  await giveBackUntilStopped({ bundles: '/b', pairs, state }, async () => ({
    native: { calls, from: 'addon' },
    why: '',
  }));
  expect([...state]).toEqual([1, 3, 3]);
});

test('without the native calls it says why', async () => {
  const state = new Int32Array(new SharedArrayBuffer(12));
  const running = giveBackUntilStopped({ bundles: '/b', pairs, state }, async () => ({
    native: null,
    why: 'no addon',
  }));
  await expect(running).rejects.toThrow('a thread cannot give back: no addon');
});
