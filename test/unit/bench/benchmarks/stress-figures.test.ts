import { expect, test } from 'vitest';
import { stressNotes, stressTable } from '../../../../bench/benchmarks/stress-figures.ts';
import { summarise } from '../../../../bench/statistics.ts';
import { parseStressLine, type StressFigures } from '../../../../bench/stress/order.ts';

const FIGURES: StressFigures = {
  node: '24.1.0',
  elapsedMs: 2000,
  counts: {
    ...{ givings: 300, threadGivings: 400, majorCollections: 2, heartbeats: 300, reports: 200 },
    ...{ collections: 10, hashes: 8, logs: 4, children: 20 },
  },
  ...{ ranges: 27, withoutFaultAround: 27, lockTableBytes: 1_040_384, hotPages: 700 },
  beforeBytes: summarise([30e6, 32e6, 40e6]),
  afterBytes: summarise([20e6, 21e6, 22e6]),
  ...{ minorFaults: 100_000, majorFaults: 1 },
};

test('counts in all and a second, resident memory before and after', () => {
  const { rows } = stressTable(FIGURES);
  expect(rows[0]).toEqual(['pages given back, by a thread', '400', '200.0']);
  expect(rows).toContainEqual(['agents started and reaped', '20', '10.0']);
  expect(rows).toContainEqual(['RSS before giving back, median', '32.0 MB', '']);
  expect(rows).toContainEqual(['RSS after giving back, median', '21.0 MB', '']);
});

test('the notes say whether faults bring back what is around them', () => {
  expect(stressNotes(FIGURES, 8).join('\n')).toContain('Fault-around is off on 27 of them.');
  expect(stressNotes({ ...FIGURES, withoutFaultAround: -22 }, 8).join('\n')).toContain('stays ON (errno 22)');
});

test('the line is told from others', () => {
  const line = { event: 'stress', figures: FIGURES };
  expect(parseStressLine(JSON.stringify(line))).toEqual(line);
  expect(parseStressLine('{"event":"heartbeat"}')).toBeNull();
  expect(parseStressLine('Segmentation fault')).toBeNull();
});
