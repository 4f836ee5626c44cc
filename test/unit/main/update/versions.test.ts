import { expect, test } from 'vitest';
import { compareVersions, isSameVersion, isVersion } from '../../../../src/main/update/versions.ts';

/** Each lower than the next (Semantic Versioning 2.0.0, item 11). */
const RISING = [
  '0.9.9',
  '1.0.0-alpha',
  '1.0.0-alpha.1',
  '1.0.0-alpha.beta',
  '1.0.0-beta',
  '1.0.0-beta.2',
  '1.0.0-beta.11',
  '1.0.0-rc.1',
  '1.0.0',
  '1.0.1',
  '1.9.0',
  '1.28',
  '2',
];

test.each(RISING.slice(1).map((higher, at) => [RISING[at] ?? '', higher]))('%s is lower than %s', (lower, higher) => {
  expect(compareVersions(lower, higher)).toBeLessThan(0);
  expect(compareVersions(higher, lower)).toBeGreaterThan(0);
});

test.each([
  ['1.28', '1.28.0'],
  ['v1.2.3', '1.2.3'],
  ['1.2.3+build.7', '1.2.3'],
  [' 1.2.3\n', '1.2.3'],
  ['2', '2.0.0'],
])('%s is as high as %s', (a, b) => {
  expect(compareVersions(a, b)).toBe(0);
  expect(isSameVersion(a, b)).toBe(true);
});

test.each(['', 'latest', '1.2.x', '1..2', '-1.0.0', '1.2.3 4.5.6', '../1.2.3'])('%j is no version', (text) => {
  expect(isVersion(text)).toBe(false);
  expect(compareVersions(text, '1.0.0')).toBeNull();
  expect(compareVersions('1.0.0', text)).toBeNull();
  expect(isSameVersion(text, '1.0.0')).toBe(false);
});

test('what is no version is the same as itself only', () => {
  expect(isSameVersion('nightly', 'nightly')).toBe(true);
  expect(isSameVersion('nightly', 'weekly')).toBe(false);
});
