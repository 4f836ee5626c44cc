import { expect, test } from 'vitest';
import { planOf } from '../../../bench/plan.ts';

const OWN = { path: '/own', version: '20.1.0' };
const OTHER = { path: '/other', version: '24.1.0' };

test('what starts the daemon runs once for each Node, what does not once with that of the harness', () => {
  expect(planOf(['collect', 'update', 'start', 'link'], [OTHER, OWN], OWN)).toEqual([
    { name: 'collect', node: OTHER, withPeers: false },
    { name: 'collect', node: OWN, withPeers: false },
    { name: 'update', node: OWN, withPeers: false },
    { name: 'start', node: OTHER, withPeers: false },
    { name: 'start', node: OWN, withPeers: false },
    { name: 'link', node: OTHER, withPeers: false },
    { name: 'link', node: OWN, withPeers: false },
  ]);
});

test.each([
  { names: ['idle', 'peers'] as const, jobs: [{ name: 'idle', node: OWN, withPeers: true }] },
  { names: ['peers'] as const, jobs: [{ name: 'peers', node: OWN, withPeers: false }] },
  { names: ['idle'] as const, jobs: [{ name: 'idle', node: OWN, withPeers: false }] },
])('$names: idle and peers share a window', ({ names, jobs }) => {
  expect(planOf(names, [OWN], OWN)).toEqual(jobs);
});
