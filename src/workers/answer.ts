/** What every bundle of the pool has in common: errors go back as data, progress through a port of its own. */
import type {
  PoolAnswer,
  PoolCall,
  PoolTaskKind,
  PoolTasks,
  TaskContext,
  TaskProgress,
} from '../shared/contracts/pool-tasks.ts';
import { toWire } from '../shared/errors/wire.ts';

type Work<K extends PoolTaskKind> = (
  input: PoolTasks[K]['input'],
  context: TaskContext,
) => PoolTasks[K]['output'] | Promise<PoolTasks[K]['output']>;

const PROGRESS_INTERVAL_MS = 200;

/** A task as the pool calls it. Never rejects. */
export function task<K extends PoolTaskKind>(work: Work<K>): (call: PoolCall<K>) => Promise<PoolAnswer<K>> {
  return async ({ input, port }) => {
    let toldMs = Number.NEGATIVE_INFINITY;
    const progress = (now: TaskProgress): void => {
      if (!port || performance.now() - toldMs < PROGRESS_INTERVAL_MS) return;
      toldMs = performance.now();
      port.postMessage(now);
    };
    try {
      return { output: await work(input, { progress }) };
    } catch (error) {
      return { error: toWire(error) };
    } finally {
      port?.close();
    }
  };
}
