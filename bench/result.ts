/** The result of a run as one object, its file, and the lines above the tables. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Machine } from './machine.ts';
import type { BenchReport } from './report.ts';
import { TARGETS } from './targets.ts';

export interface RunFacts {
  /** Unix milliseconds, when it began. */
  startedAtMs: number;
  elapsedMs: number;
  arguments: readonly string[];
  quick: boolean;
  commit: string | null;
  machine: Machine;
  /** Of one minute, before and after. */
  load: { before: number; after: number };
}

export interface Result {
  format: 1;
  date: string;
  elapsedSeconds: number;
  arguments: readonly string[];
  quick: boolean;
  commit: string | null;
  machine: Machine;
  load: RunFacts['load'];
  targets: typeof TARGETS;
  benchmarks: Pick<BenchReport, 'name' | 'figures' | 'verdicts'>[];
}

export function resultOf(facts: RunFacts, reports: readonly BenchReport[]): Result {
  const { startedAtMs, elapsedMs, quick, commit, machine, load } = facts;
  return {
    format: 1,
    date: new Date(startedAtMs).toISOString(),
    elapsedSeconds: Math.round(elapsedMs / 1000),
    arguments: facts.arguments,
    quick,
    commit,
    machine,
    load,
    targets: TARGETS,
    benchmarks: reports.map(({ name, figures, verdicts }) => ({ name, figures, verdicts })),
  };
}

export function headline({ machine, commit, load, elapsedSeconds }: Result): string {
  const { cpu, cores, memoryBytes, kernel, node } = machine;
  return [
    `${cpu}, ${cores} cores, ${(memoryBytes / 1e9).toFixed(1)} GB; ${kernel}; Node ${node}`,
    `commit ${commit ?? 'unknown'}; load ${load.before.toFixed(2)} before, ${load.after.toFixed(2)} after; took ${elapsedSeconds} s`,
    '',
  ].join('\n');
}

/** Writes the result into the folder, named for its date, and gives the file's path. */
export async function writeResult(result: Result, folder: string): Promise<string> {
  await mkdir(folder, { recursive: true });
  const file = join(folder, `${result.date.replaceAll(/[:.]/g, '-')}.json`);
  await writeFile(file, `${JSON.stringify(result, null, 2)}\n`);
  return file;
}
