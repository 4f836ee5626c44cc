import { readFileSync, rmSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import type { HealthCounters } from '../../../../src/shared/contracts/health.ts';
import { membersOf, readProcesses } from '../../../../src/workers/health/process.ts';
import { measure, pageBytesOf, ticksBetween } from '../../../../src/workers/health/resources.ts';
import { testFolder } from '../../../support/temp-folder.ts';
import { FakeProc, type FakeProcess } from './fake-proc.ts';

/** Measures pid 7 of a tree. */
function measureAt(proc: FakeProc, atMs: number, previous: HealthCounters | null = null, cores = 4) {
  const members = membersOf({ pid: 7 }, readProcesses(new Set([7]), proc.root));
  return measure(members, previous, { procRoot: proc.root, atMs, pageBytes: 4096, cores });
}

async function fakeProc(processes: readonly FakeProcess[]): Promise<FakeProc> {
  const proc = new FakeProc(await testFolder('proc'));
  for (const process of processes) proc.put(process);
  return proc;
}

describe('ticksBetween', () => {
  const ticks = (own: number, waited = 0) => ({ own, waited });

  test.each([
    ['nothing happened', { a: ticks(5, 7) }, { a: ticks(5, 7) }, 0],
    ['each member is compared with itself', { a: ticks(5), b: ticks(100) }, { a: ticks(8), b: ticks(110) }, 13],
    ['a new member counts whole', { a: ticks(5) }, { a: ticks(5), b: ticks(9) }, 9],
    ['a child that came and went shows in its parent', { a: ticks(5) }, { a: ticks(5, 30) }, 30],
    ['one that was known counts only what is new', { a: ticks(5), b: ticks(20) }, { a: ticks(6, 25) }, 6],
    ['with the children that it had waited for', { a: ticks(5), b: ticks(20, 40) }, { a: ticks(5, 61) }, 1],
    ['one that nobody waited for takes nothing from the others', { a: ticks(5), b: ticks(900) }, { a: ticks(15) }, 10],
    ['counters that went back count as standing still', { a: ticks(50, 9) }, { a: ticks(40, 3) }, 0],
  ])('%s', (_, before, now, expected) => {
    expect(ticksBetween(before, now)).toBe(expected);
  });
});

describe('measure', () => {
  test('sums the living members of the group', async () => {
    const proc = await fakeProc([
      { pid: 7, rssPages: 100, vmsBytes: 5000, threads: 3, files: 4, io: [10, 20] },
      { pid: 70, group: 7, rssPages: 11, vmsBytes: 600, threads: 2, files: 1, io: [1, 2] },
      { pid: 71, group: 7, state: 'Z', rssPages: 900, vmsBytes: 900, threads: 9, files: 9, io: null },
      { pid: 8, rssPages: 7777 },
    ]);
    expect(measureAt(proc, 0).usage).toEqual({
      cpuPercent: null,
      rssBytes: 111 * 4096,
      vmsBytes: 5600,
      diskReadBytes: 11,
      diskWriteBytes: 22,
      openFiles: 5,
      threads: 5,
    });
  });

  test('CPU is the share of the interval, children included, never since the start', async () => {
    const proc = await fakeProc([
      { pid: 7, ticks: 100_000 },
      { pid: 70, group: 7, ticks: 50 },
    ]);
    const first = measureAt(proc, 5000);
    expect(first.usage.cpuPercent).toBeNull();
    proc.put({ pid: 7, ticks: 100_100 });
    proc.put({ pid: 70, group: 7, ticks: 100 });
    const second = measureAt(proc, 15_000, first.counters);
    expect(second.usage.cpuPercent).toBe(15);
    expect(measureAt(proc, 25_000, second.counters).usage.cpuPercent).toBe(0);
    expect(measureAt(proc, 15_000, second.counters).usage.cpuPercent).toBeNull();
  });

  test('never more than all cores', async () => {
    const proc = await fakeProc([{ pid: 7 }]);
    const { counters } = measureAt(proc, 0);
    proc.put({ pid: 7, waited: 360_000 });
    expect(measureAt(proc, 10_000, counters, 2).usage.cpuPercent).toBe(200);
  });

  test('counters of another process are none', async () => {
    const proc = await fakeProc([{ pid: 7, ticks: 100, io: [500, 500] }]);
    const { counters } = measureAt(proc, 0);
    proc.put({ pid: 7, startTicks: 101, ticks: 300, io: [3, 4] });
    expect(measureAt(proc, 10_000, counters).usage).toMatchObject({
      cpuPercent: null,
      diskReadBytes: 3,
      diskWriteBytes: 4,
    });
  });

  test('disk figures never fall when a member ends, and go on from there', async () => {
    const proc = await fakeProc([
      { pid: 7, io: [10, 100] },
      { pid: 70, group: 7, io: [1000, 0] },
    ]);
    const disk = (previous: HealthCounters | null) => {
      const { usage, counters } = measureAt(proc, 0, previous);
      return { seen: [usage.diskReadBytes, usage.diskWriteBytes], counters };
    };
    const first = disk(null);
    proc.end(70);
    const second = disk(first.counters);
    proc.put({ pid: 7, io: [15, 107] });
    const third = disk(second.counters);
    expect([first.seen, second.seen, third.seen]).toEqual([
      [1010, 100],
      [1010, 100],
      [1015, 107],
    ]);
  });

  test('what is closed to the daemon is null, for the group too', async () => {
    const proc = await fakeProc([
      { pid: 7, io: [1, 2], files: 3 },
      { pid: 70, group: 7, io: null },
    ]);
    expect(measureAt(proc, 0)).toMatchObject({
      usage: { diskReadBytes: null, diskWriteBytes: null, openFiles: 3 },
      counters: { disk: null },
    });
  });

  test('a process that goes in the middle of it leaves what the others have', async () => {
    const proc = await fakeProc([
      { pid: 7, io: [1, 2], files: 3 },
      { pid: 70, group: 7, io: [1000, 1000], files: 1 },
    ]);
    const members = membersOf({ pid: 7 }, readProcesses(new Set([7]), proc.root));
    rmSync(`${proc.root}/70`, { recursive: true });
    const { usage } = measure(members, null, { procRoot: proc.root, atMs: 0, pageBytes: 4096, cores: 1 });
    expect(usage).toMatchObject({ diskReadBytes: 1, diskWriteBytes: 2, openFiles: 3 });
  });
});

describe('pageBytesOf', () => {
  const vector = (...pairs: [bigint, bigint][]): Buffer => Buffer.from(new BigUint64Array(pairs.flat()).buffer);

  test.each([
    ['4 KiB', vector([33n, 1n], [6n, 4096n], [0n, 0n]), 4096],
    ['64 KiB, as some ARM hosts have', vector([17n, 100n], [6n, 65_536n]), 65_536],
    ['not told', vector([17n, 100n]), 4096],
    ['torn', vector([6n, 65_536n]).subarray(0, 12), 4096],
    ['empty', Buffer.alloc(0), 4096],
  ])('%s', (_, auxiliary, expected) => {
    expect(pageBytesOf(auxiliary)).toBe(expected);
  });

  test('this host’s fits to what smaps says', () => {
    const kib = Number(/^KernelPageSize:\s+(\d+) kB$/m.exec(readFileSync('/proc/self/smaps', 'utf8'))?.[1]);
    expect(pageBytesOf(readFileSync('/proc/self/auxv'))).toBe(kib * 1024);
  });
});
