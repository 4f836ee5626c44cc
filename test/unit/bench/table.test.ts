import { expect, test } from 'vitest';
import { left, megabytes, milliseconds, renderTable, right, times } from '../../../bench/table.ts';

test('columns are as wide as their widest cell; nothing trails', () => {
  const table = {
    columns: [left('what'), right('n'), left('note')],
    rows: [['a', '1000', ''], ['longer', '2', 'x'], ['short']],
  };
  expect(renderTable(table)).toEqual(['what       n  note', 'a       1000', 'longer     2  x', 'short']);
});

test('MB are 10^6 bytes', () => {
  expect(megabytes(61_440_000)).toBe('61.4');
});

test.each([
  [0.123, '0.12'],
  [9.999, '10.00'],
  [12.34, '12.3'],
  [123.4, '123'],
])('%d ms', (ms, expected) => {
  expect(milliseconds(ms)).toBe(expected);
});

test('a ratio that there is not', () => {
  expect([times(1.5), times(null)]).toEqual(['1.50 x', '-']);
});
