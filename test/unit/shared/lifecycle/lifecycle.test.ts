import { describe, expect, test } from 'vitest';
import { backoffMs } from '../../../../src/shared/lifecycle/backoff.ts';
import { Scope } from '../../../../src/shared/lifecycle/scope.ts';

describe('backoffMs', () => {
  test('is drawn between the base and a bound that doubles up to the longest', () => {
    const limits = { baseMs: 100, maxMs: 1000 };
    expect([1, 2, 3, 4, 99].map((n) => backoffMs(n, limits, () => 1))).toEqual([200, 400, 800, 1000, 1000]);
    expect([1, 4].map((n) => backoffMs(n, limits, () => 0))).toEqual([100, 100]);
    expect(backoffMs(4, limits, () => 0.5)).toBe(550);
  });
});

describe('Scope', () => {
  test('ends in reverse order, once', async () => {
    const scope = new Scope();
    const order: number[] = [];
    for (const n of [1, 2, 3]) await scope.add(() => void order.push(n));
    await Promise.all([scope.close(), scope.close()]);
    expect(order).toEqual([3, 2, 1]);
  });

  test('one failing end does not keep the others from ending', async () => {
    const scope = new Scope();
    let ended = false;
    await scope.add(() => {
      ended = true;
    });
    await scope.add(() => Promise.reject(new Error('first')));
    await scope.add(() => {
      throw new Error('second');
    });
    await expect(scope.close()).rejects.toMatchObject({ errors: [{ message: 'second' }, { message: 'first' }] });
    expect(ended).toBe(true);
  });

  test('what is added too late is ended at once', async () => {
    const scope = new Scope();
    await scope.close();
    let ended = false;
    await scope.add(() => {
      ended = true;
    });
    expect(ended).toBe(true);
  });
});
