import { describe, expect, test } from 'vitest';
import type { BenchmarkName } from '../../../bench/arguments.ts';
import { GATED_BENCHMARKS, hasAsyncWriteProtect, judgeGate, type Measured, renderGate } from '../../../bench/gate.ts';
import type { RanReport } from '../../../bench/report.ts';
import { judge, type Verdict } from '../../../bench/targets.ts';

const NEW = '6.18.44-x';
const OLD = '6.1.0-37-amd64';

function reportOf(name: BenchmarkName, node: string, gate?: Measured[], verdicts: Verdict[] = []): RanReport {
  const table = { columns: [], rows: [] };
  const report = { name, title: '', table, notes: [], verdicts, figures: {}, node, elapsedMs: 0 };
  return gate ? { ...report, gate } : report;
}

const KEPT = [judge('idleMemory', 'RSS', 29), judge('idleCpu', 'CPU', 0.9)];
const SMALL: Measured[] = [
  { figure: 'rssMedian', value: 17.9 },
  { figure: 'rssP95', value: 21.9 },
  { figure: 'rssPeak', value: 27.9 },
  { figure: 'anonymousMedian', value: 12.9 },
  { figure: 'cpu', value: 0.49 },
];
const LARGER = SMALL.map(({ figure, value }): Measured => ({ figure, value: value * 1.1 }));
const STILL: Measured[] = [
  ...SMALL,
  { figure: 'rssGrowth', value: 0 },
  { figure: 'anonymousGrowth', value: 0 },
  { figure: 'descriptorGrowth', value: -1 },
  { figure: 'threadGrowth', value: 0 },
];
const idle = (node: string, gate: Measured[], verdicts = KEPT): RanReport => reportOf('idle', node, gate, verdicts);
const soak = (node: string, gate: Measured[], verdicts = KEPT): RanReport => reportOf('soak', node, gate, verdicts);
const without = (figure: Measured['figure']): Measured[] => STILL.filter((one) => one.figure !== figure);

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
  const { passes, missing, findings } = judgeGate([idle(node, gate)], NEW);
  expect(findings).toHaveLength(5 + KEPT.length);
  expect(findings.filter(({ holds }) => !holds).map(({ figure }) => figure.replace(' over the window', ''))).toEqual(
    missed,
  );
  expect({ passes, missing }).toEqual({ passes: missed.length === 0, missing: [] });
});

test.each([18, Number.NaN])('%d MB is not below a limit of 18', (value) => {
  const gate: Measured[] = [{ figure: 'rssMedian', value }, ...SMALL.slice(1)];
  expect(judgeGate([idle('20.20.2', gate)], NEW).passes).toBe(false);
});

test("the design document's targets are held too, others are not", () => {
  const verdicts = [
    judge('idleCpu', 'CPU', 1.5),
    judge('idleMemory', 'maximum', 29),
    judge('verifyHash', 'speed', 0.1),
  ];
  const gate = judgeGate([idle('24.9.0', SMALL, verdicts)], NEW);
  expect(gate.findings.slice(5).map(({ figure, holds }) => [figure, holds])).toEqual([
    ['CPU (design document)', false],
    ['maximum (design document)', true],
  ]);
  expect(renderGate(gate)).toEqual([
    'gate: MISSED idle, Node 24.9.0: CPU (design document): 1.50 %, limit < 1 %',
    'gate: 6 of 7 figures hold',
  ]);
});

describe('what is missing is no success', () => {
  test.each([
    ['idle', SMALL.slice(1), KEPT, ['RSS, median']],
    ['idle', SMALL, [judge('idleCpu', 'CPU', 0.9)], ['target idleMemory (design document)']],
    [
      'soak',
      SMALL,
      KEPT,
      ['RSS, growth beyond chance', 'anonymous, growth beyond chance', 'open descriptors, growth', 'threads, growth'],
    ],
    ['soak', without('threadGrowth'), KEPT, ['threads, growth']],
    ['soak', without('cpu'), KEPT, ['CPU over the window']],
    ['start', [], [], ['start to registered, median']],
  ] as const)('%s: %#', (name, gate, verdicts, what) => {
    const found = judgeGate([reportOf(name, '24.9.0', [...gate], [...verdicts])], NEW);
    const missing = what.map((figure) => `${name}, Node 24.9.0: ${figure}`);
    expect({ passes: found.passes, missing: found.missing }).toEqual({ passes: false, missing });
    expect(renderGate(found).slice(0, missing.length)).toEqual(missing.map((line) => `gate: MISSING ${line}`));
  });

  test.each(GATED_BENCHMARKS)('%s with no figure at all', (name) => {
    const { passes, missing } = judgeGate([reportOf(name, '24.9.0')], NEW);
    expect(passes).toBe(false);
    expect(missing.length).toBeGreaterThan(0);
  });

  test('of a version that decides nothing, too', () => {
    const found = judgeGate([idle('24.9.0', SMALL), idle('26.1.0', SMALL.slice(1))], NEW);
    expect({ passes: found.passes, missing: found.missing }).toEqual({
      passes: false,
      missing: ['idle, Node 26.1.0: RSS, median'],
    });
  });
});

describe('what decides', () => {
  test.each(['22.1.0', '26.12.1', '23.0.0'])('not Node %s, and nothing else does', (node) => {
    const gate = judgeGate([idle(node, LARGER)], NEW);
    expect(gate.passes).toBe(false);
    expect(renderGate(gate)).toEqual([
      'gate: NOTHING DECIDES: no figure is of Node 20 or 24',
      `not gated, missed: idle, Node ${node}: RSS, p95: 24.09 MB, limit < 24 MB`,
      `not gated, missed: idle, Node ${node}: RSS, the kernel's peak: 30.69 MB, limit < 30 MB`,
      'not gated: 5 of 7 figures hold',
    ]);
  });

  test('beside one that does, others are told and change nothing', () => {
    const gate = judgeGate([idle('24.9.0', SMALL), idle('26.1.0', LARGER)], NEW);
    expect(gate.passes).toBe(true);
    expect(renderGate(gate)).toContain('gate: 7 of 7 figures hold');
  });

  test('no report decides nothing, nor do benchmarks without a gate', () => {
    const nothing = { passes: false, missing: [], findings: [] };
    expect(judgeGate([], NEW)).toEqual(nothing);
    expect(judgeGate([reportOf('link', '24.9.0', LARGER)], NEW)).toEqual(nothing);
  });
});

describe('without asynchronous write protection', () => {
  const verdicts = [judge('idleMemory', 'peak', 48), judge('idleCpu', 'CPU', 0.9)];
  const large = (rssMedian: number): Measured[] => [
    { figure: 'rssMedian', value: rssMedian },
    ...SMALL.slice(1).map(({ figure, value }): Measured => ({ figure, value: value * 1.8 })),
  ];

  test.each(['20.20.2', '24.9.0'])('Node %s: the median of RSS and 1 %% of CPU decide alone', (node) => {
    const gate = judgeGate([idle(node, large(27.9), verdicts)], OLD);
    expect(gate.findings.filter(({ decides }) => decides).map(({ figure, limit }) => [figure, limit])).toEqual([
      ['RSS, median', 28],
      ['CPU (design document)', 1],
    ]);
    expect(gate.passes).toBe(true);
    expect(renderGate(gate)).toContain('gate: 2 of 2 figures hold');
    expect(renderGate(gate).filter((line) => line.startsWith('not gated, missed'))).toHaveLength(5);
  });

  test.each([
    ['RSS', large(28), verdicts],
    ['the document’s CPU', large(20), [judge('idleMemory', 'peak', 48), judge('idleCpu', 'CPU', 1)]],
  ])('%s too large does not pass', (_, measured, judged) => {
    expect(judgeGate([idle('20.20.2', measured, judged)], OLD).passes).toBe(false);
  });

  test('growth is gated all the same, and what is missing is missing', () => {
    const growing = STILL.map((one) => (one.figure === 'rssGrowth' ? { ...one, value: 101 } : one));
    expect(judgeGate([soak('24.9.0', growing)], OLD).passes).toBe(false);
    expect(judgeGate([soak('24.9.0', without('rssP95'))], OLD).missing).toEqual(['soak, Node 24.9.0: RSS, p95']);
  });
});

test.each([
  ['rssMedian', 20],
  ['rssP95', 24],
  ['rssPeak', 30],
  ['anonymousMedian', 15],
  ['cpu', 0.6],
  ['rssGrowth', 100],
  ['anonymousGrowth', 100],
  ['descriptorGrowth', 1],
  ['threadGrowth', 1],
] as const)('a soak fails by its %s alone', (figure, value) => {
  expect(judgeGate([soak('24.9.0', STILL)], NEW).passes).toBe(true);
  const spoiled = STILL.map((one) => (one.figure === figure ? { figure, value } : one));
  const { passes, findings } = judgeGate([soak('24.9.0', spoiled)], NEW);
  expect(passes).toBe(false);
  expect(findings.filter(({ holds }) => !holds)).toHaveLength(1);
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
