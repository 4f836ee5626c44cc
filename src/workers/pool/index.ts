/** The bundle of the logs' tasks: one exported function a kind. */
import type { PoolApi } from '../../shared/contracts/pool-tasks.ts';
import { task } from '../answer.ts';
import { compressFile } from './compress.ts';
import { moveLogHead } from './move-head.ts';

export const compress: PoolApi['compress'] = task<'compress'>((input) => compressFile(input));
export const moveHead: PoolApi['moveHead'] = task<'moveHead'>((input) => moveLogHead(input));
