import { describe, expect, test } from 'vitest';
import { Scope } from '../../../../src/shared/lifecycle/scope.ts';

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
