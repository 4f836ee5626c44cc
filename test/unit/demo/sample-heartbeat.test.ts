import { expect, test } from 'vitest';
import { cpuPercent, parseSampleArguments } from '../../../src/demo/sample-heartbeat.ts';

test.each([
  ['half of the time', { atMs: 1000, cpuMicros: 0 }, { atMs: 3000, cpuMicros: 1_000_000 }, 50],
  ['more than one core', { atMs: 0, cpuMicros: 0 }, { atMs: 1000, cpuMicros: 2_500_000 }, 250],
  ['rounded to hundredths', { atMs: 0, cpuMicros: 0 }, { atMs: 3000, cpuMicros: 1000 }, 0.03],
  ['no time between', { atMs: 5, cpuMicros: 0 }, { atMs: 5, cpuMicros: 10 }, 0],
  ['a counter that went back', { atMs: 0, cpuMicros: 10 }, { atMs: 5, cpuMicros: 0 }, 0],
])('CPU: %s', (_, before, now, expected) => {
  expect(cpuPercent(before, now)).toBe(expected);
});

test.each<[string[], object]>([
  [[], { name: 'sample-agent', intervalMs: 5000, show: null }],
  [['--name', 'a', '--interval', '2s'], { name: 'a', intervalMs: 2000, show: null }],
  [['--interval', '50ms'], { name: 'sample-agent', intervalMs: 50, show: null }],
  [['--version'], { name: 'sample-agent', intervalMs: 5000, show: 'version' }],
  [['--help'], { name: 'sample-agent', intervalMs: 5000, show: 'help' }],
])('%j', (args, expected) => {
  expect(parseSampleArguments(args)).toEqual(expected);
});

test.each([
  [['--interval'], '--interval : a time such as 2s'],
  [['--interval', '0s'], '--interval 0s'],
  [['--interval', '2'], '--interval 2'],
  [['--interval', '25h'], '--interval 25h'],
  [['--name'], 'a name is needed'],
  [['--http'], 'unknown option --http'],
])('%j is refused', (args, message) => {
  expect(() => parseSampleArguments(args)).toThrow(message);
});
