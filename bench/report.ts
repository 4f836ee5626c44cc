/** What every benchmark is given and gives back, and how that is shown. Pure. */
import type { BenchmarkName } from './arguments.ts';
import type { Settings } from './settings.ts';
import { renderTable, type Table } from './table.ts';
import type { Verdict } from './targets.ts';

export interface BenchContext {
  /** Folder of the bundles. */
  bundles: string;
  settings: Settings;
  signal: AbortSignal;
}

export interface BenchReport {
  name: BenchmarkName;
  title: string;
  table: Table;
  /** Sentences below the table: what a reader must know to read it right. */
  notes: string[];
  /** Held against the design document's targets. */
  verdicts: Verdict[];
  /** Plain data for the result file, units in names. */
  figures: Record<string, unknown>;
}

export type Benchmark = (context: BenchContext) => Promise<BenchReport>;

export function renderReport({ name, title, table, notes }: BenchReport): string {
  const below = [...renderTable(table), ...(notes.length > 0 ? ['', ...notes] : [])];
  return [`${name}: ${title}`, '', ...below.map((line) => (line === '' ? '' : `  ${line}`)), ''].join('\n');
}
