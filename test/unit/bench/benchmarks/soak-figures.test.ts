import { expect, test } from 'vitest';
import { restVerdicts } from '../../../../bench/benchmarks/idle-figures.ts';
import { growthOf, soakFigures, soakGate, soakTable } from '../../../../bench/benchmarks/soak-figures.ts';
import type { Reading } from '../../../../bench/process-figures.ts';
import { renderTable } from '../../../../bench/table.ts';

const MINUTES = 30;
const reading = (rssBytes: number, descriptors: number): Reading => ({
  ...{ rssBytes, pssBytes: 0, anonymousBytes: 15e6, fileBackedBytes: 0 },
  ...{ peakRssBytes: 28e6, sharedMemoryBytes: 0, threads: 11, descriptors },
});
/** One sample a second; resident memory by the minute. */
function watched(rssOf: (minute: number) => number) {
  const seconds = Array.from({ length: MINUTES * 60 }, (_, at) => at);
  return {
    readings: seconds.map((second) => reading(rssOf(Math.floor(second / 60)), second === 90 ? 24 : 20)),
    atMs: seconds.map((second) => second * 1000),
    ...{ cpuTicks: 900, minorFaults: 0, elapsedMs: MINUTES * 60_000 },
  };
}

test('10 KB a minute are growth of 600 KB an hour, and a gate’s', () => {
  const figures = soakFigures(watched((minute) => 16e6 + minute * 10_000));
  expect(figures.rss.perHour).toBeCloseTo(600, 6);
  expect(figures.rss.isGrowth).toBe(true);
  expect(figures.anonymous.isGrowth).toBe(false);
  expect(figures.descriptors).toEqual({ first: 20, last: 20 });
  const gate = new Map(soakGate(figures).map(({ figure, value }) => [figure, value]));
  expect(gate.get('rssGrowth')).toBeCloseTo(600, 6);
  gate.delete('rssGrowth');
  // an old daemon is held to what a new one is
  expect(Object.fromEntries(gate)).toEqual({
    ...{ rssMedian: 16.14, rssP95: 16.28, rssPeak: 28, anonymousMedian: 15, cpu: 0.5 },
    ...{ anonymousGrowth: 0, descriptorGrowth: 0, threadGrowth: 0 },
  });
  expect(renderTable(soakTable(figures, restVerdicts(figures.daemon, true)))).toEqual([
    'figure              first  last  median   p95   max  KB/h  ± error  growth                   target of the design document',
    'RSS, MB              16.0  16.3    16.1  16.3  16.3   600        0  GROWS                    < 30 MB: holds',
    'RSS, peak, MB                                  28.0                                          < 30 MB: holds',
    'anonymous, MB        15.0  15.0    15.0  15.0  15.0     0        0  no growth beyond chance',
    'open descriptors       20    20      20    20    24                 no growth',
    'threads                11    11      11    11    11                 no growth',
    'CPU, % of one core                             0.50                                          < 1 %: holds',
  ]);
});

test.each([
  { last: 20, value: 0, says: 'no growth' },
  { last: 21, value: 1, says: 'GROWS' },
  { last: 19, value: -1, says: 'no growth' },
])('descriptors from 20 to $last: $says', ({ last, value, says }) => {
  const { readings, ...more } = watched(() => 16e6);
  const grown = readings.map((one, second) => (second < 25 * 60 ? one : { ...one, descriptors: last }));
  const figures = soakFigures({ ...more, readings: grown });
  expect(soakGate(figures)).toContainEqual({ figure: 'descriptorGrowth', value });
  const { rows } = soakTable(figures, restVerdicts(figures.daemon, true));
  expect(rows.find(([title]) => title === 'open descriptors')).toContain(says);
});

test.each([
  ['what goes up and down', (minute: number) => 16e6 + (minute % 2) * 1e6],
  [
    'what is higher for some minutes, and back afterwards',
    (minute: number) => (minute > 20 && minute < 25 ? 19e6 : 16e6),
  ],
])('%s is none', (_, rssOf) => {
  expect(soakFigures(watched(rssOf)).rss).toMatchObject({ perHour: 0, isGrowth: false });
});

test('a leak under what goes up and down is one', () => {
  const { rss } = soakFigures(watched((minute) => 16e6 + (minute % 2) * 1e6 + minute * 5000));
  expect(rss.isGrowth).toBe(true);
  expect(Math.abs(rss.perHour - 300)).toBeLessThan(10);
});

test.each([
  { perHour: 101, errorPerHour: 50, isGrowth: true },
  { perHour: 101, errorPerHour: 51, isGrowth: false },
  { perHour: 99, errorPerHour: 1, isGrowth: false },
  { perHour: -500, errorPerHour: 1, isGrowth: false },
])('$perHour ± $errorPerHour KB an hour: $isGrowth', ({ perHour, errorPerHour, isGrowth }) => {
  expect(growthOf({ perHour, errorPerHour, points: 30 }).isGrowth).toBe(isGrowth);
});
