import { describe, expect, test } from 'vitest';
import { ResourceRing } from '../../../../src/main/agents/resource-ring.ts';
import type { ResourceUsage } from '../../../../src/shared/contracts/health.ts';

const USAGE: ResourceUsage = {
  cpuPercent: 12.3,
  rssBytes: 2 ** 40 + 1,
  vmsBytes: 2 ** 45 + 3,
  diskReadBytes: 4096,
  diskWriteBytes: 8192,
  openFiles: 17,
  threads: 4,
};

function filled(intervalMs: number, count: number): ResourceRing {
  const ring = new ResourceRing(intervalMs);
  for (let n = 0; n < count; n++) ring.add(10_000 + (n * intervalMs) / 1000, { ...USAGE, openFiles: n });
  return ring;
}
const files = (ring: ResourceRing, seconds: number, nowSeconds: number): (number | null)[] =>
  ring.since(seconds, nowSeconds).map(({ openFiles }) => openFiles);

describe('ResourceRing', () => {
  test('gives back what was added, to the last byte', () => {
    const ring = new ResourceRing(30_000);
    expect(ring.since(0, 5000)).toEqual([]);
    ring.add(5000, USAGE);
    const { threads, ...figures } = USAGE;
    expect(ring.since(0, 5000)).toEqual([{ atSeconds: 5000, ...figures }]);
  });

  test('what is not known stays so', () => {
    const ring = new ResourceRing(30_000);
    const unknown = { cpuPercent: null, diskReadBytes: null, diskWriteBytes: null, openFiles: null };
    ring.add(5000, { ...USAGE, ...unknown });
    expect(ring.since(60, 5000)).toMatchObject([{ ...unknown, rssBytes: USAGE.rssBytes }]);
  });

  test.each([
    ['the last minute', 60, [7, 8]],
    ['the second of now', 1, [8]],
    ['0, which is the last hour', 0, [0, 1, 2, 3, 4, 5, 6, 7, 8]],
    ['more than there is', 1e9, [0, 1, 2, 3, 4, 5, 6, 7, 8]],
  ])('%s, oldest first', (_, seconds, expected) => {
    expect(files(filled(30_000, 9), seconds, 10_240)).toEqual(expected);
  });

  test('the oldest make room: an hour is kept whole', () => {
    const ring = filled(30_000, 1000);
    const nowSeconds = 10_000 + 999 * 30;
    const kept = files(ring, 0, nowSeconds);
    expect(kept).toHaveLength(120);
    expect([kept[0], kept.at(-1)]).toEqual([880, 999]);
    expect(files(ring, 1e9, nowSeconds)).toHaveLength(ring.capacity);
  });

  test.each([
    [1000, 361],
    [3000, 301],
    [9999, 182],
    [10_000, 361],
    [30_000, 121],
    [86_400_000, 2],
  ])('at an interval of %d ms it holds %d points, never more than 20 KB', (intervalMs, capacity) => {
    expect(new ResourceRing(intervalMs).capacity).toBe(capacity);
    expect(capacity * 7 * 8).toBeLessThan(20_500);
  });

  test('of checks that are closer than ten seconds every so many are kept', () => {
    expect(files(filled(4000, 10), 0, 10_040)).toEqual([0, 3, 6, 9]);
  });

  test('after the clock was set back nothing lies in the future, nor out of order', () => {
    const ring = filled(30_000, 3);
    ring.add(10_010, { ...USAGE, openFiles: 100 });
    expect(files(ring, 0, 10_010)).toEqual([0, 100]);
    expect(files(ring, 0, 10_100)).toEqual([0, 100, 1, 2]);
  });
});
