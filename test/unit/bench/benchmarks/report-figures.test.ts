import { expect, test } from 'vitest';
import { delayedFigures, reportTable } from '../../../../bench/benchmarks/report-figures.ts';
import { summarise } from '../../../../bench/statistics.ts';
import { renderTable } from '../../../../bench/table.ts';
import { judge } from '../../../../bench/targets.ts';

test('how often a report took the delay', () => {
  const loopback = summarise([2]);
  const once = delayedFigures(80, summarise([83]), loopback);
  expect(once.lessDelayMs).toBe(3);
  expect(once.delaysTaken).toBeCloseTo(1, 1);
  expect(delayedFigures(80, summarise([163]), loopback).delaysTaken).toBeCloseTo(2, 1);
});

test('a row a delay', () => {
  const full = summarise([2, 3]);
  const far = [20, 80].map((delayMs) => delayedFigures(delayMs, summarise([delayMs + 3]), full));
  expect(
    renderTable(reportTable({ heartbeat: summarise([1]), full, far }, judge('report', 'maximum', full.max))),
  ).toEqual([
    'call          n  median   p99   max  less delay  delays taken  target of the design document',
    'heartbeat     1    1.00  1.00  1.00',
    'full report   2    2.00  3.00  3.00                            < 200 ms: holds',
    '  20 ms away  1    23.0  23.0  23.0        3.00          1.05',
    '  80 ms away  1    83.0  83.0  83.0        3.00          1.01',
  ]);
});
