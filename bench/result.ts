/** The result of a run as one object, its files, and the lines above the tables. */
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { renderChart, type Series } from './chart.ts';
import type { Gate } from './gate.ts';
import type { Machine } from './machine.ts';
import type { RanReport } from './report.ts';
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
  /** null: not asked for. */
  gate: Gate | null;
}

export interface Result {
  format: 2;
  date: string;
  elapsedSeconds: number;
  arguments: readonly string[];
  quick: boolean;
  commit: string | null;
  machine: Machine;
  load: RunFacts['load'];
  targets: typeof TARGETS;
  gate: RunFacts['gate'];
  /** `notRun`: why there are no figures; null where there are. */
  benchmarks: (Pick<RanReport, 'name' | 'node' | 'figures' | 'verdicts'> & {
    elapsedSeconds: number;
    notRun: string | null;
  })[];
}

const seconds = (ms: number): number => Math.round(ms / 1000);

export function resultOf(facts: RunFacts, reports: readonly RanReport[]): Result {
  const { startedAtMs, elapsedMs, quick, commit, machine, load, gate } = facts;
  return {
    format: 2,
    date: new Date(startedAtMs).toISOString(),
    elapsedSeconds: seconds(elapsedMs),
    arguments: facts.arguments,
    quick,
    commit,
    machine,
    load,
    targets: TARGETS,
    gate,
    benchmarks: reports.map(({ name, node, elapsedMs: took, figures, verdicts, notRun = null }) => {
      return { name, node, elapsedSeconds: seconds(took), figures, verdicts, notRun };
    }),
  };
}

export function headline({ machine, commit, load, elapsedSeconds }: Result): string {
  const { cpu, cores, memoryBytes, kernel, transparentHugePages, node } = machine;
  const hugePages = `transparent huge pages: ${transparentHugePages ?? 'unknown'}`;
  return [
    `${cpu}, ${cores} cores, ${(memoryBytes / 1e9).toFixed(1)} GB; ${kernel}, ${hugePages}; harness: Node ${node}`,
    `commit ${commit ?? 'unknown'}; load ${load.before.toFixed(2)} before, ${load.after.toFixed(2)} after; took ${elapsedSeconds} s`,
    '',
  ].join('\n');
}

const fileName = ({ date }: Result): string => date.replaceAll(/[:.]/g, '-');

/** Writes the result into the folder, named for its date, and gives the file's path. */
export async function writeResult(result: Result, folder: string): Promise<string> {
  await mkdir(folder, { recursive: true });
  const file = join(folder, `${fileName(result)}.json`);
  await writeFile(file, `${JSON.stringify(result, null, 2)}\n`);
  return file;
}

/** The series of these reports, the first of each name: what stands beside several daemons is the same each time. */
export function seriesOf(reports: readonly RanReport[]): Series[] {
  const all = reports.flatMap(({ series = [] }) => series);
  return all.filter(({ name }, at) => all.findIndex((other) => other.name === name) === at);
}

/**
 * Writes the charts beside the result, one of windows at rest and one of a soak, which is much longer, and the first of
 * them to `copy` where that is no null. Gives the files; none without a series.
 */
export async function writeCharts(
  result: Result,
  reports: readonly RanReport[],
  folder: string,
  copy: string | null,
): Promise<string[]> {
  const title = `Resident memory at rest; ${result.machine.kernel}, ${result.date.slice(0, 10)}`;
  const charts = [
    { suffix: 'rss', series: seriesOf(reports.filter(({ name }) => name !== 'soak')) },
    { suffix: 'soak', series: seriesOf(reports.filter(({ name }) => name === 'soak')) },
  ]
    .filter(({ series }) => series.length > 0)
    .map(({ suffix, series }) => ({
      file: join(folder, `${fileName(result)}-${suffix}.svg`),
      text: renderChart(title, series),
    }));
  const copies = copy === null ? [] : charts.slice(0, 1).map(({ text }) => ({ file: copy, text }));
  const files = [...charts, ...copies];
  for (const { file, text } of files) {
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, text);
  }
  return files.map(({ file }) => file);
}
