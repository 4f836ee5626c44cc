/** Which processes come from which, by what the kernel says of their parents. */
import { readdirSync } from 'node:fs';
import { isAlive, readStat } from '../src/shared/platform/proc.ts';

/** Pid → those that it started and that live. */
export type ProcessTree = ReadonlyMap<number, readonly number[]>;

/** Reads the stat of each process that there is. */
export function readProcessTree(procRoot = '/proc'): ProcessTree {
  const tree = new Map<number, number[]>();
  for (const name of readdirSync(procRoot)) {
    const stat = /^\d+$/.test(name) ? readStat(Number(name), procRoot) : null;
    if (!isAlive(stat)) continue;
    const siblings = tree.get(stat.parentPid);
    if (siblings) siblings.push(stat.pid);
    else tree.set(stat.parentPid, [stat.pid]);
  }
  return tree;
}

/** Those below `pid` that count, each once. What does not count hides what is below it. Pure. */
export function descendants(tree: ProcessTree, pid: number, counts: (pid: number) => boolean): number[] {
  return (tree.get(pid) ?? []).filter(counts).flatMap((child) => [child, ...descendants(tree, child, counts)]);
}
