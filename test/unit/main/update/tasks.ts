/** The updates' tasks as they are, without threads between. */
import type { UpdateTasks } from '../../../../src/main/update/obtain.ts';
import type { PoolTaskKind, PoolTasks, TaskContext } from '../../../../src/shared/contracts/pool-tasks.ts';
import { downloadPackage } from '../../../../src/workers/update/download.ts';
import { inspectPackage } from '../../../../src/workers/update/inspect.ts';
import { hashKept, keep } from '../../../../src/workers/update/keep.ts';
import { place } from '../../../../src/workers/update/place.ts';
import { unpack } from '../../../../src/workers/update/unpack.ts';
import { verifyManifest } from '../../../../src/workers/update/verify-manifest.ts';
import { verifyPackage } from '../../../../src/workers/update/verify-package.ts';

type Kinds = Exclude<PoolTaskKind, 'compress' | 'moveHead'>;
type Work = { [K in Kinds]: (input: PoolTasks[K]['input'], context: TaskContext) => Promise<PoolTasks[K]['output']> };

const WORK: Work = {
  download: downloadPackage,
  inspect: inspectPackage,
  ...{ hashKept, keep, place, unpack, verifyManifest, verifyPackage },
};

export interface CalledTasks extends UpdateTasks {
  readonly calls: { kind: PoolTaskKind; input: unknown }[];
}

/** `instead`: what a kind does in place of its work. */
export function realTasks(instead: { [K in Kinds]?: Work[K] } = {}): CalledTasks {
  const calls: CalledTasks['calls'] = [];
  const work = { ...WORK, ...instead };
  return {
    calls,
    run(kind, input, { onProgress }) {
      calls.push({ kind, input });
      const task = work[kind as Kinds] as (input: unknown, context: TaskContext) => Promise<never>;
      return task(input, { progress: (progress) => onProgress?.(progress) });
    },
  };
}
