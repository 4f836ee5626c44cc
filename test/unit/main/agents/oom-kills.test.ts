import { describe, expect, test } from 'vitest';
import { newKills, type OomCounts, OomKills, oomKills } from '../../../../src/main/agents/oom-kills.ts';

const counts = (total: number, scopes: Record<string, number>): OomCounts => ({
  total,
  scopes: new Map(Object.entries(scopes)),
});

test('oomKills reads memory.events', () => {
  expect(oomKills('low 0\nhigh 5\nmax 9\noom 2\noom_kill 3\noom_group_kill 1\n')).toBe(3);
  expect(oomKills('')).toBe(0);
});

test.for<[string, OomCounts, OomCounts, { scopes: string[]; gone: boolean }]>([
  ['nothing new', counts(2, { a: 2 }), counts(2, { a: 2 }), { scopes: [], gone: false }],
  ['of one that is there', counts(0, { a: 0, b: 0 }), counts(2, { a: 2, b: 0 }), { scopes: ['a'], gone: false }],
  ['of one that is new', counts(0, {}), counts(1, { a: 1 }), { scopes: ['a'], gone: false }],
  ['of one that has gone', counts(0, { a: 0, b: 0 }), counts(3, { b: 0 }), { scopes: [], gone: true }],
  ['of both', counts(1, { a: 1, b: 0 }), counts(3, { b: 1 }), { scopes: ['b'], gone: true }],
  ['one that had lost something goes', counts(1, { a: 1, b: 0 }), counts(1, { b: 0 }), { scopes: [], gone: false }],
  ['the group of all is a new one', counts(5, { a: 5 }), counts(1, { b: 0 }), { scopes: [], gone: true }],
])('newKills: %s', ([, before, now, expected]) => {
  expect(newKills(before, now)).toEqual(expected);
});

describe('ended()', () => {
  function watched(first: OomCounts) {
    const state = { counts: first, ms: 0 };
    const kills = new OomKills(
      () => state.counts,
      () => state.ms,
    );
    const ended = (name: string): boolean => kills.ended((scope) => scope === name);
    const started = (name: string): void => kills.started((scope) => scope === name);
    return { state, started, ended };
  }

  test('all of several that were killed together and have gone', () => {
    const { state, ended } = watched(counts(0, { a: 0, b: 0, c: 0 }));
    state.counts = counts(4, { c: 0 });
    expect([ended('a'), ended('c'), ended('b')]).toEqual([true, false, true]);
  });

  test('not one that is killed by someone else long after', () => {
    const { state, ended } = watched(counts(0, { a: 0, b: 0 }));
    state.counts = counts(1, { b: 0 });
    expect(ended('a')).toBe(true);
    state.ms = 5001;
    state.counts = counts(1, {});
    expect(ended('b')).toBe(false);
  });

  test('not what it lost before it was started again', () => {
    const { state, started, ended } = watched(counts(0, { a: 0, b: 0 }));
    state.counts = counts(2, { a: 1, b: 1 });
    started('a');
    expect([ended('a'), ended('b')]).toEqual([false, true]);
  });

  test('what was seen to be an agent’s stays its own when the group has gone', () => {
    const { state, ended } = watched(counts(0, { a: 0, b: 0 }));
    state.counts = counts(1, { a: 1, b: 0 });
    expect(ended('b')).toBe(false);
    state.counts = counts(1, { b: 0 });
    expect([ended('b'), ended('a'), ended('a')]).toEqual([false, true, false]);
  });
});
