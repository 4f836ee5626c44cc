import { expect, test } from 'vitest';
import { type UpdateFigures, updateRows, updateTable } from '../../../../bench/benchmarks/update-figures.ts';
import { type Summary, summarise } from '../../../../bench/statistics.ts';
import { renderTable } from '../../../../bench/table.ts';

const took = (p99: number): Summary => summarise([1, p99]);
const speedOf = (ours: number, openssl: number) => ({ ours: summarise([ours]), openssl: summarise([openssl]) });

const FIGURES: UpdateFigures = {
  stall: {
    idle: { heartbeat: took(2), delay: { median: 1.1, p99: 1.2, max: 3 } },
    busy: { heartbeat: took(3), delay: { median: 1.1, p99: 19.9, max: 40 } },
    verifications: 5,
  },
  speed: { version: 'OpenSSL 3', hash: speedOf(1000, 940), signature: speedOf(1200, 1500) },
  memory: { beforeBytes: 70e6, peakBytes: 90e6 },
};

test('each figure beside what it is held against', () => {
  expect(renderTable(updateTable(updateRows(FIGURES)))).toEqual([
    'figure                             against  that  verifying     ratio  target',
    'event loop’s delay, p99, ms        idle     1.20       19.9            < 20 ms: holds',
    'heartbeat, p99, ms                 idle     2.00       3.00    1.50 x  ≤ 2 x: holds',
    'SHA-256, median, ms                openssl   940       1000    0.94 x  ≥ 0.95 x: does not hold',
    'SHA-256 and signature, median, ms  openssl  1500       1200    1.25 x  ≥ 1 x: holds',
    'RSS, peak, MB                      before   70.0       90.0  +20.0 MB  < 20 MB: does not hold',
  ]);
});

test('what was not measured is left out', () => {
  const rows = updateRows({ ...FIGURES, speed: null, memory: null });
  expect(rows.map(({ verdict }) => verdict.target)).toEqual(['verifyDelay', 'verifyHeartbeat']);
});
