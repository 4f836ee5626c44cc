import { expect, test } from 'vitest';
import { parseArguments } from '../../../src/demo/arguments.ts';

const DEFAULTS = { forMs: null, fast: false, json: false };

test.each<[string[], object | string]>([
  [[], DEFAULTS],
  [['--fast', '--json'], { forMs: null, fast: true, json: true }],
  [['--for', '20s'], { ...DEFAULTS, forMs: 20_000 }],
  [['--for=2m'], { ...DEFAULTS, forMs: 120_000 }],
  [['--for', '24h'], { ...DEFAULTS, forMs: 86_400_000 }],
  [['--help', '--fast'], 'help'],
])('%j', (args, expected) => {
  expect(parseArguments(args)).toEqual(expected);
});

test.each([
  [['--for', '20'], '--for 20: a time such as 20s'],
  [['--for', '0s'], '--for 0s: a time such as 20s'],
  [['--for', '25h'], 'a day at most'],
  [['--quick'], "Unknown option '--quick'"],
  [['now'], "Unexpected argument 'now'"],
])('%j is refused', (args, message) => {
  expect(() => parseArguments(args)).toThrow(message);
});
