/** What every benchmark is given and gives back, and how that is shown. Pure. */
import type { BenchmarkName } from './arguments.ts';
import type { Series } from './chart.ts';
import type { Measured } from './gate.ts';
import type { NodeBinary } from './node-binary.ts';
import type { Settings } from './settings.ts';
import { renderTable, type Table } from './table.ts';
import type { Verdict } from './targets.ts';

export interface BenchContext {
  /** Folder of the bundles. */
  bundles: string;
  /** The script of a release that starts the daemon. */
  launcher: string;
  /** What the daemon is run with, and everything that is to differ from it in nothing but its program. */
  node: NodeBinary;
  settings: Settings;
  signal: AbortSignal;
}

export interface BenchReport {
  name: BenchmarkName;
  title: string;
  table: Table;
  /** Sentences below the table: what a reader must know to read it right. */
  notes: string[];
  /** Held against the targets. */
  verdicts: Verdict[];
  /** What a gate has limits for. */
  gate?: readonly Measured[];
  /** Why nothing could be measured here. The run goes on, and its exit code says so. */
  notRun?: string;
  /** Resident memory over time, for the chart. */
  series?: readonly Series[];
  /** Plain data for the result file, units in names. */
  figures: Record<string, unknown>;
}

/** A report, and how it came about. */
export interface RanReport extends BenchReport {
  /** The version of Node that was measured: the daemon's where a daemon was started, else that of the harness. */
  node: string;
  elapsedMs: number;
}

export type Benchmark = (context: BenchContext) => Promise<BenchReport>;

export function renderReport({ name, title, node, table, notes, notRun }: RanReport): string {
  const measured = [...renderTable(table), ...(notes.length > 0 ? ['', ...notes] : [])];
  const below = notRun === undefined ? measured : [`NOT RUN: ${notRun}`];
  const heading = `${name}: ${title}; Node ${node}`;
  return [heading, '', ...below.map((line) => (line === '' ? '' : `  ${line}`)), ''].join('\n');
}

/** `stress, Node 24.9.0, could not be run: …`. */
export function notRunIn(reports: readonly RanReport[]): string[] {
  return reports.flatMap(({ name, node, notRun }) => {
    return notRun === undefined ? [] : [`${name}, Node ${node}, could not be run: ${notRun}`];
  });
}
