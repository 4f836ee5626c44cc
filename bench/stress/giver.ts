/**
 * A thread that does nothing but give pages back, each 5 ms whatever the others are at: the main thread, which is the
 * one to do it in the daemon, is seldom free so soon under full load.
 */
import { Worker } from 'node:worker_threads';
import { loadNative } from '../../src/main/footprint/native.ts';

export interface GiverOrder {
  bundles: string;
  /** As the native calls take them. */
  pairs: BigUint64Array;
  /** Shared, of three: whether to stop, how often it was done, how many ranges were refused. */
  state: Int32Array;
}

const [STOP, DONE, REFUSED, LENGTH] = [0, 1, 2, 3] as const;
export const GIVE_BACK_EVERY_MS = 5;

/** In the thread. Rejects with an Error where nothing can be given back. */
export async function giveBackUntilStopped(
  { bundles, pairs, state }: GiverOrder,
  load: typeof loadNative = loadNative,
): Promise<void> {
  const { native, why } = await load(bundles);
  if (!native) throw new Error(`a thread cannot give back: ${why}`);
  let dueMs = performance.now() + GIVE_BACK_EVERY_MS;
  while (Atomics.wait(state, STOP, 0, Math.max(0, dueMs - performance.now())) === 'timed-out') {
    dueMs = Math.max(performance.now(), dueMs + GIVE_BACK_EVERY_MS);
    Atomics.add(state, REFUSED, native.calls.giveBack(pairs));
    Atomics.add(state, DONE, 1);
  }
}

export interface Giver {
  /** Ends the thread, and gives how often it gave back. Throws where the kernel refused, or the thread failed. */
  stop(): Promise<number>;
}

/** `program`: a bundle that calls giveBackUntilStopped() with its workerData. `onFailed` is called at most once. */
export function startGiver(
  program: string,
  { bundles, pairs }: Omit<GiverOrder, 'state'>,
  onFailed: (error: Error) => void,
): Giver {
  const state = new Int32Array(new SharedArrayBuffer(LENGTH * Int32Array.BYTES_PER_ELEMENT));
  const workerData: GiverOrder = { bundles, pairs, state };
  const worker = new Worker(program, { workerData, execArgv: [], env: {} });
  const ended = new Promise<void>((resolve, reject) => {
    worker.once('error', reject);
    worker.once('exit', () => resolve());
  });
  ended.catch(onFailed);
  return {
    async stop() {
      Atomics.store(state, STOP, 1);
      Atomics.notify(state, STOP);
      await ended;
      const refused = Atomics.load(state, REFUSED);
      if (refused > 0) throw new Error(`the kernel refused ${refused} ranges to a thread`);
      return Atomics.load(state, DONE);
    },
  };
}
