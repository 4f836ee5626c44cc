import { describe, expect, test } from 'vitest';
import {
  AFTER_START,
  AFTER_THREADS,
  ENDED_THREAD,
  isTight,
  LONG_THREAD,
  restAfterCollectionMs,
  STARTING_THREAD,
  waitForHeartbeatMs,
  watchFor,
} from '../../../../src/main/footprint/plan.ts';

const MB = 1_000_000;
const NEVER = Number.POSITIVE_INFINITY;

describe('watchFor', () => {
  test.each([
    ['a thread starts', 1, 0, NEVER, STARTING_THREAD],
    ['it has run for a while', 1, 2000, NEVER, LONG_THREAD],
    ['a second one starts beside it', 2, 10, 5, STARTING_THREAD],
    ['one of two has ended', 1, 60_000, 0, LONG_THREAD],
    ['the last has ended', 0, 500, 0, ENDED_THREAD],
    ['its memory is still kept', 0, 60_000, 8999, ENDED_THREAD],
    ['nothing is kept any more', 0, 60_000, 9000, null],
    ['no thread was ever started', 0, NEVER, NEVER, null],
  ])('%s', (_, threads, startedMs, endedMs, watch) => {
    expect(watchFor(threads, startedMs, endedMs)).toBe(watch);
  });

  test('looks more often the faster pages come in', () => {
    expect(STARTING_THREAD.everyMs).toBeLessThan(LONG_THREAD.everyMs);
    expect(LONG_THREAD.everyMs).toBeLessThan(ENDED_THREAD.everyMs);
  });
});

describe('the limit', () => {
  test.each([STARTING_THREAD, LONG_THREAD])('with a thread is between 24 and 27 MB', (watch) => {
    for (const leftBytes of [0, 10 * MB, 21 * MB, 22.5 * MB, 24 * MB, 26 * MB]) {
      expect(watch.aboveBytes(leftBytes)).toBeLessThanOrEqual(27 * MB);
      expect(watch.aboveBytes(leftBytes)).toBeGreaterThanOrEqual(24 * MB);
    }
    // that much is not to be had: what comes on top of it is
    expect([40, 200].map((left) => watch.aboveBytes(left * MB))).toEqual([41 * MB, 201 * MB]);
    expect(watch.aboveBytes(22.5 * MB)).toBe(25.5 * MB);
    expect(watch.aboveBytes(10 * MB)).toBe(24 * MB);
    expect(watch.aboveBytes(25 * MB)).toBe(27 * MB);
  });

  test('after one is a little more than was left', () => {
    expect(ENDED_THREAD.aboveBytes(18 * MB)).toBe(19.5 * MB);
  });

  test('is kept by giving back all where what stays comes near it', () => {
    expect(isTight(26.4 * MB)).toBe(false);
    expect(isTight(26.5 * MB)).toBe(true);
    expect(isTight(STARTING_THREAD.aboveBytes(26 * MB))).toBe(true);
  });
});

test('every plan ends with a collection, where one pays, and comes in order', () => {
  expect([AFTER_START.at(-1)?.step, AFTER_THREADS.at(-1)?.step]).toEqual(['last', 'tidy']);
  for (const plan of [AFTER_START, AFTER_THREADS]) {
    const times = plan.map(({ afterMs }) => afterMs);
    expect(times).toEqual(times.toSorted((a, b) => a - b));
  }
});

describe('a collection', () => {
  test.each([
    ['comes where no heartbeat is planned', NEVER, 0],
    ['comes long before one', 10_000, 0],
    ['comes just clear of one', 101, 0],
    ['waits until it is past one that is near', 100, 200],
    ['waits for one that is due', 0, 100],
    ['waits for one that is late', -200, 100],
  ])('%s', (_, heartbeatInMs, waitMs) => {
    expect(waitForHeartbeatMs(heartbeatInMs)).toBe(waitMs);
  });

  test('that has waited is clear of the heartbeat that it waited for', () => {
    for (const heartbeatInMs of [-1, 0, 1, 50, 99, 100]) {
      expect(waitForHeartbeatMs(heartbeatInMs) - Math.max(0, heartbeatInMs)).toBe(100);
    }
  });
});

describe('the share of collections', () => {
  test('what took long is repeated later than what took little; one that took nothing, at once', () => {
    expect(restAfterCollectionMs(0)).toBe(0);
    expect(restAfterCollectionMs(20)).toBe(4 * restAfterCollectionMs(5));
    // a thread ends each 30 s by default; after it, two collections: Node 20 takes 10 ms for one, Node 24 25 ms
    expect(restAfterCollectionMs(2 * 25)).toBeLessThan(30_000);
    // several times that where others take the processor's caches; a slow host leaves rounds out
    expect(restAfterCollectionMs(2 * 75)).toBeLessThan(30_000);
    expect(restAfterCollectionMs(2 * 250)).toBeGreaterThan(30_000);
  });
});
