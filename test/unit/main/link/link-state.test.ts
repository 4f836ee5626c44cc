import { describe, expect, test } from 'vitest';
import { afterSession, type LinkStateName, mayFollow, type SessionEnd } from '../../../../src/main/link/link-state.ts';

const LOST: SessionEnd = { connectedMs: 0, planned: false, refused: false };

describe('afterSession', () => {
  test('waits between one and ten reconnect intervals, the range doubling with each failure', () => {
    const longest = [0, 1, 2, 3, 4, 20].map((failures) => afterSession(LOST, failures, 10_000, () => 1).delayMs);
    expect(longest).toEqual([20_000, 40_000, 80_000, 100_000, 100_000, 100_000]);
    const shortest = [0, 1, 20].map((failures) => afterSession(LOST, failures, 10_000, () => 0).delayMs);
    expect(shortest).toEqual([10_000, 10_000, 10_000]);
  });

  test('counts failures in a row and begins anew after a session that held', () => {
    expect(afterSession(LOST, 4, 10_000, () => 0).failures).toBe(5);
    expect(afterSession({ ...LOST, connectedMs: 29_999 }, 4, 10_000, () => 0).failures).toBe(5);
    expect(afterSession({ ...LOST, connectedMs: 30_000 }, 4, 10_000, () => 0).failures).toBe(1);
  });

  test('a planned goodbye is followed at once, unless the session was a short one', () => {
    expect(afterSession({ ...LOST, planned: true, connectedMs: 60_000 }, 4, 10_000, () => 0.5)).toEqual({
      delayMs: 0,
      failures: 0,
    });
    expect(
      afterSession({ ...LOST, planned: true, connectedMs: 100 }, 0, 10_000, () => 0.5).delayMs,
    ).toBeGreaterThanOrEqual(10_000);
  });

  test('a refused registration waits in the longest range at once', () => {
    expect(afterSession({ ...LOST, refused: true }, 0, 10_000, () => 1).delayMs).toBe(100_000);
  });
});

test('only these states may follow each other', () => {
  const allowed: [LinkStateName, LinkStateName][] = [
    ['connecting', 'registering'],
    ['connecting', 'backing-off'],
    ['connecting', 'closed'],
    ['registering', 'connected'],
    ['registering', 'connecting'],
    ['registering', 'backing-off'],
    ['registering', 'closed'],
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
