/** Our readers of /proc against an independent one. */
import { spawn } from 'node:child_process';
import pidusage from 'pidusage';
import { expect, onTestFinished, test } from 'vitest';
import { readCpuTicks, readFigures } from '../../../bench/process-figures.ts';
import { readUsage } from '../../../src/demo/usage.ts';
import { waitFor } from '../../support/wait-until.ts';

const MS_PER_TICK = 10;

test('memory and CPU time of a busy process', async () => {
  const child = spawn(process.execPath, ['-e', 'const keep = Buffer.alloc(5e7, 1); for (;;) keep[0]++']);
  onTestFinished(() => void child.kill('SIGKILL'));
  const pid = child.pid ?? 0;
  const cpuMs = (): number => (readCpuTicks(pid) ?? 0) * MS_PER_TICK;
  const rss = (): number => readFigures(pid)?.rssBytes ?? 0;
  await waitFor(() => cpuMs() > 500 && rss() > 5e7, { what: 'the process to be busy' });
  const second = await pidusage(pid);
  expect(rss() / second.memory).toBeCloseTo(1, 1);
  expect((readUsage(pid)?.rssBytes ?? 0) / second.memory).toBeCloseTo(1, 1);
  expect(cpuMs() / second.ctime).toBeGreaterThan(0.8);
  expect(cpuMs() / second.ctime).toBeLessThan(1.5);
  pidusage.clear();
});
