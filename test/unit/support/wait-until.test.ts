import { expect, test } from 'vitest';
import { waitFor } from '../../support/wait-until.ts';

test('gives the first truthy answer', async () => {
  let asked = 0;
  expect(await waitFor(() => (++asked === 3 ? 'there' : null), { what: 'it' })).toBe('there');
  expect(asked).toBe(3);
});

test('a condition that throws is asked again', async () => {
  let asked = 0;
  const condition = (): number => {
    if (++asked < 2) throw new Error('not yet');
    return asked;
  };
  expect(await waitFor(condition, { what: 'it' })).toBe(2);
});

test.each<[string, () => unknown, string]>([
  ['a value', () => 0, 'waited 20 ms for the end; the last answer: 0'],
  ['a promise', async () => null, 'the last answer: null'],
  [
    'an error',
    () => {
      throw new Error('no such file');
    },
    'the last answer: threw no such file',
  ],
])('when the time is up it says what was awaited and the last answer: %s', async (_, condition, message) => {
  await expect(waitFor(condition, { what: 'the end', timeoutMs: 20, everyMs: 5 })).rejects.toThrow(message);
});
