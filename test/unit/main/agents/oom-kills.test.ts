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
  ['a scope is a new one of the same name', counts(5, { a: 5 }), counts(5, { a: 0 }), { scopes: [], gone: false }],
])('newKills: %s', ([, before, now, expected]) => {
  expect(newKills(before, now)).toEqual(expected);
});

describe('OomKills', () => {
  function watched(first: OomCounts) {
    const state = { counts: first, ms: 0, reads: 0 };
    const read = {
      total: () => state.counts.total,
      scopes: () => {
        state.reads++;
        return new Map(state.counts.scopes);
      },
    };
    const kills = new OomKills(read, () => state.ms);
    const ended = (name: string): boolean => kills.ended((scope) => scope === name);
    return { state, kills, ended };
  }

  test('all of several that were killed together and have gone', () => {
    const { state, ended } = watched(counts(0, { a: 0, b: 0, c: 0 }));
    state.counts = counts(4, { c: 0 });
    expect([ended('a'), ended('c'), ended('b')]).toEqual([true, false, true]);
  });

  test('one whose group was seen to lose something, and has gone since', () => {
    const { state, kills, ended } = watched(counts(0, { a: 0, b: 0 }));
    state.counts = counts(1, { a: 1, b: 0 });
    kills.look();
    state.ms = 2000;
    state.counts = counts(1, { b: 0 });
    expect([ended('b'), ended('a')]).toEqual([false, true]);
  });

  test.each([
    ['that was its own', { a: 1, b: 0 }],
    ['that was one of a group that has gone', { b: 0 }],
  ])('nothing of long ago, %s', (_, scopes) => {
    const { state, kills, ended } = watched(counts(0, { a: 0, b: 0 }));
    state.counts = counts(1, scopes as Record<string, number>);
    kills.look();
    state.ms = 5001;
    state.counts = counts(1, {});
    expect([ended('a'), ended('b')]).toEqual([false, false]);
  });

  test('groups are read only where the total has changed', () => {
    const { state, kills } = watched(counts(0, { a: 0 }));
    for (let look = 0; look < 5; look++) kills.look();
    expect(state.reads).toBe(1);
    state.counts = counts(1, { a: 1 });
    for (let look = 0; look < 5; look++) kills.look();
    expect(state.reads).toBe(2);
  });

  test('what is killed while it is read is not taken for one of a group that has gone', () => {
    const state = { a: 0, killsWhileRead: 0 };
    const read = {
      total: () => state.a,
      scopes: () => {
        const scopes = new Map([
          ['a', state.a + state.killsWhileRead],
          ['b', 0],
        ]);
        state.a += state.killsWhileRead;
        state.killsWhileRead = 0;
        return scopes;
      },
    };
    const kills = new OomKills(read, () => 0);
    Object.assign(state, { a: 1, killsWhileRead: 2 });
    kills.look();
    kills.look();
    expect(kills.ended((scope) => scope === 'gone')).toBe(false);
    expect(kills.ended((scope) => scope === 'a')).toBe(true);
  });
});
