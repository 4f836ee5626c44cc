import { expect, test } from 'vitest';
import { parseCgroupPath, readCgroupMemory } from '../../../../src/workers/collect/cgroup-memory.ts';
import { FIXTURES } from './support.ts';

test.each<[string, string, string | null]>([
  ['v2', '0::/a/b\n', '/a/b'],
  ['both', '4:memory:/x\n0::/\n', '/'],
  ['v1 only', '4:memory:/x\n', null],
  ['outside our namespace', '0::/../../other\n', '/'],
  ['nothing', '', null],
])('parseCgroupPath: %s', (_, text, expected) => {
  expect(parseCgroupPath(text)).toBe(expected);
});

test('nothing where there are no limits', () => {
  expect(readCgroupMemory({ procRoot: `${FIXTURES}/memory-cgroup/proc`, sysRoot: '/nonexistent' })).toBeNull();
});
