import { expect, test } from 'vitest';
import { reasons, within, withScope } from '../../../bench/bounded.ts';

const never = new Promise<never>(() => {});
const { signal } = new AbortController();

test('an answer in time, a time that is up, a signal before and while it waits', async () => {
  expect(await within(Promise.resolve(7), { what: 'x', timeoutMs: 1000, signal })).toBe(7);
  await expect(within(never, { what: 'the answer', timeoutMs: 1, signal })).rejects.toThrow('1 ms for the answer');
  const controller = new AbortController();
  const waiting = within(never, { what: 'x', timeoutMs: 60_000, signal: controller.signal });
  controller.abort(new Error('interrupted'));
  await expect(waiting).rejects.toThrow('interrupted');
  const late = within(never, { what: 'x', timeoutMs: 60_000, signal: controller.signal });
  await expect(late).rejects.toThrow('interrupted');
});

test('a scope ends what was added, after a failure too', async () => {
  const ended: string[] = [];
  expect(await withScope(async (scope) => scope.add(() => void ended.push('a')).then(() => 7))).toBe(7);
  const failing = withScope(async (scope) => {
    await scope.add(() => void ended.push('b'));
    throw new Error('work');
  });
  await expect(failing).rejects.toThrow('work');
  expect(ended).toEqual(['a', 'b']);
});

test('no failure hides another', async () => {
  const failing = withScope(async (scope) => {
    await scope.add(() => {
      throw new Error('end');
    });
    throw new Error('work', { cause: new Error('why') });
  });
  const error: unknown = await failing.catch((thrown: unknown) => thrown);
  expect(reasons(error)).toEqual(['work: why', 'end']);
});
