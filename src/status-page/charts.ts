/** The charts of the host's last hour: an SVG image each, and in words what it shows. */
import type { HistorySeries, StatusPageView } from '../shared/contracts/status-page.ts';
import { curve, HEIGHT, topOf, WIDTH } from './curves.ts';
import { drawing, element } from './elements.ts';
import { NONE, percent, perSecond } from './format.ts';

interface Chart {
  title: string;
  series: HistorySeries;
  /** Which of its figures. */
  places: readonly number[];
  /** Null: as high as the highest figure asks for. */
  top: number | null;
  write: (figure: number | null | undefined) => string;
}

/** In the order in which they stand. */
export function charts({ history, nowMs }: StatusPageView): HTMLElement[] {
  const { cpu, memory, disk, network } = history;
  const hasRates = disk.points.some(([, , ...rates]) => rates.some((rate) => rate !== null));
  return [
    { title: 'CPU', series: cpu, places: [0], top: 100, write: percent },
    { title: 'Memory', series: memory, places: [0], top: 100, write: percent },
    hasRates
      ? { title: 'Disk', series: disk, places: [1, 2], top: null, write: perSecond }
      : { title: 'Disk, fullest file system', series: disk, places: [0], top: 100, write: percent },
    { title: 'Network', series: network, places: [0, 1], top: null, write: perSecond },
  ].map((chart) => figure(chart, nowMs));
}

function figure({ title, series, places, top, write }: Chart, nowMs: number): HTMLElement {
  const upper = top ?? topOf(series.points, places);
  const curves = places.map((place) => ({
    name: series.names[place] ?? '',
    ...curve(series.points, place, nowMs, upper),
  }));
  const spoken = curves.map(({ name, latest, highest }) => `${name} ${write(latest)}, highest ${write(highest)}`);
  const keys = curves.map(({ name, latest, highest }, index) =>
    element(
      'p',
      { class: `key curve-${index}` },
      drawing('svg', { viewBox: '0 0 24 8', 'aria-hidden': 'true' }, drawing('path', { d: 'M0 4H24' })),
      `${name} `,
      element('strong', {}, write(latest)),
      ` highest ${write(highest)}`,
    ),
  );
  const empty = curves.every(({ line }) => line === '');
  const image = drawing(
    'svg',
    {
      viewBox: `0 0 ${WIDTH} ${HEIGHT}`,
      preserveAspectRatio: 'none',
      role: 'img',
      'aria-label': empty ? `${title}: nothing yet` : `${title} over the last hour: ${spoken.join('; ')}`,
    },
    drawing('path', { class: 'grid', d: `M0 0H${WIDTH}M0 ${HEIGHT / 2}H${WIDTH}M0 ${HEIGHT}H${WIDTH}` }),
    ...curves.flatMap(({ line, area }, index) => [
      drawing('path', { class: `area curve-${index}`, d: area }),
      drawing('path', { class: `line curve-${index}`, d: line }),
    ]),
  );
  return element(
    'figure',
    {},
    element('figcaption', {}, title),
    ...keys,
    element(
      'div',
      { class: 'plot' },
      image,
      element(
        'span',
        { class: 'upper', 'aria-hidden': 'true' },
        empty ? NONE : top === null ? write(upper) : `${top} %`,
      ),
    ),
    element(
      'div',
      { class: 'times', 'aria-hidden': 'true' },
      element('span', {}, 'an hour ago'),
      element('span', {}, 'now'),
    ),
  );
}
