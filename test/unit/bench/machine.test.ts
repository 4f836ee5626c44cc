import { expect, test } from 'vitest';
import { chosenIn, thisMachine } from '../../../bench/machine.ts';

test.each([
  ['always [madvise] never\n', 'madvise'],
  ['[always] madvise never\n', 'always'],
  ['', null],
  ['always', null],
])('%j: %s', (text, chosen) => {
  expect(chosenIn(text)).toBe(chosen);
});

test('this machine', () => {
  const { cores, memoryBytes, kernel, transparentHugePages } = thisMachine();
  expect(cores).toBeGreaterThan(0);
  expect(memoryBytes).toBeGreaterThan(1e8);
  expect(kernel).toMatch(/^\w+ \d+\./);
  expect([null, 'always', 'madvise', 'never']).toContain(transparentHugePages);
});
