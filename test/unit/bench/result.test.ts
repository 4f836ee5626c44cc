import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { RanReport } from '../../../bench/report.ts';
import { headline, resultOf, seriesOf, writeCharts, writeResult } from '../../../bench/result.ts';
import { testFolder } from '../../support/temp-folder.ts';

const FACTS = {
  ...{ startedAtMs: 0, elapsedMs: 61_400, arguments: ['idle'], quick: true, commit: null, gate: null },
  machine: {
    cpu: 'C',
    cores: 2,
    memoryBytes: 8e9,
    kernel: 'Linux 6.8.0',
    transparentHugePages: 'madvise',
    node: 'v20.1.0',
  },
  load: { before: 0.1, after: 0.2 },
};
const series = (name: string, bytes: number) => ({ name, points: [{ atMs: 0, bytes }] });
const report = (node: string, names: string[]): RanReport => ({
  ...{ name: 'idle', title: 't', table: { columns: [], rows: [] }, notes: [], verdicts: [], figures: { x: 1 } },
  ...{ node, elapsedMs: 1499, series: names.map((name) => series(name, Number.parseInt(node, 10))) },
});

test('a report says which Node it is of', () => {
  const result = resultOf(FACTS, [report('24.1.0', [])]);
  expect(result.benchmarks).toEqual([
    { name: 'idle', node: '24.1.0', elapsedSeconds: 1, figures: { x: 1 }, verdicts: [], notRun: null },
  ]);
  expect(headline(result)).toContain('Linux 6.8.0, transparent huge pages: madvise; harness: Node v20.1.0');
});

test('what stands beside several daemons is drawn once', () => {
  const found = seriesOf([report('20.1.0', ['daemon 20', 'monit']), report('24.1.0', ['daemon 24', 'monit'])]);
  expect(found).toEqual([series('daemon 20', 20), series('monit', 20), series('daemon 24', 24)]);
});

test('result and chart lie side by side, a copy where it is wanted', async () => {
  const folder = await testFolder();
  const [results, copy] = [join(folder, 'results'), join(folder, 'docs', 'rss.svg')];
  const reports = [report('24.1.0', ['daemon'])];
  const result = resultOf(FACTS, reports);
  await writeResult(result, results);
  const [chart = ''] = await writeCharts(result, reports, results, copy);
  expect((await readdir(results)).sort()).toEqual([
    '1970-01-01T00-00-00-000Z-rss.svg',
    '1970-01-01T00-00-00-000Z.json',
  ]);
  expect(await readFile(copy, 'utf8')).toBe(await readFile(chart, 'utf8'));
  expect(await writeCharts(result, [report('24.1.0', [])], results, copy)).toEqual([]);
});

test('a soak has a chart of its own; the copy is of the first', async () => {
  const folder = await testFolder();
  const copy = join(folder, 'copy.svg');
  const soak: RanReport = { ...report('24.1.0', ['soaked']), name: 'soak' };
  const reports = [report('24.1.0', ['daemon']), soak];
  const files = await writeCharts(resultOf(FACTS, reports), reports, folder, copy);
  expect(files.map((file) => file.slice(-9))).toEqual(['Z-rss.svg', '-soak.svg', '/copy.svg']);
  const [rss = '', ofSoak = ''] = files;
  expect(await readFile(rss, 'utf8')).not.toContain('soaked');
  expect(await readFile(ofSoak, 'utf8')).toContain('soaked');
  expect(await readFile(copy, 'utf8')).toBe(await readFile(rss, 'utf8'));
});
