import { expect, test } from 'vitest';
import { stallRatios, stallTable } from '../../../../bench/benchmarks/stall-figures.ts';
import { type Compared, type Stretch, together } from '../../../../bench/benchmarks/stall-stretches.ts';
import { renderTable } from '../../../../bench/table.ts';

const stretch = (took: number[], median: number, p99: number, max: number): Stretch => {
  return { took, delay: { median, p99, max } };
};

const COMPARED: Compared = {
  idle: together([stretch([1, 2], 1.1, 1.2, 1.3), stretch([1, 4], 1.1, 1.5, 2), stretch([1, 1], 1.2, 1.3, 5)]),
  busy: together([stretch([2, 2, 6], 1.2, 3, 10)]),
  done: [1, 2, 3],
};

test('calls of all stretches together; of delays the middle median and the worst stretch', () => {
  expect(COMPARED.idle.heartbeat).toMatchObject({ n: 6, median: 1, p99: 4 });
  expect(COMPARED.idle.delay).toEqual({ median: 1.1, p99: 1.5, max: 5 });
});

test('busy beside idle', () => {
  expect(stallRatios(COMPARED)).toMatchObject({ heartbeatMedian: 2, heartbeatP99: 1.5, delayP99: 2, delayMax: 2 });
  expect(renderTable(stallTable(COMPARED))).toEqual([
    'figure                       idle  busy   ratio',
    'heartbeat, median            1.00  2.00  2.00 x',
    'heartbeat, p99               4.00  6.00  1.50 x',
    'heartbeat, maximum           4.00  6.00  1.50 x',
    'event loop’s delay, median   1.10  1.20  1.09 x',
    'event loop’s delay, p99      1.50  3.00  2.00 x',
    'event loop’s delay, maximum  5.00  10.0  2.00 x',
  ]);
});
