/** Which benchmark runs with which Node, and in which order. Pure. */
import type { BenchmarkName } from './arguments.ts';
import type { NodeBinary } from './node-binary.ts';

export interface Job {
  name: BenchmarkName;
  node: NodeBinary;
  /** The peers are looked at in the same window as the daemon. */
  withPeers: boolean;
}

/** Its parts are measured in the harness's own process, whose Node is always the same; the others start the daemon, or what stands for it. */
const OF_HARNESS: readonly BenchmarkName[] = ['update'];

/** `nodes`: at least one; `own` is that of the harness. Idle and peers are one job, as they share a window. */
export function planOf(names: readonly BenchmarkName[], nodes: readonly NodeBinary[], own: NodeBinary): Job[] {
  const both = names.includes('idle') && names.includes('peers');
  return names
    .filter((name) => !(both && name === 'peers'))
    .flatMap((name) =>
      (OF_HARNESS.includes(name) ? [own] : nodes).map((node) => ({ name, node, withPeers: both && name === 'idle' })),
    );
}
