import { mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import {
  hasUserfaultfd,
  parseCounters,
  parseSmapsRollup,
  parseStatus,
  readCpuTicks,
  readFigures,
  resetPeak,
} from '../../../bench/process-figures.ts';
import { testFolder } from '../../support/temp-folder.ts';

const ROLLUP = `5601a0000000-7ffd00000000 ---p 00000000 00:00 0                 [rollup]
Rss:               61000 kB
Pss:               30000 kB
Pss_Dirty:         14000 kB
Pss_Anon:          15000 kB
Shared_Clean:      40000 kB
Anonymous:         16000 kB
AnonHugePages:         0 kB
`;
const STATUS = `Name:\tnode
VmHWM:\t   70000 kB
VmRSS:\t   61000 kB
RssAnon:\t   16000 kB
RssShmem:\t       8 kB
Threads:\t11
`;
// a process may be called anything, `) S 1 2` too
const STAT = '42 (a) S 1 (b) S 1 42 42 0 -1 4194560 100 0 0 0 7 5 30 2 20 0 11 0 5000 1000 250 0';

describe('parsing', () => {
  test('smaps_rollup: kB are 1024 bytes; file-backed is what is not anonymous', () => {
    expect(parseSmapsRollup(ROLLUP)).toEqual({
      rssBytes: 62_464_000,
      pssBytes: 30_720_000,
      anonymousBytes: 16_384_000,
      fileBackedBytes: 46_080_000,
    });
  });

  test('status', () => {
    expect(parseStatus(STATUS)).toEqual({ peakRssBytes: 71_680_000, sharedMemoryBytes: 8192, threads: 11 });
  });

  test('stat: the time of the process and of its ended children, its faults without reading', () => {
    expect(parseCounters(STAT)).toEqual({ cpuTicks: 7 + 5 + 30 + 2, minorFaults: 100 });
  });

  test.each(['', 'Rss: 5 kB\n', '42 (node) S 1 42'])('%j is none of them', (text) => {
    expect([parseSmapsRollup(text), parseStatus(text), parseCounters(text)]).toEqual([null, null, null]);
  });
});

describe('reading', () => {
  test('a whole entry; descriptors are counted', async () => {
    const root = await testFolder();
    await mkdir(join(root, '42/fd'), { recursive: true });
    for (const fd of ['0', '1', '7']) await writeFile(join(root, '42/fd', fd), '');
    await writeFile(join(root, '42/smaps_rollup'), ROLLUP);
    await writeFile(join(root, '42/status'), STATUS);
    await writeFile(join(root, '42/stat'), STAT);
    expect(readFigures(42, root)).toMatchObject({ rssBytes: 62_464_000, threads: 11, descriptors: 3 });
    expect(readCpuTicks(42, root)).toBe(44);
    expect([readFigures(43, root), readCpuTicks(43, root)]).toEqual([null, null]);
  });

  test('a userfaultfd among the descriptors', async () => {
    const root = await testFolder();
    for (const pid of ['42', '43']) await mkdir(join(root, pid, 'fd'), { recursive: true });
    await symlink('socket:[1]', join(root, '42/fd/3'));
    await symlink('anon_inode:[userfaultfd]', join(root, '42/fd/4'));
    await symlink('socket:[2]', join(root, '43/fd/3'));
    expect([42, 43, 44].map((pid) => hasUserfaultfd(pid, root))).toEqual([true, false, false]);
  });

  test('the peak is set back by a 5 in clear_refs; false where there is no such file to write', async () => {
    const root = await testFolder();
    await mkdir(join(root, '42'));
    expect(resetPeak(42, root)).toBe(true);
    expect(await readFile(join(root, '42/clear_refs'), 'utf8')).toBe('5');
    expect(resetPeak(43, root)).toBe(false);
  });

  test.runIf(process.platform === 'linux')('this process, as the kernel shows it', () => {
    const figures = readFigures(process.pid);
    expect((figures?.rssBytes ?? 0) / process.memoryUsage.rss()).toBeCloseTo(1, 0);
    expect(figures?.peakRssBytes).toBeGreaterThanOrEqual(0.9 * (figures?.rssBytes ?? Number.POSITIVE_INFINITY));
    expect(figures?.threads).toBeGreaterThan(1);
    expect(readCpuTicks(process.pid)).toBeGreaterThan(0);
  });
});
