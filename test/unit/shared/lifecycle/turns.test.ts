import { expect, test } from 'vitest';
import { Turns } from '../../../../src/shared/lifecycle/turns.ts';
import { settle } from '../../../fakes/clock.ts';

test('turns: one after another, also after one that failed', async () => {
  const turns = new Turns();
  const order: string[] = [];
  const job =
    (name: string, fails = false) =>
    async (): Promise<void> => {
      order.push(`${name} begins`);
      await settle();
      order.push(`${name} ends`);
      if (fails) throw new Error(name);
    };
  const jobs = [turns.take(job('a')), turns.take(job('b', true)), turns.take(job('c'))];
  expect((await Promise.allSettled(jobs)).map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
  expect(order).toEqual(['a begins', 'a ends', 'b begins', 'b ends', 'c begins', 'c ends']);
});
