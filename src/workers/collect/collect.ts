/**
 * Runs the collectors that were asked for, side by side. Each has an outcome of its own: one that fails says so in
 * it (D5001), keeps the state that came in, and touches no other.
 */
import type { CollectOutcome, CollectTask } from '../../shared/contracts/jobs.ts';
import { DaemonError } from '../../shared/errors/daemon-error.ts';
import { toWire } from '../../shared/errors/wire.ts';
import { type CollectContext, type Collector, hostContext } from './context.ts';
import { collectCpu } from './cpu.ts';
import { collectDisk } from './disk.ts';
import { collectMemory } from './memory.ts';
import { collectNetwork } from './network.ts';
import { collectPlugin } from './plugin.ts';

export type CollectorTable = Record<string, Collector>;

const elsewhere: Collector = async (task, context) => {
  const { collectElsewhere } = await import('./other-systems.ts');
  return collectElsewhere(task, context);
};

/** The four of this system. */
export function builtInCollectors(platform: NodeJS.Platform = process.platform): CollectorTable {
  if (platform !== 'linux') return { cpu: elsewhere, memory: elsewhere, disk: elsewhere, network: elsewhere };
  return {
    cpu: (task, context) => collectCpu(task, context),
    memory: collectMemory,
    disk: (task, context) => collectDisk(task, context),
    network: collectNetwork,
  };
}

function collectorFor(task: CollectTask, table: CollectorTable): Collector {
  const { name, plugin } = task;
  if (plugin) return () => collectPlugin(name, plugin, task.state);
  const collector = Object.hasOwn(table, name) ? table[name] : undefined;
  if (!collector) throw new DaemonError('D5001', `there is no collector ${name}`);
  return collector;
}

async function runOne(task: CollectTask, context: CollectContext, table: CollectorTable): Promise<CollectOutcome> {
  const { name } = task;
  const startedMs = context.nowMs();
  const timestampMs = context.wallMs();
  try {
    const { values, state, problem } = await collectorFor(task, table)(task, context);
    const durationMs = context.nowMs() - startedMs;
    const sample = values && { collector: name, timestampMs, durationMs, values };
    return { name, state, sample, error: problem && toWire(problem), durationMs };
  } catch (error) {
    const known = error instanceof DaemonError && error.code === 'D5001';
    const failure = known ? error : new DaemonError('D5001', `collector ${name} failed`, { cause: error });
    const durationMs = context.nowMs() - startedMs;
    return { name, state: task.state, sample: null, error: toWire(failure), durationMs };
  }
}

/** One outcome a task, in order. Never rejects. */
export function collect(
  tasks: CollectTask[],
  context: CollectContext = hostContext(),
  table: CollectorTable = builtInCollectors(),
): Promise<CollectOutcome[]> {
  return Promise.all(tasks.map((task) => runOne(task, context, table)));
}
