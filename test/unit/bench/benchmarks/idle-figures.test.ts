import { expect, test } from 'vitest';
import {
  idleFigures,
  idleTable,
  restGate,
  restVerdicts,
  rssSeries,
} from '../../../../bench/benchmarks/idle-figures.ts';
import type { Reading } from '../../../../bench/process-figures.ts';
import { renderTable } from '../../../../bench/table.ts';

const reading = (megabytes: number): Reading => ({
  rssBytes: megabytes * 1e6,
  pssBytes: 20e6,
  anonymousBytes: 15e6,
  fileBackedBytes: (megabytes - 15) * 1e6,
  peakRssBytes: 66e6,
  sharedMemoryBytes: 0,
  threads: 11,
  descriptors: 20,
});

test('figures, ratios to the floor, and what becomes of the targets', () => {
  const daemon = idleFigures({
    readings: [60, 50, 64].map(reading),
    atMs: [0, 100, 200],
    cpuTicks: 5,
    minorFaults: 30,
    elapsedMs: 10_000,
  });
  const floor = idleFigures({ readings: [reading(40)], atMs: [0], cpuTicks: 0, minorFaults: 0, elapsedMs: 10_000 });
  expect(daemon.cpuPercent).toBe(0.5);
  const work = { heartbeats: 2, reports: { cpu: 2, memory: 2, disk: 2, network: 2 }, states: 0, agentFaults: [] };
  const figures = { daemon, floor, peaksAreOfWindow: true, work, cgroup: null, userfaultfd: true };
  const verdicts = restVerdicts(daemon, true);
  expect(verdicts.rss.measured).toBe(64);
  expect(renderTable(idleTable(figures, verdicts))).toEqual([
    'figure                  min  median   p95   max  floor   ratio  target of the design document',
    'RSS, MB                50.0    60.0  64.0  64.0   40.0  1.50 x  < 30 MB: does not hold',
    '  anonymous, MB        15.0    15.0  15.0  15.0   15.0  1.00 x',
    '  file-backed, MB      35.0    45.0  49.0  49.0   25.0  1.80 x',
    'RSS, peak, MB                              66.0   66.0  1.00 x  < 30 MB: does not hold',
    'PSS, MB                20.0    20.0  20.0  20.0   20.0  1.00 x',
    'threads                  11      11    11    11     11  1.00 x',
    'open descriptors         20      20    20    20     20  1.00 x',
    'minor faults a minute                       180      0       -',
    'CPU, % of one core                         0.50   0.00       -  < 1 %: holds',
  ]);
  expect(Object.fromEntries(restGate(daemon).map(({ figure, value }) => [figure, value]))).toEqual({
    ...{ rssMedian: 60, rssP95: 64, rssPeak: 66, anonymousMedian: 15, cpu: 0.5 },
  });
  expect(restVerdicts(daemon, false).peak.figure).toContain('since the start');
});

test('a series is resident memory over time', () => {
  const watched = { readings: [60, 50].map(reading), atMs: [0, 100], cpuTicks: 0, minorFaults: 0, elapsedMs: 200 };
  expect(rssSeries('x', watched)).toEqual({
    name: 'x',
    points: [
      { atMs: 0, bytes: 60e6 },
      { atMs: 100, bytes: 50e6 },
    ],
  });
});
