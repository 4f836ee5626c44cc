/**
 * Which of two versions is higher, by the rules of Semantic Versioning 2.0.0 (item 11). Programs that leave out the
 * third number (`1.28`) are taken as if it were 0.
 */
import coerce from 'semver/functions/coerce.js';
import compare from 'semver/functions/compare.js';
import parse from 'semver/functions/parse.js';

type Version = NonNullable<ReturnType<typeof parse>>;

function read(text: string): Version | null {
  return parse(text.trim(), { loose: true }) ?? (/^v?\d+(\.\d+)*$/.test(text.trim()) ? coerce(text) : null);
}

export function isVersion(text: string): boolean {
  return read(text) !== null;
}

/** Negative, 0 or positive, as `a` is lower, equal or higher; null where one of them is no version. */
export function compareVersions(a: string, b: string): number | null {
  const [left, right] = [read(a), read(b)];
  return left && right ? compare(left, right) : null;
}

/** Whether a program that says `told` is the one that was to be `wanted`; what only one of them adds after `+` does not count. */
export function isSameVersion(told: string, wanted: string): boolean {
  return told === wanted || compareVersions(told, wanted) === 0;
}
