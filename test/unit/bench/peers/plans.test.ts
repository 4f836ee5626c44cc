import { expect, test } from 'vitest';
import { PEERS } from '../../../../bench/peers/plans.ts';

const PLACE = {
  folder: '/tmp/peer',
  agents: ['a', 'b'].map((id) => ({
    id,
    command: ['/bin/env', `ID=${id}`, '/node', '/sample-agent.js'] as [string, ...string[]],
  })),
};

test.each(PEERS)('$name writes into its folder, and needs no fixed port', (plan) => {
  const texts = [...Object.values(plan.files(PLACE)), plan.args(PLACE).join(' ')].join('\n');
  expect(texts).not.toMatch(/\/(var|etc|run)\//);
  for (const [port] of texts.matchAll(/:\d+/g)) expect(port).toBe(':0');
});

test.each(PEERS.filter(({ supervises }) => supervises))('$name is given all the agents', (plan) => {
  const texts = Object.values(plan.files(PLACE)).join('\n');
  for (const { id, command } of PLACE.agents) {
    for (const part of command) expect(texts).toContain(part);
    expect(texts).toContain(id);
  }
});

test('one that leaves its starter says how it is ended', () => {
  expect(PEERS.filter(({ endArgs }) => endArgs).map(({ name }) => name)).toEqual(['PM2']);
});
