import { expect, test } from 'vitest';
import { batchOf } from '../../../../../src/main/link/stream/events-feed.ts';
import { eventOf } from './stream-host.ts';

const KIB = 1024;

test.each([
  ['none', [], 0],
  ['a few', [10, 10, 10], 3],
  ['those that fit into 1 MiB', [600 * KIB, 300 * KIB, 300 * KIB, 10], 2],
  ['one that is larger than that goes alone', [2048 * KIB, 10], 1],
  ['and waits for those before it', [10, 2048 * KIB, 10], 1],
])('%s', (_, lengths, expected) => {
  const events = lengths.map((length, index) => eventOf(index + 1, 'x'.repeat(length)));
  expect(batchOf(events)).toEqual(events.slice(0, expected));
});
