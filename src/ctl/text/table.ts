/** Tables as kubectl has them: no lines, two blanks between columns. The last column is wrapped where it has no room. */
import { width, wrapped } from './width.ts';

/** Lines that are there stay. */
const inLines = (cell: string, columns: number): string =>
  cell
    .split('\n')
    .flatMap((line) => wrapped(line, columns))
    .join('\n');

const widest = (cell: string): number => Math.max(...cell.split('\n').map(width));

export interface Table {
  head: readonly string[];
  rows: readonly (readonly string[])[];
  /** Columns of numbers, by their heads. */
  right?: readonly string[];
}

const GAP = 2;
/** A last column narrower than this is not wrapped: the terminal breaks its lines itself. */
const NARROWEST = 10;
const NO_LINES = Object.fromEntries(
  ['top', 'bottom', 'left', 'right', 'mid'].flatMap((side) => {
    return ['', '-mid', '-left', '-right'].map((end) => [`${side}${end}`, '']);
  }),
);

/** `columns`: of the terminal; null where there is none. The library is loaded with the first table. */
export async function renderTable({ head, rows, right = [] }: Table, columns: number | null): Promise<string> {
  const { default: CliTable } = await import('cli-table3');
  const cells = [head, ...rows].map((row) => row.map((cell) => cell.replaceAll('\t', ' ')));
  const widths = head.map((_, n) => Math.max(...cells.map((row) => widest(row[n] ?? ''))));
  const before = widths.slice(0, -1).reduce((sum, column) => sum + column + GAP, 0);
  const room = columns === null ? 0 : columns - before;
  if (room >= NARROWEST) {
    for (const row of cells) row.push(...row.splice(-1).map((last) => inLines(last, room)));
  }
  const table = new CliTable({
    chars: { ...NO_LINES, middle: ' '.repeat(GAP) },
    style: { 'padding-left': 0, 'padding-right': 0, head: [], border: [], compact: true },
    colAligns: head.map((name) => (right.includes(name) ? 'right' : 'left')),
  });
  table.push(...cells);
  return table
    .toString()
    .split('\n')
    .map((line) => line.trimEnd())
    .join('\n');
}

/** Of the terminal that it is printed to. */
export function printedColumns(): number | null {
  return process.stdout.isTTY ? process.stdout.columns : null;
}

/** `name  value`, one a line. Pure. */
export function renderPairs(pairs: readonly (readonly [string, string])[]): string {
  const longest = Math.max(0, ...pairs.map(([name]) => name.length));
  return pairs.map(([name, value]) => `${name.padEnd(longest)}  ${value}`.trimEnd()).join('\n');
}
