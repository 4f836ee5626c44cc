import { expect, test } from 'vitest';
import { ioValues, parseDiskstats } from '../../../../src/workers/collect/disk-stats.ts';

const counters = { name: 'sda', sectorsRead: 100n, sectorsWritten: 10n, busyMs: 1000n };

test('by position, whatever is appended; torn lines left out', () => {
  const text =
    '   8  0 sda 1 2 3 4 5 6 7 8 9 10 11\n 8 1 sda1 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18\n 8 2 sda2 1 2';
  const expected = { sectorsRead: 3n, sectorsWritten: 7n, busyMs: 10n };
  expect(parseDiskstats(text)).toEqual({ '8:0': { name: 'sda', ...expected }, '8:1': { name: 'sda1', ...expected } });
});

test('no rates for another device under the same number, or where no time has passed', () => {
  const since = { read_bytes: 51_200, write_bytes: 5120 };
  expect(ioValues(counters, { ...counters, name: 'sdb' }, 1000)).toEqual(since);
  expect(ioValues(counters, counters, 0)).toEqual(since);
  expect(ioValues(counters, undefined, 1000)).toEqual(since);
});

test('busier than the interval is 100 %', () => {
  const before = { ...counters, busyMs: 0n };
  expect(ioValues({ ...counters, busyMs: 1003n }, before, 1000)['busy_percent']).toBe(100);
});

test('counters beyond 2^53', () => {
  const before = { ...counters, sectorsRead: 2n ** 60n };
  const values = ioValues({ ...counters, sectorsRead: 2n ** 60n + 3n }, before, 1000);
  expect(values['read_bytes_per_second']).toBe(1536);
});
