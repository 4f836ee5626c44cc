import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { threadMsOf, timed } from '../../../../bench/inside/timed.ts';

test('every part of the answer says how long all of it took', async () => {
  const parts = await timed(async () => {
    await sleep(20);
    return [{ name: 'cpu' }, { name: 'disk' }];
  });
  expect(parts.map(({ name }) => name)).toEqual(['cpu', 'disk']);
  expect(threadMsOf(parts)).toBeGreaterThanOrEqual(19);
  expect(parts[1]?.threadMs).toBe(threadMsOf(parts));
});

test.each([[[]], [[{ name: 'cpu' }]]])('an answer without it is an error: %j', (parts) => {
  expect(() => threadMsOf(parts)).toThrow('the thread did not say how long it took');
});

test('what fails there fails here', async () => {
  await expect(timed(() => Promise.reject(new Error('no /proc')))).rejects.toThrow('no /proc');
});
