import { expect, test } from 'vitest';
import { growthOf, soakFigures, soakGate, soakTable } from '../../../../bench/benchmarks/soak-figures.ts';
import type { Reading } from '../../../../bench/process-figures.ts';
import { renderTable } from '../../../../bench/table.ts';

const MINUTES = 30;
const reading = (rssBytes: number, descriptors: number): Reading => ({
  ...{ rssBytes, pssBytes: 0, anonymousBytes: 15e6, fileBackedBytes: 0 },
  ...{ peakRssBytes: 0, sharedMemoryBytes: 0, threads: 11, descriptors },
});
/** One sample a second; resident memory by the minute. */
function watched(rssOf: (minute: number) => number) {
  const seconds = Array.from({ length: MINUTES * 60 }, (_, at) => at);
  return {
    readings: seconds.map((second) => reading(rssOf(Math.floor(second / 60)), second === 90 ? 24 : 20)),
    atMs: seconds.map((second) => second * 1000),
    ...{ cpuTicks: 0, minorFaults: 0, elapsedMs: MINUTES * 60_000 },
  };
}

test('10 KB a minute are growth of 600 KB an hour, and a gate’s', () => {
  const figures = soakFigures(watched((minute) => 16e6 + minute * 10_000));
  expect(figures.rss.perHour).toBeCloseTo(600, 6);
  expect(figures.rss.isGrowth).toBe(true);
  expect(figures.anonymous.isGrowth).toBe(false);
  expect(figures.descriptors).toEqual({ first: 20, last: 20, max: 24 });
  const [rss, anonymous] = soakGate(figures);
  expect(rss?.value).toBeCloseTo(600, 6);
  expect(anonymous).toEqual({ figure: 'anonymousGrowth', value: 0 });
  expect(renderTable(soakTable(figures))).toEqual([
    'figure            first  last   max  KB/h  ± error',
    'RSS, MB            16.0  16.3  16.3   600        0  GROWS',
    'anonymous, MB      15.0  15.0  15.0     0        0  no growth beyond chance',
    'open descriptors     20    20    24',
    'threads              11    11    11',
  ]);
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
