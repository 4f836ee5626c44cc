import { expect, test } from 'vitest';
import { parseArguments } from '../../../bench/arguments.ts';

const ALL = ['idle', 'collect', 'health', 'report', 'start', 'link', 'update'];

test.each([
  { args: [], expected: { names: ALL, quick: false, json: false } },
  { args: ['--quick'], expected: { names: ALL, quick: true, json: false } },
  { args: ['start', 'idle', 'start', '--json'], expected: { names: ['idle', 'start'], quick: false, json: true } },
  { args: ['report', '--help'], expected: 'help' },
])('$args', ({ args, expected }) => {
  expect(parseArguments(args)).toEqual(expected);
});

test.each([
  {
    args: ['idle', 'stall', 'x'],
    says: 'there is no benchmark stall, x; there are idle, collect, health, report, start, link, update',
  },
  { args: ['--fast'], says: /--fast/ },
])('$args is refused', ({ args, says }) => {
  expect(() => parseArguments(args)).toThrow(says);
});
