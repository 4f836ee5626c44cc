import { describe, expect, test } from 'vitest';
import { parseArguments } from '../../../bench/arguments.ts';
import { percentile, renderResult, single, spread } from '../../../bench/figures.ts';
import { parseCpuMs, parseMemory, parsePeak } from '../../../bench/kernel.ts';

describe('figures', () => {
  test('percentiles by nearest rank', () => {
    const ten = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10];
    expect([0, 0.5, 0.95, 1].map((share) => percentile(ten, share))).toEqual([1, 5, 10, 10]);
    expect(spread([3, 1, 2])).toEqual({ n: 3, min: 1, median: 2, p95: 3, max: 3 });
    expect(single(7)).toEqual({ n: 1, min: 7, median: 7, p95: 7, max: 7 });
    expect(() => spread([])).toThrow('no samples');
  });

  test('a table says each figure, and whether a target holds', () => {
    const lines = renderResult({
      benchmark: 'idle',
      notes: ['a note'],
      figures: [
        { name: 'RSS', unit: 'MB', spread: spread([10, 123.4, 1.256]), target: { text: '< 30 MB', holds: true } },
        { name: 'peak', unit: 'MB', spread: single(50), target: { text: '< 30 MB', holds: false } },
      ],
    });
    expect(lines).toEqual([
      'idle',
      '  a note',
      '            n   min  median   p95   max  target',
      '  RSS   MB  3  1.26    10.0   123   123  < 30 MB: holds',
      '  peak  MB  1  50.0    50.0  50.0  50.0  < 30 MB: does not hold',
      '',
    ]);
  });
});

describe('what the kernel says', () => {
  const rollup = ['00400000-7ffc rollup', 'Rss:     60000 kB', 'Pss:     20000 kB', 'Anonymous:   15000 kB', ''].join(
    '\n',
  );

  test('memory', () => {
    expect(parseMemory(rollup)).toEqual({
      rssBytes: 61_440_000,
      pssBytes: 20_480_000,
      anonymousBytes: 15_360_000,
      fileBytes: 46_080_000,
    });
    expect(() => parseMemory('')).toThrow('does not say Rss');
    expect(parsePeak('VmPeak:\t 9 kB\nVmHWM:\t   70000 kB\n')).toBe(71_680_000);
  });

  test('CPU time counts ended children too, whatever the process is called', () => {
    expect(parseCpuMs('7 (a) b) S 1 7 7 0 -1 0 0 0 0 0 10 5 2 1 20 0 11 0 5 0 0')).toBe(180);
  });
});

describe('arguments', () => {
  test('all benchmarks where none is named', () => {
    expect(parseArguments([])).toEqual({
      benchmarks: ['idle', 'collect', 'report', 'start'],
      quick: false,
      json: false,
    });
    expect(parseArguments(['start', 'idle', '--quick', '--json'])).toEqual({
      benchmarks: ['start', 'idle'],
      quick: true,
      json: true,
    });
    expect(parseArguments(['--help'])).toBe('help');
  });

  test('what is not known is refused', () => {
    expect(() => parseArguments(['speed'])).toThrow('no benchmark "speed": idle, collect');
    expect(() => parseArguments(['--fast'])).toThrow('--fast');
  });
});
