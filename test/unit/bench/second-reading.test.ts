/** Our readers of /proc against an independent one. */
import { spawn } from 'node:child_process';
import pidusage from 'pidusage';
import { expect, onTestFinished, test } from 'vitest';
import { readCpuMs, readMemory } from '../../../bench/kernel.ts';
import { readUsage } from '../../../src/demo/usage.ts';
import { waitFor } from '../../support/wait-until.ts';

test('memory and CPU time of a busy process', async () => {
  const child = spawn(process.execPath, ['-e', 'const keep = Buffer.alloc(5e7, 1); for (;;) keep[0]++']);
  onTestFinished(() => void child.kill('SIGKILL'));
  const pid = child.pid ?? 0;
  await waitFor(() => readCpuMs(pid) > 500 && readMemory(pid).rssBytes > 5e7, { what: 'the process to be busy' });
  const second = await pidusage(pid);
  expect(readMemory(pid).rssBytes / second.memory).toBeCloseTo(1, 1);
  expect((readUsage(pid)?.rssBytes ?? 0) / second.memory).toBeCloseTo(1, 1);
  const ratio = readCpuMs(pid) / second.ctime;
  expect(ratio).toBeGreaterThan(0.8);
  expect(ratio).toBeLessThan(1.5);
  pidusage.clear();
});
