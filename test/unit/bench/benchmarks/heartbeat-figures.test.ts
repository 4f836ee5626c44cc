import { expect, test } from 'vitest';
import {
  type BeatingDaemon,
  daemonOf,
  heartbeatFigures,
  heartbeatTable,
  heartbeatVerdict,
} from '../../../../bench/benchmarks/heartbeat-figures.ts';
import { parseLog } from '../../../../bench/benchmarks/link-log.ts';
import { judgeGate } from '../../../../bench/gate.ts';

const START_MS = Date.parse('2026-01-01T00:00:00Z');
const at = (afterMs: number): string => new Date(START_MS + afterMs).toISOString();
const beat = (afterMs: number, roundTripMs: number): object => {
  return { time: at(afterMs), event: 'heartbeat', roundTripMs };
};
const log = (...lines: object[]) => parseLog(lines.map((line) => JSON.stringify(line)).join('\n'));
const WINDOW = { fromMs: START_MS, toMs: START_MS + 3000, intervalMs: 1000 };

const daemon = (side: 'full' | 'off', ...beatsMs: number[]): BeatingDaemon => {
  return { side, beatsMs, givesPagesBack: side === 'full' };
};

test('of a log, the heartbeats within the window count', () => {
  const lines = log(beat(-10, 90), beat(500, 2), beat(1500, 3), beat(2600, 4), beat(3000, 80));
  expect(daemonOf('off', lines, WINDOW)).toEqual({ side: 'off', beatsMs: [2, 3, 4], givesPagesBack: false });
});

test('a daemon says in its log that it gives pages back', () => {
  const beats = [beat(500, 2), beat(1500, 3)];
  const found = (fields: object) =>
    daemonOf('full', log({ time: at(-5000), event: 'footprint', ...fields }, ...beats), WINDOW).givesPagesBack;
  expect(found({ native: 'addon', mappings: 27 })).toBe(true);
  expect(found({ err: { message: 'the kernel refused 1 of 27 ranges' } })).toBe(false);
});

test.each([
  { answered: [500], windowMs: 3000 },
  { answered: [], windowMs: 900 },
])('$answered.length heartbeats in $windowMs ms are too few to tell', ({ answered, windowMs }) => {
  const lines = log(...answered.map((ms) => beat(ms, 2)));
  const window = { ...WINDOW, toMs: START_MS + windowMs };
  expect(() => daemonOf('full', lines, window)).toThrow(/heartbeats of a daemon with footprint full .* at least/);
});

test('heartbeats of a side are one lot, and their p99s are compared', () => {
  const figures = heartbeatFigures([
    daemon('full', 2, 3, 9),
    daemon('off', 2, 2),
    daemon('full', 3, 4),
    daemon('off', 6, 4),
  ]);
  expect(figures.full).toMatchObject({ n: 5, median: 3, p99: 9, max: 9 });
  expect(figures.off).toMatchObject({ n: 4, median: 2, p99: 6, max: 6 });
  expect(figures.ratios).toEqual({ median: 1.5, p95: 1.5, p99: 1.5, max: 1.5 });
  expect(figures.givingBack).toBe(2);
  const verdict = heartbeatVerdict(figures);
  expect(verdict).toMatchObject({ target: 'heartbeatFootprint', measured: 1.5, holds: true });
  expect(heartbeatTable(figures, verdict).rows.at(-1)).toEqual([
    ...['full to off', '', '1.50 x', '1.50 x', '1.50 x', '1.50 x', '≤ 1.5 x: holds'],
  ]);
});

test.each([
  { full: 7.4, passes: true },
  { full: 7.6, passes: false },
])('the gate is 1.5 times the p99 of those without: $full ms to 5 ms', ({ full, passes }) => {
  const figures = heartbeatFigures([daemon('full', full), daemon('off', 5)]);
  const report = {
    ...{ name: 'heartbeat' as const, title: '', table: { columns: [], rows: [] }, notes: [], node: '24.1.0' },
    ...{ verdicts: [heartbeatVerdict(figures)], figures: {}, elapsedMs: 0 },
    gate: [{ figure: 'heartbeatRatio' as const, value: figures.ratios.p99 }],
  };
  expect(judgeGate([report], '6.18.0').passes).toBe(passes);
});
