import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { readUsage, readUsages } from '../../../src/demo/usage.ts';
import { testFolder } from '../../support/temp-folder.ts';

/** A /proc with one process that began 100 s after the start of the system and used 5 s of CPU. */
async function procRoot(state: string): Promise<string> {
  const root = await testFolder('proc');
  await mkdir(join(root, '42'));
  const fields = [state, 1, 42, 42, 0, 0, 0, 0, 0, 0, 0, 300, 200, 0, 0, 20, 0, 1, 0, 10_000, 1, 1];
  await writeFile(join(root, '42', 'stat'), `42 (a) b) ${fields.join(' ')}\n`);
  await writeFile(join(root, '42', 'status'), 'Name:\ta\nVmHWM:\t   99 kB\nVmRSS:\t   2048 kB\n');
  await writeFile(join(root, 'uptime'), '200.00 350.00\n');
  return root;
}

test('memory now, CPU over the whole life', async () => {
  expect(readUsage(42, await procRoot('S'))).toEqual({ rssBytes: 2_097_152, cpuPercent: 5 });
});

test('a zombie and a pid that is not there have none', async () => {
  expect(readUsage(42, await procRoot('Z'))).toBeNull();
  expect(readUsages([0, 42, 43], await procRoot('S'))).toEqual({ 42: { rssBytes: 2_097_152, cpuPercent: 5 } });
});

test('this process', () => {
  const usage = readUsage(process.pid);
  expect(usage?.rssBytes).toBeGreaterThan(1_000_000);
  expect(usage?.cpuPercent).toBeGreaterThan(0);
});
