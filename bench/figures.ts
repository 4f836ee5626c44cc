/** Figures of a benchmark: how they are gathered, summed up and shown. Pure. */
export interface Spread {
  n: number;
  min: number;
  median: number;
  p95: number;
  max: number;
}

export interface Figure {
  name: string;
  unit: 'MB' | '%' | 'ms' | '';
  spread: Spread;
  /** The design document's target (8.3), and whether the figure that it is about holds it. */
  target?: { text: string; holds: boolean };
}

export interface Result {
  benchmark: string;
  /** What a reader must know to judge the figures. */
  notes: string[];
  figures: Figure[];
}

/** The value below which `share` of the sorted values lie (nearest rank). */
export function percentile(sorted: readonly number[], share: number): number {
  const rank = Math.min(sorted.length, Math.max(1, Math.ceil(share * sorted.length)));
  return sorted[rank - 1] ?? Number.NaN;
}

/** Throws where there is nothing to sum up. */
export function spread(values: readonly number[]): Spread {
  if (values.length === 0) throw new Error('no samples were taken');
  const sorted = [...values].sort((a, b) => a - b);
  return {
    n: sorted.length,
    min: percentile(sorted, 0),
    median: percentile(sorted, 0.5),
    p95: percentile(sorted, 0.95),
    max: percentile(sorted, 1),
  };
}

/** The spread of a figure that is had once. */
export function single(value: number): Spread {
  return spread([value]);
}

const digits = (value: number): string => value.toFixed(value >= 100 ? 0 : value >= 10 ? 1 : 2);

export function renderResult({ benchmark, notes, figures }: Result): string[] {
  const rows = figures.map(({ name, unit, spread: s, target }) => [
    name,
    unit,
    String(s.n),
    ...[s.min, s.median, s.p95, s.max].map(digits),
    target ? `${target.text}: ${target.holds ? 'holds' : 'does not hold'}` : '',
  ]);
  const head = ['', '', 'n', 'min', 'median', 'p95', 'max', 'target'];
  const widths = head.map((title, column) => Math.max(title.length, ...rows.map((row) => (row[column] ?? '').length)));
  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, column) => {
        const width = widths[column] ?? 0;
        return column >= 2 && column <= 6 ? cell.padStart(width) : cell.padEnd(width);
      })
      .join('  ')
      .trimEnd();
  return [
    benchmark,
    ...notes.map((note) => `  ${note}`),
    `  ${line(head)}`,
    ...rows.map((row) => `  ${line(row)}`),
    '',
  ];
}
