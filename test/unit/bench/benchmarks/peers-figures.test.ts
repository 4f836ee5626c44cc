import { expect, test } from 'vitest';
import { idleFigures } from '../../../../bench/benchmarks/idle-figures.ts';
import { peersTable } from '../../../../bench/benchmarks/peers-figures.ts';
import { renderTable } from '../../../../bench/table.ts';

test('a row each, memory in MB', () => {
  const reading = {
    ...{ rssBytes: 16e6, pssBytes: 14e6, anonymousBytes: 12e6, fileBackedBytes: 4e6 },
    ...{ peakRssBytes: 28e6, sharedMemoryBytes: 0, threads: 11, descriptors: 20 },
  };
  const watched = { readings: [reading], atMs: [0], cpuTicks: 5, minorFaults: 0, elapsedMs: 10_000 };
  const figures = idleFigures(watched);
  expect(renderTable(peersTable([{ name: 'daemon, Node 24.1.0', processes: 1, figures }]))).toEqual([
    'program              processes  RSS median   p95   max  peak  anonymous   PSS  CPU %  threads',
    'daemon, Node 24.1.0          1        16.0  16.0  16.0  28.0       12.0  14.0   0.50       11',
  ]);
});
