/**
 * Resident memory over time as an SVG picture: axes with units, the document's limit, a legend with medians. Pure.
 * Readable on a light and on a dark page, and it asks for nothing outside itself: no script, no font, no image.
 */
import { summarise } from './statistics.ts';
import { TARGETS } from './targets.ts';

export interface Series {
  /** For the legend, one series a name. */
  name: string;
  /** At least one, by time. `atMs`: from the start of the window. */
  points: readonly { atMs: number; bytes: number }[];
}

interface Point {
  x: number;
  y: number;
}

const PLOT = { left: 56, top: 40, width: 780, height: 300 };
const WIDTH = 860;
const LEGEND = { top: 46, row: 20, columns: 2 };
const X_TITLE = 36;
const LIMIT_MB: number = TARGETS.idleMemory.limit;
/** Room above the highest line and above the limit. */
const HEADROOM = 1.1;
const TICKS = 6;
/** Told apart by those who see few colours too; a line's dashes say the same when there are more lines than colours. */
const LIGHT = ['#0060a8', '#c04a00', '#00805a', '#a8408a', '#8a6d00', '#3f6fd0', '#666666'];
const DARK = ['#58b4ff', '#ff9050', '#40d0a0', '#f090d0', '#e0c040', '#90a8ff', '#b0b0b0'];
const DASHES = ['', '7 3', '2 3'];

const escaped = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
const short = (value: number): string => String(Math.round(value * 10) / 10);

/** Of 1, 2 or 5 times a power of ten: the least that gives no more than so many steps. */
export function stepOf(range: number, steps: number): number {
  const least = range / steps;
  const power = 10 ** Math.floor(Math.log10(least));
  return ([1, 2, 5].find((factor) => factor * power >= least) ?? 10) * power;
}

function ticksTo(max: number, step = stepOf(max, TICKS)): number[] {
  return Array.from({ length: Math.floor(max / step + 1e-9) + 1 }, (_, at) => at * step);
}

/** The window's length in a unit that gives few digits. */
function timeUnit(maxMs: number): { name: string; ms: number } {
  if (maxMs <= 600_000) return { name: 's', ms: 1000 };
  return maxMs <= 3 * 3_600_000 ? { name: 'min', ms: 60_000 } : { name: 'h', ms: 3_600_000 };
}

/** No more than a least and a most a pixel: no peak is lost, and the file stays small. */
function thinned(points: readonly Point[]): Point[] {
  const columns = new Map<number, Point[]>();
  for (const point of points) columns.set(Math.floor(point.x), [...(columns.get(Math.floor(point.x)) ?? []), point]);
  return [...columns.values()].flatMap((column) => {
    const byHeight = [...column].sort((a, b) => a.y - b.y);
    const [high, low] = [byHeight[0], byHeight.at(-1)];
    if (!high || !low || high.y === low.y) return column.slice(0, 1);
    return high.x < low.x ? [high, low] : [low, high];
  });
}

function style(lines: number): string {
  const colours = (palette: readonly string[]): string => {
    return Array.from({ length: lines }, (_, at) => `.s${at}{stroke:${palette[at % palette.length]}}`).join('');
  };
  const page = (back: string, ink: string, grid: string): string => {
    return `.back{fill:${back}}text{fill:${ink}}.grid{stroke:${grid}}.limit{stroke:${ink}}.over{stroke:${back}}`;
  };
  return (
    `text{font:12px sans-serif}.line{fill:none;stroke-width:1.5}.limit{stroke-dasharray:6 4}.over{paint-order:stroke;stroke-width:4}` +
    `${page('#ffffff', '#222222', '#dddddd')}${colours(LIGHT)}` +
    `@media (prefers-color-scheme:dark){${page('#14181d', '#e4e4e4', '#3a3f46')}${colours(DARK)}}`
  );
}

const dashOf = (at: number): string => {
  const dashes = DASHES[Math.floor(at / LIGHT.length) % DASHES.length];
  return dashes ? ` stroke-dasharray="${dashes}"` : '';
};
const horizontal = (y: number, kind: string): string =>
  `<line class="${kind}" x1="${PLOT.left}" x2="${PLOT.left + PLOT.width}" y1="${short(y)}" y2="${short(y)}"/>`;
const label = (x: number, y: number, anchor: string, text: string, kind = 'label'): string =>
  `<text class="${kind}" x="${short(x)}" y="${short(y)}" text-anchor="${anchor}">${escaped(text)}</text>`;

function legend(series: readonly Series[], top: number): string[] {
  return series.flatMap(({ name, points }, at) => {
    const x = PLOT.left + (at % LEGEND.columns) * (PLOT.width / LEGEND.columns);
    const y = top + Math.floor(at / LEGEND.columns) * LEGEND.row;
    const median = summarise(points.map(({ bytes }) => bytes)).median / 1e6;
    return [
      `<path class="line s${at}"${dashOf(at)} d="M${short(x)} ${short(y - 4)}h26"/>`,
      label(x + 34, y, 'start', `${name}: median ${median.toFixed(1)} MB`),
    ];
  });
}

/** An empty list gives an empty picture. */
export function renderChart(title: string, series: readonly Series[]): string {
  const all = series.flatMap(({ points }) => points);
  const maxMs = all.reduce((most, { atMs }) => Math.max(most, atMs), 1000);
  const maxMb = all.reduce((most, { bytes }) => Math.max(most, bytes / 1e6), LIMIT_MB) * HEADROOM;
  const bottom = PLOT.top + PLOT.height;
  const x = (atMs: number): number => PLOT.left + (PLOT.width * atMs) / maxMs;
  const y = (megabytes: number): number => bottom - (PLOT.height * megabytes) / maxMb;
  const unit = timeUnit(maxMs);
  const legendTop = bottom + X_TITLE + LEGEND.top - LEGEND.row;
  const height = legendTop + Math.ceil(series.length / LEGEND.columns) * LEGEND.row;
  const lines = series.map(({ points }, at) => {
    const path = thinned(points.map(({ atMs, bytes }) => ({ x: x(atMs), y: y(bytes / 1e6) })));
    return `<path class="line s${at}"${dashOf(at)} d="M${path.map((p) => `${short(p.x)} ${short(p.y)}`).join('L')}"/>`;
  });
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" role="img">`,
    `<title>${escaped(title)}</title>`,
    `<style>${style(series.length)}</style>`,
    `<rect class="back" width="${WIDTH}" height="${height}"/>`,
    label(PLOT.left, PLOT.top - 18, 'start', title),
    label(PLOT.left - 8, PLOT.top - 18, 'end', 'MB'),
    ...ticksTo(maxMb).flatMap((mb) => [
      horizontal(y(mb), 'grid'),
      label(PLOT.left - 8, y(mb) + 4, 'end', String(Number(mb.toPrecision(6)))),
    ]),
    ...ticksTo(maxMs / unit.ms).map((time) =>
      label(x(time * unit.ms), bottom + 18, 'middle', String(Number(time.toPrecision(6)))),
    ),
    label(PLOT.left + PLOT.width / 2, bottom + X_TITLE, 'middle', `time, ${unit.name}`),
    horizontal(y(LIMIT_MB), 'limit'),
    ...lines,
    label(PLOT.left + PLOT.width, y(LIMIT_MB) - 5, 'end', `${LIMIT_MB} MB`, 'over'),
    ...legend(series, legendTop),
    '</svg>',
    '',
  ].join('\n');
}
