import { expect, test } from 'vitest';
import { parseArguments } from '../../../bench/arguments.ts';

const ALL = [
  ...['idle', 'peers', 'collect', 'health', 'report', 'heartbeat', 'start'],
  ...['stall', 'agents', 'link', 'update', 'stress'],
];
const PLAIN = { names: ALL, quick: false, json: false, gate: false, nodes: [], soakMs: null, chart: null };

test.each([
  { args: [], expected: PLAIN },
  { args: ['--quick'], expected: { ...PLAIN, quick: true } },
  { args: ['start', 'idle', 'start', '--json'], expected: { ...PLAIN, names: ['idle', 'start'], json: true } },
  {
    args: ['idle', '--node', '20, 24', '--node=v22.1.0', '--node', '24', '--gate'],
    expected: { ...PLAIN, names: ['idle'], nodes: ['20', '24', '22.1.0'], gate: true },
  },
  { args: ['--soak', '2h'], expected: { ...PLAIN, names: ['soak'], soakMs: 7_200_000 } },
  { args: ['soak'], expected: { ...PLAIN, names: ['soak'] } },
  { args: ['idle', '--soak', '20m'], expected: { ...PLAIN, names: ['idle', 'soak'], soakMs: 1_200_000 } },
  { args: ['peers', '--chart', 'a.svg'], expected: { ...PLAIN, names: ['peers'], chart: 'a.svg' } },
  { args: ['report', '--help'], expected: 'help' },
])('$args', ({ args, expected }) => {
  expect(parseArguments(args)).toEqual(expected);
});

test.each([
  { args: ['idle', 'y', 'x'], says: /^there is no benchmark y, x; there are idle, peers, .*, soak$/ },
  { args: ['--fast'], says: /--fast/ },
  { args: ['--node', 'lts'], says: '--node takes a major or an exact version, 24 or 24.9.0, and not "lts"' },
  { args: ['--node', '20,'], says: 'and not ""' },
  { args: ['--soak', '2'], says: '--soak takes a time of at least 20m, as in 2h, and not "2"' },
  { args: ['--soak', '19m'], says: 'at least 20m' },
  { args: ['idle', '--gate', '--quick'], says: 'leave out --quick' },
  { args: ['health', '--gate'], says: '--gate has no limits for health; it has for idle' },
  { args: ['start', '--chart', 'a.svg'], says: '--chart draws what idle, peers, soak measure' },
])('$args is refused', ({ args, says }) => {
  expect(() => parseArguments(args)).toThrow(says);
});
