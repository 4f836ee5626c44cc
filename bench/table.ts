/** Tables of text for a terminal. Pure. */
export interface Column {
  title: string;
  align: 'left' | 'right';
}

export interface Table {
  columns: readonly Column[];
  rows: readonly (readonly string[])[];
}

export const left = (title: string): Column => ({ title, align: 'left' });
export const right = (title: string): Column => ({ title, align: 'right' });

const GAP = '  ';

/** One line a row, the titles first; no blanks at the ends of lines. */
export function renderTable({ columns, rows }: Table): string[] {
  const lines = [columns.map(({ title }) => title), ...rows];
  const widths = columns.map((_, at) => Math.max(...lines.map((line) => line[at]?.length ?? 0)));
  return lines.map((line) =>
    columns
      .map(({ align }, at) => {
        const cell = line[at] ?? '';
        return align === 'left' ? cell.padEnd(widths[at] ?? 0) : cell.padStart(widths[at] ?? 0);
      })
      .join(GAP)
      .trimEnd(),
  );
}

/** MB are 10^6 bytes. */
export const megabytes = (bytes: number): string => (bytes / 1e6).toFixed(1);

export function milliseconds(ms: number): string {
  return ms.toFixed(ms < 10 ? 2 : ms < 100 ? 1 : 0);
}

export const times = (ratio: number | null): string => (ratio === null ? '-' : `${ratio.toFixed(2)} x`);
