import { describe, expect, test } from 'vitest';
import {
  afterSession,
  type History,
  type LinkStateName,
  mayFollow,
  NO_HISTORY,
  type SessionEnd,
} from '../../../../src/main/link/link-state.ts';

const LOST: SessionEnd = { connectedMs: 0, planned: false, refused: false };

const AFTER = (failures: number, goodbyes = 0): History => ({ failures, goodbyes });

describe('afterSession', () => {
  test('waits between one and ten reconnect intervals, the range doubling with each failure', () => {
    const longest = [0, 1, 2, 3, 4, 20].map((failures) => afterSession(LOST, AFTER(failures), 10_000, () => 1).delayMs);
    expect(longest).toEqual([20_000, 40_000, 80_000, 100_000, 100_000, 100_000]);
    const shortest = [0, 1, 20].map((failures) => afterSession(LOST, AFTER(failures), 10_000, () => 0).delayMs);
    expect(shortest).toEqual([10_000, 10_000, 10_000]);
  });

  test('counts failures in a row and begins anew after a session that held', () => {
    expect(afterSession(LOST, AFTER(4), 10_000, () => 0).failures).toBe(5);
    expect(afterSession({ ...LOST, connectedMs: 29_999 }, AFTER(4), 10_000, () => 0).failures).toBe(5);
    expect(afterSession({ ...LOST, connectedMs: 30_000 }, AFTER(4, 5), 10_000, () => 0)).toMatchObject(AFTER(1, 0));
  });

  test('a planned goodbye is followed at once, and forgets what was before where the session had held', () => {
    const held = { ...LOST, planned: true, connectedMs: 60_000 };
    expect(afterSession(held, AFTER(4, 5), 10_000, () => 0.5)).toEqual({ delayMs: 0, ...NO_HISTORY });
  });

  test('a Manager that says goodbye again and again, each time soon, is one that fails', () => {
    const soon = { ...LOST, planned: true, connectedMs: 100 };
    const delays: number[] = [];
    let history: History = NO_HISTORY;
    for (let n = 0; n < 7; n++) {
      const retry = afterSession(soon, history, 10_000, () => 0.5);
      delays.push(retry.delayMs);
      history = retry;
    }
    expect(delays).toEqual([0, 0, 0, 0, 0, 15_000, 25_000]);
  });

  test('a refused registration waits in the longest range at once', () => {
    expect(afterSession({ ...LOST, refused: true }, AFTER(0), 10_000, () => 1).delayMs).toBe(100_000);
  });
});

test('only these states may follow each other', () => {
  const allowed: [LinkStateName, LinkStateName][] = [
    ['connecting', 'registering'],
    ['connecting', 'backing-off'],
    ['connecting', 'closed'],
    ['registering', 'registering'],
    ['registering', 'connected'],
    ['registering', 'connecting'],
    ['registering', 'backing-off'],
    ['registering', 'closed'],
    ['connected', 'connected'],
    ['connected', 'connecting'],
    ['connected', 'backing-off'],
    ['connected', 'closed'],
    ['backing-off', 'connecting'],
    ['backing-off', 'closed'],
  ];
  const names: LinkStateName[] = ['connecting', 'registering', 'connected', 'backing-off', 'closed'];
  const found = names.flatMap((from) => names.filter((to) => mayFollow(from, to)).map((to) => [from, to]));
  expect(found.sort()).toEqual(allowed.sort());
});
