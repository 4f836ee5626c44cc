import { describe, expect, test } from 'vitest';
import { flattened } from '../../../../src/ctl/text/flatten.ts';
import { deepHarmless, harmless, harmlessLines, jsonLine } from '../../../../src/ctl/text/harmless.ts';
import { figure } from '../../../../src/ctl/text/metrics-text.ts';
import { renderTable } from '../../../../src/ctl/text/table.ts';
import { coloured, paintFor, plain } from '../../../../src/ctl/text/terminal.ts';
import { cut, padded, width } from '../../../../src/ctl/text/width.ts';
import { age, size, span } from '../../../../src/ctl/text/words.ts';

describe('harmless', () => {
  test.each([
    ['plain\ttext é 漢', 'plain\ttext é 漢'],
    ['\u001b[31mred\u001b[0m', 'red'],
    ['\u001b[2J', '\ufffd[2J'],
    ['\u001b]8;;http://x\u0007', '\ufffd]8;;http://x\ufffd'],
    ['a\r\nb\bc\u007f', 'a\ufffd\ufffdb\ufffdc\ufffd'],
    ['\u009b2J\u202eevil\u2066', '\ufffd2J\ufffdevil\ufffd'],
  ])('%j', (text, shown) => {
    expect(harmless(text)).toBe(shown);
  });

  test('lines keep their ends, deep values their shape', () => {
    expect(harmlessLines('a\u0007\r\nb')).toBe('a\ufffd\nb');
    expect(deepHarmless({ 'k\u0000': ['v\u0000', 1, null, true] })).toEqual({ 'k\ufffd': ['v\ufffd', 1, null, true] });
  });

  test('JSON says the same and has nothing to act on', () => {
    const value = { text: '\u001b\u009b\u202e\n\u2028ok' };
    const line = jsonLine(value);
    expect(line).toMatch(/^[ -~]+$/);
    expect(JSON.parse(line)).toEqual(value);
  });
});

describe('width', () => {
  test.each([
    ['abc', 3],
    ['漢字', 4],
    ['e\u0301', 1],
    ['\u001b[31mred\u001b[39m', 3],
    ['🚀', 2],
  ])('%j is %i columns', (text, columns) => {
    expect(width(text)).toBe(columns);
  });

  test.each([
    ['abcdef', 4, 'abc…'],
    ['漢字漢', 4, '漢…'],
    ['abc', 3, 'abc'],
    ['abc', 0, ''],
  ])('%j cut to %i', (text, columns, shown) => {
    expect(cut(text, columns)).toBe(shown);
  });

  test('filled on either side', () => {
    expect(padded('漢', 4)).toBe('漢  ');
    expect(padded('7', 3, 'right')).toBe('  7');
  });
});

describe('tables', () => {
  const table = {
    head: ['A', 'NUMBER', 'TEXT'],
    right: ['NUMBER'],
    rows: [['漢字', '7', 'one two three four five six']],
  };

  test('nothing is cut where there is no terminal', async () => {
    expect(await renderTable(table, null)).toBe('A     NUMBER  TEXT\n漢字       7  one two three four five six');
  });

  test('the last column is wrapped at words', async () => {
    const lines = (await renderTable(table, 34)).split('\n');
    expect(lines).toEqual(['A     NUMBER  TEXT', '漢字       7  one two three four', '              five six']);
  });

  test('colours do not move columns', async () => {
    const rows = [
      [coloured('red', 'failed'), '1', 'x'],
      ['ok', '2', 'y'],
    ];
    const lines = (await renderTable({ ...table, rows }, null)).split('\n').map((line) => width(line));
    expect(new Set(lines.slice(1))).toEqual(new Set([lines[1]]));
  });

  test('only heads', async () => {
    expect(await renderTable({ head: ['A', 'B'], rows: [] }, 80)).toBe('A  B');
  });
});

test.each([
  [{ isTTY: true }, { TERM: 'xterm' }, coloured],
  [{ isTTY: true }, { TERM: 'xterm', NO_COLOR: '1' }, plain],
  [{ isTTY: true }, { TERM: 'xterm', NO_COLOR: '' }, coloured],
  [{ isTTY: true }, { TERM: 'dumb' }, plain],
  [{}, { TERM: 'xterm' }, plain],
])('colours of %j with %j', (stream, env, paint) => {
  expect(paintFor(stream, env)).toBe(paint);
});

describe('words', () => {
  test.each([
    [0, '0 B'],
    [1023, '1023 B'],
    [14_575_206, '13.9 MiB'],
    [2 ** 52, '4096 TiB'],
  ])('%i bytes', (bytes, text) => {
    expect(size(bytes)).toBe(text);
  });

  test.each([
    [-5, '0 s', '0s'],
    [119_000, '119 s', '119s'],
    [600_000, '10 min', '10m'],
    [7_200_000, '2 h', '2h'],
    [5 * 86_400_000, '5 days', '5d'],
  ])('%i ms', (ms, words, column) => {
    expect([span(ms), age(ms)]).toEqual([words, column]);
  });

  test.each<[string, number | string | undefined, boolean, string]>([
    ['used_percent', 12.345, true, '12.3 %'],
    ['read_bytes_per_second', 2048, true, '2 KiB/s'],
    ['total', 1024, true, '1 KiB'],
    ['total', 1024, false, '1024'],
    ['load1', 0.123, true, '0.12'],
    ['model', 'x', true, 'x'],
    ['gone', undefined, true, '-'],
  ])('%s %s', (name, value, builtIn, text) => {
    expect(figure(name, value, builtIn)).toBe(text);
  });
});

test('a configuration, a line a value, with what is said of a section holding below it', () => {
  const effective = { a: { b: 'x', 'c d': null }, list: [{ id: 1 }], empty: {}, plain: [1, 2] };
  const origins = [
    { path: 'a', from: 'f:1' },
    { path: 'a.b', from: 'f:2' },
    { path: 'list[0].id', from: 'default' },
  ];
  expect(flattened(effective, origins)).toEqual([
    { path: 'a.b', value: 'x', from: 'f:2' },
    { path: 'a["c d"]', value: 'null', from: 'f:1' },
    { path: 'list[0].id', value: '1', from: 'default' },
    { path: 'empty', value: '{}', from: '' },
    { path: 'plain', value: '[1,2]', from: '' },
  ]);
});
