import { describe, expect, test } from 'vitest';
import { Outbox } from '../../../../src/main/link/outbox.ts';
import type { MetricData } from '../../../../src/shared/gen/manager.ts';

const metric = (type: string, timestamp: number): MetricData => ({ type, timestamp, values: new Map([['v', 1]]) });
const seconds = (batch: { metrics: MetricData[] } | null): number[] =>
  batch?.metrics.map(({ timestamp }) => timestamp) ?? [];
const LIMITS = { maxBytes: 1_000_000, batch: 3 };

function filled(count: number, limits = LIMITS): Outbox {
  const outbox = new Outbox(limits);
  for (let i = 1; i <= count; i++) outbox.add(metric('cpu', i));
  return outbox;
}
function next(outbox: Outbox): NonNullable<ReturnType<Outbox['peek']>> {
  const batch = outbox.peek();
  if (!batch) throw new Error('the outbox is empty');
  return batch;
}

describe('Outbox', () => {
  test('gives batches in order and removes what was taken', () => {
    const outbox = filled(5);
    const first = next(outbox);
    expect(seconds(first)).toEqual([1, 2, 3]);
    outbox.settle(first, 'taken');
    expect(seconds(outbox.peek())).toEqual([4, 5]);
    outbox.settle(next(outbox), 'taken');
    expect(outbox.peek()).toBeNull();
  });

  test('takes each type and second once, and none older than the newest', () => {
    const outbox = filled(2);
    expect(outbox.add(metric('cpu', 2))).toBe(false);
    expect(outbox.add(metric('cpu', 1))).toBe(false);
    expect(outbox.add(metric('memory', 2))).toBe(true);
    outbox.settle(next(outbox), 'taken');
    expect(outbox.add(metric('cpu', 2))).toBe(false);
    expect(outbox.length).toBe(0);
  });

  test('the oldest go first where there is no room, and are counted', () => {
    const outbox = filled(10, { maxBytes: 4 * 128, batch: 100 });
    expect(seconds(outbox.peek())).toEqual([7, 8, 9, 10]);
    expect(outbox.takeDropped()).toBe(6);
    expect(outbox.takeDropped()).toBe(0);
  });

  test('an entry that has no room by itself is kept all the same', () => {
    expect(filled(1, { maxBytes: 1, batch: 1 }).length).toBe(1);
  });

  test('a call that was never sent may be repeated for ever', () => {
    const outbox = filled(1);
    for (let i = 0; i < 50; i++) outbox.settle(next(outbox), 'not-sent');
    expect(outbox.length).toBe(1);
  });

  test('an entry whose answer was lost is sent once more and no oftener', () => {
    const outbox = filled(1);
    outbox.settle(next(outbox), 'unanswered');
    expect(outbox.length).toBe(1);
    outbox.settle(next(outbox), 'unanswered');
    expect(outbox.length).toBe(0);
    expect(outbox.takeDropped()).toBe(1);
  });

  test('what was refused three times does not block what follows', () => {
    const outbox = filled(4);
    expect(outbox.settle(next(outbox), 'refused')).toEqual([]);
    expect(outbox.settle(next(outbox), 'refused')).toEqual([]);
    expect(outbox.settle(next(outbox), 'refused').map(({ timestamp }) => timestamp)).toEqual([1, 2, 3]);
    expect(seconds(outbox.peek())).toEqual([4]);
  });

  test('entries added while a batch is under way are not touched by its answer', () => {
    const outbox = filled(2);
    const batch = next(outbox);
    outbox.add(metric('cpu', 9));
    outbox.settle(batch, 'taken');
    expect(seconds(outbox.peek())).toEqual([9]);
  });
});
