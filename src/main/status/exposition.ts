/**
 * The text format of Prometheus, version 0.0.4 (prometheus.io/docs/instrumenting/exposition_formats): families in the
 * order in which they are given, HELP and TYPE once each, one line a series. Pure.
 */
export const EXPOSITION_TYPE = 'text/plain; version=0.0.4; charset=utf-8';

/** In the order in which they are shown. */
export type Labels = Readonly<Record<string, string>>;

export interface Series {
  labels: Labels;
  value: number;
}

/** `name`, label names and `help` are the program's own; values of labels may be anything. */
export interface Family {
  name: string;
  type: 'counter' | 'gauge';
  help: string;
  series: readonly Series[];
}

/** A family without a series says nothing, and is left out. Of two series with the same labels the first stands. */
export function renderFamilies(families: readonly Family[]): string {
  return families.map(renderFamily).join('');
}

function renderFamily({ name, type, help, series }: Family): string {
  const lines = new Map<string, string>();
  for (const { labels, value } of series) {
    const key = renderLabels(labels);
    if (!lines.has(key)) lines.set(key, `${name}${key} ${renderValue(value)}\n`);
  }
  if (lines.size === 0) return '';
  const said = help.replaceAll('\\', '\\\\').replaceAll('\n', '\\n');
  return `# HELP ${name} ${said}\n# TYPE ${name} ${type}\n${[...lines.values()].join('')}`;
}

function renderLabels(labels: Labels): string {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}="${escaped(value)}"`);
  return pairs.length === 0 ? '' : `{${pairs.join(',')}}`;
}

/** Half of a surrogate pair has no form in UTF-8. */
function escaped(value: string): string {
  const whole = Buffer.from(value, 'utf8').toString('utf8');
  return whole.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');
}

function renderValue(value: number): string {
  if (Number.isFinite(value)) return String(value);
  return Number.isNaN(value) ? 'NaN' : value > 0 ? '+Inf' : '-Inf';
}
