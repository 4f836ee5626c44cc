/**
 * A real mount that hangs: a FUSE file system whose server never answers the first request of the kernel. Nothing in
 * this process may touch its mount point (not even to remove the folder before it is unmounted).
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { isAlive, readStat } from '../../../../src/shared/platform/proc.ts';
import { hostContext } from '../../../../src/workers/collect/context.ts';
import { collectDisk } from '../../../../src/workers/collect/disk.ts';
import { testFolder } from '../../../support/temp-folder.ts';
import { waitFor } from '../../../support/wait-until.ts';
import { rowsBy, task } from './support.ts';

const ANSWER_MS = 700;

interface HangingMount {
  point: string;
  /** Ends the file system: who waits for it gets an error. */
  end(): void;
}

/** Null where this host does not let us mount one. */
async function hangingMount(): Promise<HangingMount | null> {
  if (process.getuid?.() !== 0 || !existsSync('/dev/fuse')) return null;
  const point = join(await testFolder('fuse'), 'mount');
  mkdirSync(point);
  const fd = openSync('/dev/fuse', 'r+');
  const options = 'fd=3,rootmode=40000,user_id=0,group_id=0';
  const mount = spawnSync('mount', ['-i', '-t', 'fuse', '-o', options, 'none', point], {
    stdio: ['ignore', 'ignore', 'ignore', fd],
  });
  let open = true;
  const end = (): void => {
    if (!open) return;
    open = false;
    closeSync(fd);
    spawnSync('umount', ['-l', point]);
  };
  if (mount.status !== 0) {
    open = false;
    closeSync(fd);
    return null;
  }
  onTestFinished(end);
  return { point, end };
}

/** The pid of the question that is open, as the state has it. */
function askingPid(state: unknown): number {
  const { quarantine } = state as { quarantine: Record<string, { pid: number }> };
  return Object.values(quarantine)[0]?.pid ?? 0;
}

test('a file system that hangs keeps nothing else from being reported', async (context) => {
  const mount = await hangingMount();
  if (!mount) return context.skip('no root, no /dev/fuse, or no right to mount');

  // Only these two mounts are shown to the collector: what else this host has mounted is not the matter here.
  const procRoot = join(await testFolder('fuse-proc'), 'proc');
  mkdirSync(join(procRoot, 'self'), { recursive: true });
  const ours = readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .filter((line) => [mount.point, '/'].includes(line.split(' ')[4] ?? ''));
  writeFileSync(join(procRoot, 'self/mountinfo'), ours.join('\n'));
  const here = { ...hostContext(), procRoot, answerMs: ANSWER_MS };

  const start = await collectDisk(task('disk'), here);
  const before = performance.now();
  const first = await collectDisk(task('disk', start.state), here);
  const took = performance.now() - before;
  expect(took).toBeGreaterThanOrEqual(ANSWER_MS - 5);
  expect(took).toBeLessThan(ANSWER_MS + 5000);
  expect(rowsBy(first, 'disks', 'mountpoint')).toMatchObject({
    '/': { responding: 1 },
    [mount.point]: { fstype: 'fuse', responding: 0 },
  });
  expect(first.problem?.message).toContain(mount.point);

  // The question stays open, so even when its time has come none is asked, and nothing waits.
  const pid = askingPid(first.state);
  expect(isAlive(readStat(pid))).toBe(true);
  const later = { ...here, nowMs: () => hostContext().nowMs() + 3_600_000 };
  const second = await collectDisk(task('disk', first.state), { ...later, answerMs: 20_000 });
  expect(askingPid(second.state)).toBe(pid);
  expect(rowsBy(second, 'disks', 'mountpoint')[mount.point]).toMatchObject({ responding: 0 });
  expect(second.problem).toBeNull();

  // The server goes: the open question ends, and the mount is no longer there to be reported.
  mount.end();
  await waitFor(() => !isAlive(readStat(pid)), { what: 'the end of the question' });
  expect(execFileSync('cat', ['/proc/self/mountinfo'], { encoding: 'utf8' })).not.toContain(mount.point);
  writeFileSync(join(procRoot, 'self/mountinfo'), ours.filter((line) => !line.includes(mount.point)).join('\n'));
  const third = await collectDisk(task('disk', second.state), later);
  expect(third.state).toMatchObject({ quarantine: {} });
  expect(Object.keys(rowsBy(third, 'disks', 'mountpoint'))).toEqual(['/']);
});
