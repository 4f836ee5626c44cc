import { expect, test } from 'vitest';
import { together } from '../../../../bench/stress/together.ts';

test('each is done at least once, and counted', async () => {
  let done = 0;
  const counts = await together(
    { a: async () => void done++, b: async () => {} },
    { forMs: 0, abort: new AbortController() },
  );
  expect(counts).toEqual({ a: done, b: 1 });
  expect(done).toBe(1);
});

test('the first failure ends the others, with its name and how often it was right', async () => {
  const abort = new AbortController();
  let times = 0;
  const fails = async (): Promise<void> => {
    if (++times > 2) throw new Error('wrong');
  };
  const waits = () =>
    new Promise((_, reject) => abort.signal.addEventListener('abort', () => reject(abort.signal.reason)));
  const running = together({ waits, fails }, { forMs: 60_000, abort });
  await expect(running).rejects.toMatchObject({
    message: 'fails, after 2 that were right',
    cause: { message: 'wrong' },
  });
  expect(abort.signal.aborted).toBe(true);
});
