import { expect, test } from 'vitest';
import { renderChart, type Series, stepOf } from '../../../bench/chart.ts';

const flat = (name: string, megabytes: number, count = 10): Series => ({
  name,
  points: Array.from({ length: count }, (_, at) => ({ atMs: at * 100, bytes: megabytes * 1e6 })),
});
const paths = (svg: string): string[] =>
  [...svg.matchAll(/<path class="line s\d+"[^>]* d="M([^"h]*)"/g)].map(([, d = '']) => d);

test('each series has a line and an entry with its median; the limit and the units are named', () => {
  const svg = renderChart('At rest', [flat('daemon', 16.4), flat('empty <node>', 40)]);
  expect(paths(svg)).toHaveLength(2);
  for (const text of ['daemon: median 16.4 MB', 'empty &lt;node&gt;: median 40.0 MB', '30 MB', 'time, s', '>MB<']) {
    expect(svg).toContain(text);
  }
});

test('it stands by itself, and is well formed', () => {
  const svg = renderChart('a & b', [flat('x', 10)]);
  expect(svg).not.toMatch(/<script|href|url\(|@import|@font-face/);
  expect(svg).toContain('prefers-color-scheme:dark');
  const open = [...svg.matchAll(/<(\/?)([a-z]+)[^>]*?(\/?)>/g)].filter(([, , , selfClosed]) => selfClosed === '');
  const stack: string[] = [];
  for (const [, closes, tag = ''] of open) {
    if (closes === '/') expect(stack.pop()).toBe(tag);
    else stack.push(tag);
  }
  expect(stack).toEqual([]);
  expect(svg.replaceAll(/&(amp|lt|gt|quot);/g, '')).not.toContain('&');
});

test('of many samples no peak is lost', () => {
  const many = flat('daemon', 16, 100_000);
  const points = many.points.map((point, at) => (at === 54_321 ? { ...point, bytes: 29e6 } : point));
  const [path = ''] = paths(renderChart('x', [{ name: 'daemon', points }]));
  const heights = path.split('L').map((point) => Number(point.split(' ')[1]));
  expect(path.length).toBeLessThan(30_000);
  expect(heights.filter((y) => y < Math.max(...heights))).toHaveLength(1);
});

test('without a series it is empty, and not broken', () => {
  expect(renderChart('x', [])).not.toMatch(/NaN|Infinity|undefined/);
});

test.each([
  [12, 6, 2],
  [65, 6, 20],
  [180, 6, 50],
  [0.9, 6, 0.2],
  [60, 6, 10],
])('%d in at most %d steps: %d each', (range, steps, expected) => {
  expect(stepOf(range, steps)).toBeCloseTo(expected, 9);
});
