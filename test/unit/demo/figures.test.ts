import { expect, test } from 'vitest';
import { bytes, collectorLine, duration, milliseconds, percent } from '../../../src/demo/figures.ts';

test.each([
  [0, '0 B'],
  [999, '999 B'],
  [1000, '1.0 kB'],
  [21_540_000, '21.5 MB'],
  [8_000_000_000, '8.0 GB'],
  [2e18, '2000.0 PB'],
])('%d bytes', (value, text) => {
  expect(bytes(value)).toBe(text);
});

test.each([
  [null, '-'],
  [0.04, '0.0 ms'],
  [9.94, '9.9 ms'],
  [10.4, '10 ms'],
])('%s milliseconds', (value, text) => {
  expect(milliseconds(value)).toBe(text);
});

test.each([
  [-1, '0 s'],
  [59_999, '59 s'],
  [60_000, '1 min 0 s'],
  [3_725_000, '1 h 2 min'],
])('%d ms as a duration', (value, text) => {
  expect(duration(value)).toBe(text);
});

test('percent', () => {
  expect(percent(12.34)).toBe('12.3 %');
});

test.each([
  ['cpu', { usage_percent: 1 }, '1.0 %'],
  [
    'disk',
    { usage_percent: 13.26, used_bytes: 1000, total_bytes: 2000, partition_count: 1 },
    '13.3 %  1.0 kB of 2.0 kB  1 file system',
  ],
  ['memory', { used_bytes: 1000, swap_used: 0 }, '1.0 kB  swap 0 B'],
  [
    'network',
    { rx_bytes: 5, tx_bytes: 6, interval_seconds: 59.98, interface_count: 3 },
    'in 5 B  out 6 B  over 60 s  3 interfaces',
  ],
  ['cpu', {}, ''],
  ['own', { a: 1, b: 0.256, c: 3, d: 4 }, 'a 1  b 0.26  c 3'],
])('%s %j', (name, values, line) => {
  expect(collectorLine(name, values)).toBe(line);
});
