import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { parseCgroupPath, readOwnCgroup } from '../../../bench/cgroup.ts';
import { testFolder } from '../../support/temp-folder.ts';

async function roots(ofProcess: string, files: Record<string, string>): Promise<[string, string]> {
  const folder = await testFolder();
  const [proc, cgroups] = [join(folder, 'proc'), join(folder, 'cgroup')];
  await mkdir(join(proc, '42'), { recursive: true });
  await mkdir(join(proc, 'self'));
  await mkdir(join(cgroups, 'a/daemon'), { recursive: true });
  await writeFile(join(proc, 'self/cgroup'), '0::/a/harness\n');
  await writeFile(join(proc, '42/cgroup'), ofProcess);
  for (const [name, text] of Object.entries(files)) await writeFile(join(cgroups, 'a/daemon', name), text);
  return [proc, cgroups];
}

test('version 2 alone is looked at', () => {
  expect(parseCgroupPath('5:memory:/x\n0::/a b/c\n')).toBe('/a b/c');
  expect(parseCgroupPath('5:memory:/x\n')).toBeNull();
});

test('a group of its own is read; its peak where the kernel has one', async () => {
  const path = '/a/daemon';
  const with5 = await roots('0::/a/daemon\n', { 'memory.current': '5000\n', 'memory.peak': '9000\n' });
  expect(readOwnCgroup(42, ...with5)).toEqual({ path, currentBytes: 5000, peakBytes: 9000 });
  const without = await roots('0::/a/daemon\n', { 'memory.current': '5000\n' });
  expect(readOwnCgroup(42, ...without)).toEqual({ path, currentBytes: 5000, peakBytes: null });
});

test('none of the harness, none that cannot be read', async () => {
  expect(readOwnCgroup(42, ...(await roots('0::/a/harness\n', {})))).toBeNull();
  expect(readOwnCgroup(42, ...(await roots('0::/a/daemon\n', {})))).toBeNull();
  expect(readOwnCgroup(43, ...(await roots('0::/a/daemon\n', {})))).toBeNull();
});
