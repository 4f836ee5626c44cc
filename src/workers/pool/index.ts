/** The pool's bundle: one exported function a kind of task. Nothing rejects: errors go back as data. */
import type { PoolAnswer, PoolApi, PoolTaskKind, PoolTasks } from '../../shared/contracts/pool-tasks.ts';
import { toWire } from '../../shared/errors/wire.ts';
import { compressFile } from './compress.ts';
import { moveLogHead } from './move-head.ts';

async function answer<K extends PoolTaskKind>(
  work: () => PoolTasks[K]['output'] | Promise<PoolTasks[K]['output']>,
): Promise<PoolAnswer<K>> {
  try {
    return { output: await work() };
  } catch (error) {
    return { error: toWire(error) };
  }
}

export const compress: PoolApi['compress'] = (input) => answer<'compress'>(() => compressFile(input));
export const moveHead: PoolApi['moveHead'] = (input) => answer<'moveHead'>(() => moveLogHead(input));
