import { describe, expect, test } from 'vitest';
import { AgentRegistry } from '../../../../src/main/agents/registry.ts';
import { mayStart, stopOrder } from '../../../../src/main/agents/start-order.ts';
import type { AgentStatus, AgentType } from '../../../../src/shared/contracts/agent.ts';

const agent = (id: string, type: AgentType = 'custom', idle = true) => ({ config: { id, type }, idle });

describe('AgentRegistry', () => {
  test('registers, finds, lists in order, lists by type', () => {
    const registry = new AgentRegistry<ReturnType<typeof agent>>();
    for (const each of [agent('b'), agent('a', 'filebeat'), agent('c')]) registry.register(each);
    expect(registry.list().map(({ config }) => config.id)).toEqual(['b', 'a', 'c']);
    expect(registry.listByType('custom').map(({ config }) => config.id)).toEqual(['b', 'c']);
    expect(registry.get('a')?.config.type).toBe('filebeat');
    expect(registry.get('x')).toBeUndefined();
  });

  test('an id is unique, and safe to become a folder’s name', () => {
    const registry = new AgentRegistry<ReturnType<typeof agent>>();
    registry.register(agent('a'));
    expect(() => registry.register(agent('a'))).toThrow('there is an agent a already');
    for (const id of ['', '..', 'a/b', 'a b', 'ä', 'x'.repeat(101), 'a\n']) {
      expect(() => registry.register(agent(id))).toThrow('cannot be an agent');
    }
    registry.register(agent('x'.repeat(100)));
  });

  test('one that runs is not forgotten', () => {
    const registry = new AgentRegistry<ReturnType<typeof agent>>();
    registry.register(agent('busy', 'custom', false));
    registry.register(agent('idle'));
    expect(() => registry.unregister('busy')).toThrow('agent busy runs');
    expect(() => registry.unregister('none')).toThrow('there is no agent none');
    registry.unregister('idle');
    expect(registry.list()).toHaveLength(1);
  });
});

describe('order', () => {
  const statuses: Record<string, AgentStatus> = {
    up: 'running',
    coming: 'starting',
    again: 'restarting',
    off: 'stopped',
    ill: 'failed',
  };
  const status = (id: string): AgentStatus | undefined => statuses[id];

  test('waits for what is coming, and for nothing else', () => {
    const waiting = ['up', 'coming', 'again', 'off', 'ill', 'unknown'].map((id) => ({
      id: `after-${id}`,
      after: [id],
    }));
    expect(mayStart(waiting, status)).toEqual(['after-up', 'after-off', 'after-ill', 'after-unknown']);
    expect(
      mayStart(
        [
          { id: 'a', after: [] },
          { id: 'b', after: ['a'] },
        ],
        status,
      ),
    ).toEqual(['a']);
  });

  test('whoever comes after another stops before it, and a circle ends all the same', () => {
    const chain = [
      { id: 'a', after: [] },
      { id: 'b', after: ['a'] },
      { id: 'c', after: ['a', 'b'] },
      { id: 'd', after: [] },
    ];
    expect(stopOrder(chain)).toEqual([['c', 'd'], ['b'], ['a']]);
    expect(
      stopOrder([
        { id: 'a', after: ['b'] },
        { id: 'b', after: ['a'] },
      ]),
    ).toEqual([['a', 'b']]);
  });
});
