/** The last hour of a series as curves of an SVG image. Pure. */
import type { HistoryPoint } from '../shared/contracts/status-page.ts';

export const WIDTH = 600;
export const HEIGHT = 120;
const HOUR_MS = 3_600_000;
/** Points further apart than this many times the usual distance have a gap between them. */
const GAP = 2.5;

export interface Curve {
  /** Of an SVG path; empty where there are no figures. */
  line: string;
  /** The same, closed along the lower edge. */
  area: string;
  latest: number | null;
  highest: number | null;
}

/** The curve of figure number `place` (from 0). `top`: what the upper edge stands for. */
export function curve(points: readonly HistoryPoint[], place: number, nowMs: number, top: number): Curve {
  const figures = figuresOf(points, place);
  const x = (atMs: number): string => rounded(WIDTH * (1 - (nowMs - atMs) / HOUR_MS));
  const y = (figure: number): string => rounded(HEIGHT * (1 - Math.min(1, Math.max(0, figure / top))));
  const runs = runsOf(figures);
  const lines = runs.map((run) => `M${run.map(([atMs, figure]) => `${x(atMs)} ${y(figure)}`).join('L')}`);
  const areas = runs.map((run, index) => {
    const [first, last] = [run[0]?.[0] ?? nowMs, run.at(-1)?.[0] ?? nowMs];
    return `${lines[index]}L${x(last)} ${HEIGHT}L${x(first)} ${HEIGHT}Z`;
  });
  const values = figures.map(([, figure]) => figure);
  return {
    line: lines.join(''),
    area: areas.join(''),
    latest: values.at(-1) ?? null,
    highest: values.length === 0 ? null : Math.max(...values),
  };
}

/** The highest figure of these places, rounded up to 1, 2 or 5 times a power of ten. */
export function topOf(points: readonly HistoryPoint[], places: readonly number[]): number {
  const highest = Math.max(0, ...places.flatMap((place) => figuresOf(points, place).map(([, figure]) => figure)));
  if (highest === 0) return 1;
  const power = 10 ** Math.floor(Math.log10(highest));
  return ([1, 2, 5].find((step) => step * power >= highest) ?? 10) * power;
}

function figuresOf(points: readonly HistoryPoint[], place: number): [number, number][] {
  return points.flatMap(([atMs, ...figures]): [number, number][] => {
    const figure = figures[place];
    return figure === null || figure === undefined ? [] : [[atMs, figure]];
  });
}

/** Cut where nothing was collected for a while. A single figure is a line of its own, with two ends in one place. */
function runsOf(figures: readonly [number, number][]): [number, number][][] {
  const distances = figures.slice(1).map(([atMs], index) => atMs - (figures[index]?.[0] ?? atMs));
  const usual = distances.toSorted((a, b) => a - b)[Math.floor(distances.length / 2)] ?? 0;
  const runs: [number, number][][] = [];
  for (const [index, figure] of figures.entries()) {
    const isApart = index === 0 || (distances[index - 1] ?? 0) > GAP * usual;
    if (isApart) runs.push([figure]);
    else runs.at(-1)?.push(figure);
  }
  return runs.map((run) => (run.length === 1 ? [...run, ...run] : run));
}

function rounded(figure: number): string {
  return String(Math.round(figure * 10) / 10);
}
