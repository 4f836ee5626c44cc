import { expect, test } from 'vitest';
import { statusLine } from '../../../../src/main/service/status-line.ts';

test.each([
  [[], 'no agents; link to the Manager: connected'],
  [['failed'], '1 agent failed; link to the Manager: connected'],
  [
    ['failed', 'running', 'running', 'starting'],
    '2 agents running, 1 starting, 1 failed; link to the Manager: connected',
  ],
] as const)('%j', (agents, expected) => {
  expect(statusLine(agents, 'connected')).toBe(expected);
});
