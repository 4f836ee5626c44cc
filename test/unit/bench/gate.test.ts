import { expect, test } from 'vitest';
import { findings, hasAsyncWriteProtect, isMissed, type Measured, renderGate } from '../../../bench/gate.ts';
import type { RanReport } from '../../../bench/report.ts';
import { judge, type Verdict } from '../../../bench/targets.ts';

const NEW = '6.18.44-x';
const OLD = '6.1.0-37-amd64';

function idle(node: string, gate: Measured[], verdicts: Verdict[] = []): RanReport {
  const table = { columns: [], rows: [] };
  return { name: 'idle', title: '', table, notes: [], verdicts, gate, figures: {}, node, elapsedMs: 0 };
}

const SMALL: Measured[] = [
  { figure: 'rssMedian', value: 17.9 },
  { figure: 'rssP95', value: 21.9 },
  { figure: 'rssPeak', value: 27.9 },
  { figure: 'anonymousMedian', value: 12.9 },
  { figure: 'cpu', value: 0.49 },
];
const LARGER = SMALL.map(({ figure, value }): Measured => ({ figure, value: value * 1.1 }));

test.each([
  { node: '20.20.2', gate: SMALL, missed: [] },
  {
    node: '20.20.2',
    gate: LARGER,
    missed: ['RSS, median', 'RSS, p95', "RSS, the kernel's peak", 'anonymous, median', 'CPU'],
  },
  { node: '24.9.0', gate: SMALL, missed: [] },
  { node: '24.9.0', gate: LARGER, missed: ['RSS, p95', "RSS, the kernel's peak"] },
])('Node $node has limits of its own', ({ node, gate, missed }) => {
  const found = findings([idle(node, gate)], NEW);
  expect(found).toHaveLength(5);
  expect(found.filter(({ holds }) => !holds).map(({ figure }) => figure.replace(' over the window', ''))).toEqual(
    missed,
  );
  expect(isMissed(found)).toBe(missed.length > 0);
});

test('a limit itself is not below it', () => {
  expect(isMissed(findings([idle('20.20.2', [{ figure: 'rssMedian', value: 18 }])], NEW))).toBe(true);
});

test.each(['22.1.0', '26.12.1', '23.0.0'])('Node %s is told and decides nothing', (node) => {
  const found = findings([idle(node, LARGER)], NEW);
  expect(isMissed(found)).toBe(false);
  expect(renderGate(found)).toEqual([
    `not gated, missed: idle, Node ${node}: RSS, p95: 24.09 MB, limit < 24 MB`,
    `not gated, missed: idle, Node ${node}: RSS, the kernel's peak: 30.69 MB, limit < 30 MB`,
    "not gated: 3 of 5 figures hold, beside Node 24's limits",
  ]);
});

test("the design document's targets are held too, others are not", () => {
  const verdicts = [judge('idleCpu', 'CPU', 1.5), judge('report', 'maximum', 100), judge('verifyHash', 'speed', 0.1)];
  const found = findings([idle('24.9.0', [], verdicts)], NEW);
  expect(found.map(({ figure, holds }) => [figure, holds])).toEqual([
    ['CPU (design document)', false],
    ['maximum (design document)', true],
  ]);
  expect(renderGate(found)).toEqual([
    'gate: MISSED idle, Node 24.9.0: CPU (design document): 1.50 %, limit < 1 %',
    'gate: 1 of 2 figures hold',
  ]);
});

test('without asynchronous write protection only the median of resident memory has a limit', () => {
  const gate: Measured[] = [...LARGER.slice(1), { figure: 'rssMedian', value: 27.9 }];
  const found = findings([idle('24.9.0', gate, [judge('idleMemory', 'peak', 48)])], OLD);
  expect(found.map(({ figure, limit }) => [figure, limit])).toEqual([
    ['anonymous, median', 15],
    ['CPU over the window', 0.6],
    ['RSS, median', 28],
  ]);
  expect(isMissed(found)).toBe(false);
});

test('benchmarks without a gate are left out', () => {
  expect(findings([{ ...idle('24.9.0', LARGER), name: 'link' }], NEW)).toEqual([]);
});

test.each([
  ['6.7.0', true],
  ['6.18.44-x', true],
  ['7.0.1', true],
  ['6.6.99', false],
  ['5.15.0-100-generic', false],
])('%s: %s', (release, expected) => {
  expect(hasAsyncWriteProtect(release)).toBe(expected);
});
