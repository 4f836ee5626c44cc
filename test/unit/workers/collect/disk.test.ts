import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { isAlive, readStat } from '../../../../src/shared/platform/proc.ts';
import { hostContext } from '../../../../src/workers/collect/context.ts';
import { collectDisk, type DiskDoors } from '../../../../src/workers/collect/disk.ts';
import { testFolder } from '../../../support/temp-folder.ts';
import { type StandIn, standIn } from './stand-in.ts';
import { fixtureContext, rowsBy, rowsOf, task } from './support.ts';

const space = { blockBytes: 4096n, blocks: 1000n, free: 400n, available: 300n, inodes: 50n, inodesFree: 20n };

/** Doors where every mount answers the same; `asked` is who was asked in this process. */
function doors(overrides: Partial<DiskDoors> = {}): DiskDoors & { asked: string[] } {
  const asked: string[] = [];
  return {
    asked,
    askDirectly: (path) => {
      asked.push(path.toString('latin1'));
      return space;
    },
    realpath: (path) => path,
    statOf: (pid) => readStat(pid),
    ...overrides,
  };
}

async function twoReadings(mountPoints: string[] = [], with_ = doors()) {
  const more = { mountPoints };
  const first = await collectDisk(task('disk', null, more), fixtureContext('disk-plain/before', 1000), with_);
  const state = structuredClone(first.state);
  return collectDisk(task('disk', state, more), fixtureContext('disk-plain/after', 11_000), with_);
}

describe('local mounts', () => {
  test('the first run only takes the counters and asks nobody', async () => {
    const open = doors();
    const first = await collectDisk(task('disk'), fixtureContext('disk-plain/before'), open);
    expect(first.values).toBeNull();
    expect(first.state).toMatchObject({ devices: { '8:1': { name: 'sda1', sectorsRead: 100_000n } }, quarantine: {} });
    expect(open.asked).toEqual([]);
  });

  test('size, inodes, bytes since boot, rates', async () => {
    const outcome = await twoReadings();
    expect(outcome.problem).toBeNull();
    expect(rowsBy(outcome, 'disks', 'mountpoint')['/']).toEqual({
      mountpoint: '/',
      device: '/dev/sda1',
      fstype: 'ext4',
      responding: 1,
      total: 4_096_000,
      used: 2_457_600,
      free: 1_228_800,
      used_percent: (100 * 600) / 900,
      inodes_total: 50,
      inodes_free: 20,
      read_bytes: 52_224_000,
      write_bytes: 155_648_000,
      read_bytes_per_second: 102_400, // 2000 sectors in 10 s
      write_bytes_per_second: 204_800,
      busy_percent: 50,
    });
  });

  test.each<[string, string, Record<string, number>]>([
    ['dm', '/mnt/My Disk\tA', { write_bytes_per_second: 51_200, read_bytes_per_second: 0, busy_percent: 5 }],
    ['md', '/raid', { read_bytes_per_second: 10_240, busy_percent: 0 }],
    ['a 32-bit wrap', '/wrapped', { read_bytes_per_second: 51_200, busy_percent: 10 }],
    ['btrfs, by its source', '/home', { read_bytes_per_second: 20_480, write_bytes_per_second: 5120 }],
    ['another subvolume of it', '/data', { read_bytes_per_second: 20_480 }],
  ])('%s', async (_, point, expected) => {
    expect(rowsBy(await twoReadings(), 'disks', 'mountpoint')[point]).toMatchObject(expected);
  });

  test('a device without counters has no I/O figures', async () => {
    const row = rowsBy(await twoReadings(), 'disks', 'mountpoint')['/usb'];
    expect(row).toMatchObject({ total: 4_096_000 });
    expect(row).not.toHaveProperty('read_bytes');
  });

  test('a source that is a link is followed, one that is no file has no figures', async () => {
    const followed = doors({ realpath: (path) => (path === '/dev/nvme0n1p1' ? '/dev/sda' : path) });
    expect(rowsBy(await twoReadings([], followed), 'disks', 'mountpoint')['/home']).toMatchObject({
      read_bytes: 202_000 * 512,
    });
    const broken = doors({
      realpath: () => {
        throw new Error('ENOENT');
      },
    });
    expect(rowsBy(await twoReadings([], broken), 'disks', 'mountpoint')['/home']).not.toHaveProperty('read_bytes');
  });

  test('named mount points: exactly these, what is not mounted is an error beside the sample', async () => {
    const open = doors();
    const outcome = await twoReadings(['/raid', '/run', '/net', '/gone'], open);
    expect(Object.keys(rowsBy(outcome, 'disks', 'mountpoint'))).toEqual(['/run', '/raid']);
    expect(open.asked).toEqual(['/run', '/raid']);
    expect(outcome.problem).toMatchObject({
      code: 'D5001',
      message: '/net is configured and not mounted; /gone is configured and not mounted',
    });
  });

  test('one that fails is an error, the others are reported', async () => {
    const failing = doors({
      askDirectly: (path) => {
        if (path.toString() === '/raid') throw new Error('EIO: i/o error');
        if (path.toString() === '/usb') throw new Error('EACCES: permission denied');
        return path.toString() === '/data' ? null : space;
      },
    });
    const outcome = await twoReadings([], failing);
    expect(Object.keys(rowsBy(outcome, 'disks', 'mountpoint'))).toEqual(['/', '/mnt/My Disk\tA', '/wrapped', '/home']);
    expect(outcome.problem?.message).toBe('/raid (ext4): EIO: i/o error');
    const named = await twoReadings(['/usb'], failing);
    expect(named.problem?.message).toBe('/usb (ext4): EACCES: permission denied');
  });

  test('a file system without blocks is no storage, unless it is named', async () => {
    const empty = doors({ askDirectly: () => ({ ...space, blocks: 0n }) });
    expect(rowsOf(await twoReadings([], empty), 'disks')).toEqual([]);
    expect(Object.keys(rowsBy(await twoReadings(['/raid'], empty), 'disks', 'mountpoint'))).toEqual(['/raid']);
  });

  test('names as bytes reach statfs as they are', async () => {
    const open = doors();
    const state = { kind: 'disk/1', atMs: 0, devices: {}, quarantine: {} };
    await collectDisk(task('disk', state), fixtureContext('disk-bytes', 10), open);
    expect(open.asked).toEqual(['/', '/mnt/caf\xe9', '/mnt/gr\xc3\xbcn']);
  });

  test.each<[string, unknown]>([
    ['another version', { kind: 'disk/0', atMs: 1, devices: {}, quarantine: {} }],
    ['devices that are none', { kind: 'disk/1', atMs: 1, devices: { '8:1': 5 }, quarantine: {} }],
    ['a quarantine that is none', { kind: 'disk/1', atMs: 1, devices: {}, quarantine: { '/x': true } }],
  ])('a state of %s counts as none', async (_, state) => {
    expect((await collectDisk(task('disk', state), fixtureContext('disk-plain/after'), doors())).values).toBeNull();
  });

  test('without mountinfo it fails, without diskstats it has no I/O figures', async () => {
    const state = { kind: 'disk/1', atMs: 0, devices: {}, quarantine: {} };
    await expect(collectDisk(task('disk', state), fixtureContext('memory-plain'), doors())).rejects.toMatchObject({
      code: 'D5001',
    });
    const outcome = await collectDisk(task('disk', state), fixtureContext('disk-container', 10), doors());
    expect(rowsBy(outcome, 'disks', 'mountpoint')['/data']).not.toHaveProperty('read_bytes');
  });
});

describe('mounts that may hang', () => {
  const MINUTE = 60_000;
  const fresh = { kind: 'disk/1', atMs: 0, devices: {}, quarantine: {} };

  async function prepared(points = ['well', 'stuck']): Promise<{ program: StandIn; procRoot: string }> {
    const folder = await testFolder('disk');
    const procRoot = join(folder, 'proc');
    mkdirSync(join(procRoot, 'self'), { recursive: true });
    const lines = points.map((name, index) => `5${index} 1 0:9${index} / /mnt/${name} rw - nfs4 server:/${name} rw`);
    writeFileSync(join(procRoot, 'self/mountinfo'), ['1 0 8:1 / / rw - ext4 /dev/sda1 rw', ...lines, ''].join('\n'));
    return { program: standIn(folder), procRoot };
  }

  /** One run at `nowMs`, with a limit of 1.5 s of real time. */
  function run(
    { program, procRoot }: { program: StandIn; procRoot: string },
    state: unknown,
    nowMs: number,
    with_ = doors(),
    answerMs = 1500,
  ) {
    const overrides = { procRoot, statProgram: program.program, answerMs };
    return collectDisk(task('disk', structuredClone(state)), fixtureContext('', nowMs, overrides), with_);
  }

  test('are asked elsewhere, and never in this process', async () => {
    const host = await prepared();
    const open = doors();
    const outcome = await run(host, fresh, 1000, open);
    expect(open.asked).toEqual(['/']);
    expect(host.program.asked().sort()).toEqual(['stuck', 'well']);
    expect(rowsBy(outcome, 'disks', 'mountpoint')['/mnt/well']).toEqual({
      mountpoint: '/mnt/well',
      device: 'server:/well',
      fstype: 'nfs4',
      responding: 1,
      total: 4_096_000,
      used: 2_457_600,
      free: 1_228_800,
      used_percent: (100 * 600) / 900,
      inodes_total: 50,
      inodes_free: 20,
    });
    await host.program.ended();
  });

  test('one that hangs is set aside, asked once, and is back when it answers', async () => {
    const host = await prepared();
    host.program.hang('stuck');
    const before = performance.now();
    const first = await run(host, fresh, 1000);
    expect(performance.now() - before).toBeLessThan(5000);
    expect(rowsBy(first, 'disks', 'mountpoint')).toMatchObject({
      '/': { responding: 1 },
      '/mnt/well': { responding: 1, total: 4_096_000 },
    });
    const silent = { mountpoint: '/mnt/stuck', device: 'server:/stuck', fstype: 'nfs4', responding: 0 };
    expect(rowsBy(first, 'disks', 'mountpoint')['/mnt/stuck']).toEqual(silent);
    expect(first.problem).toMatchObject({
      code: 'D5001',
      message: '/mnt/stuck (nfs4) gave no answer within 1500 ms',
    });

    // long after the wait is over the question is still open: no second one, no error, no delay
    const questions = (): number => host.program.asked().filter((name) => name === 'stuck').length;
    const again = performance.now();
    const second = await run(host, first.state, 100 * MINUTE, doors(), 20_000);
    expect(performance.now() - again).toBeLessThan(15_000);
    expect(questions()).toBe(1);
    expect(rowsBy(second, 'disks', 'mountpoint')['/mnt/stuck']).toEqual(silent);
    expect(rowsBy(second, 'disks', 'mountpoint')['/mnt/well']).toMatchObject({ responding: 1 });
    expect(second.problem).toBeNull();

    // it answers, to nobody; before its time it is left alone, then asked, and reported again
    host.program.release('stuck');
    await host.program.ended();
    const third = await run(host, first.state, 1000 + MINUTE - 1000);
    expect(questions()).toBe(1);
    expect(rowsBy(third, 'disks', 'mountpoint')['/mnt/stuck']).toEqual(silent);
    const fourth = await run(host, third.state, 100 * MINUTE);
    expect(questions()).toBe(2);
    expect(rowsBy(fourth, 'disks', 'mountpoint')['/mnt/stuck']).toMatchObject({ responding: 1, total: 4_096_000 });
    expect(fourth.state).toMatchObject({ quarantine: {} });
    await host.program.ended();
  });

  test('one that hangs again waits longer, without a second error', async () => {
    const host = await prepared(['stuck']);
    host.program.hang('stuck');
    const first = await run(host, fresh, 0);
    process.kill(host.program.pids()[0] ?? 0, 'SIGKILL');
    await host.program.ended();
    const second = await run(host, first.state, MINUTE);
    expect(second.problem).toBeNull();
    expect(second.state).toMatchObject({
      quarantine: { '0:90 /mnt/stuck': { attempts: 2, sinceMs: 0, retryAtMs: 3 * MINUTE } },
    });
    host.program.release('stuck');
    await host.program.ended();
  });

  test('a pid that was reused is no open question', async () => {
    const host = await prepared(['well']);
    const entry = { pid: process.pid, startTicks: 1, sinceMs: 0, attempts: 1, retryAtMs: MINUTE };
    const outcome = await run(host, { ...fresh, quarantine: { '0:90 /mnt/well': entry } }, MINUTE);
    expect(rowsBy(outcome, 'disks', 'mountpoint')['/mnt/well']).toMatchObject({ responding: 1 });
    await host.program.ended();
  });

  test('an entry outlives its mount for as long as its process is there', async () => {
    const host = await prepared([]);
    const entry = { pid: process.pid, startTicks: 1, sinceMs: 0, attempts: 1, retryAtMs: MINUTE };
    const ours = readStat(process.pid);
    if (!isAlive(ours)) return expect.unreachable('this process has no stat');
    const quarantine = { '0:90 /mnt/a': { ...entry, startTicks: ours.startTicks }, '0:91 /mnt/b': entry };
    const outcome = await run(host, { ...fresh, quarantine }, MINUTE);
    expect(outcome.state).toMatchObject({ quarantine: { '0:90 /mnt/a': { pid: process.pid } } });
    expect(outcome.state).not.toHaveProperty(['quarantine', '0:91 /mnt/b']);
  });

  test('refusals: closed ones are passed over, broken ones are an error', async () => {
    const host = await prepared(['refused', 'broken', 'well']);
    const outcome = await run(host, fresh, 1000);
    expect(Object.keys(rowsBy(outcome, 'disks', 'mountpoint'))).toEqual(['/', '/mnt/well']);
    expect(outcome.problem?.message).toBe("/mnt/broken (nfs4): stat: '/mnt/broken': Broken");
    await host.program.ended();
  });

  test('the source of a mount that may hang is never followed', async () => {
    const host = await prepared([]);
    writeFileSync(join(host.procRoot, 'self/mountinfo'), '5 1 0:90 / /mnt/well rw - fuse.x /dev/../mnt/trap rw\n');
    const followed: string[] = [];
    const trap = doors({ realpath: (path) => `/dev/${followed.push(path)}` });
    expect(rowsOf(await run(host, fresh, 1000, trap), 'disks')).toHaveLength(1);
    expect(followed).toEqual([]);
    await host.program.ended();
  });
});

test('on this host: the root as df(1) sees it, and no child without a mount that may hang', async (context) => {
  let total: number;
  try {
    total = Number(execFileSync('df', ['-B1', '--output=size', '/'], { encoding: 'utf8' }).split('\n')[1]);
  } catch {
    return context.skip('there is no df(1) of the coreutils');
  }
  const here = { ...hostContext(), statProgram: '/nonexistent/stat' };
  const named = { mountPoints: ['/'] };
  const first = await collectDisk(task('disk', null, named), here);
  const outcome = await collectDisk(task('disk', first.state, named), here);
  expect(outcome.problem).toBeNull();
  expect(rowsBy(outcome, 'disks', 'mountpoint')['/']).toMatchObject({ total, responding: 1 });
});
