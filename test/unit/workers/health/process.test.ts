import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { lookAt, membersOf, parseMember, readProcesses } from '../../../../src/workers/health/process.ts';
import { testFolder } from '../../../support/temp-folder.ts';
import { FakeProc, type FakeProcess, statLine } from './fake-proc.ts';

const TARGET = { pid: 7, startTicks: 100 };

async function tableOf(processes: readonly FakeProcess[], pids = [7]) {
  const proc = new FakeProc(await testFolder('proc'));
  for (const process of processes) proc.put(process);
  return readProcesses(new Set(pids), proc.root);
}

test('parseMember reads by position, after the last parenthesis', () => {
  const process = { pid: 7, group: 5, ticks: 301, waited: 55, threads: 9, vmsBytes: 2 ** 40, rssPages: 77 };
  expect(parseMember(statLine({ ...process, name: 'a) S 1 (b' }))).toMatchObject({
    pid: 7,
    state: 'S',
    groupId: 5,
    startTicks: 100,
    cpuTicks: 301,
    waitedTicks: 55,
    threads: 9,
    vmsBytes: 2 ** 40,
    rssPages: 77,
  });
  expect(parseMember('nonsense')).toBeNull();
});

describe('lookAt', () => {
  test.each<[string, FakeProcess[], boolean, string, string]>([
    ['running', [{ pid: 7, state: 'R' }], true, 'R', ''],
    ['sleeping', [{ pid: 7 }], true, 'S', ''],
    ['stopped', [{ pid: 7, state: 'T' }], true, 'T', 'stopped by a signal'],
    ['stuck', [{ pid: 7, state: 'D' }], true, 'D', 'waiting in the kernel, for storage most often'],
    ['a zombie', [{ pid: 7, state: 'Z' }], false, 'Z', 'pid 7 has ended and is a zombie'],
    ['absent', [{ pid: 8, group: 7 }], false, '', 'pid 7 has ended'],
    ['another one', [{ pid: 7, startTicks: 101 }], false, '', 'pid 7 is another process now'],
  ])('%s', async (_, processes, alive, state, reason) => {
    expect(lookAt(TARGET, await tableOf(processes))).toEqual({ alive, state, reason });
  });

  test('what cannot be read is not taken for gone', async () => {
    const root = await testFolder('proc');
    mkdirSync(`${root}/7/stat`, { recursive: true }); // a folder: EISDIR
    mkdirSync(`${root}/8`);
    writeFileSync(`${root}/8/stat`, 'torn');
    const table = readProcesses(new Set([7, 8]), root);
    expect(lookAt(TARGET, table)).toEqual({ alive: null, state: '', reason: 'pid 7 could not be looked at: EISDIR' });
    expect(lookAt({ ...TARGET, pid: 8 }, table)).toMatchObject({ alive: null });
  });
});

describe('membersOf', () => {
  const pids = async (processes: FakeProcess[]): Promise<number[]> => {
    return membersOf(TARGET, await tableOf(processes)).map(({ pid }) => pid);
  };

  test('is the group that it leads, zombies too, and nobody else', async () => {
    const children = [{ pid: 70, group: 7 }, { pid: 71, group: 7, state: 'Z' }, { pid: 72, group: 8 }, { pid: 8 }];
    expect((await pids([{ pid: 7 }, ...children])).sort()).toEqual([7, 70, 71]);
  });

  test('is the process alone where the group is somebody else’s', async () => {
    expect(await pids([{ pid: 7, group: 6 }, { pid: 6 }, { pid: 61, group: 6 }])).toEqual([7]);
    expect(await pids([{ pid: 70, group: 7 }])).toEqual([]);
  });
});

test('one pass over the table serves 200 targets', async () => {
  const proc = new FakeProc(await testFolder('proc'));
  const targets = Array.from({ length: 200 }, (_, n) => ({ pid: 1000 + n, startTicks: n }));
  for (const target of targets) proc.put(target);
  for (const { pid } of targets.slice(0, 50)) proc.put({ pid: pid + 5000, group: pid });
  const listed: string[] = [];
  const table = readProcesses(new Set(targets.map(({ pid }) => pid)), proc.root, (path) => {
    listed.push(path);
    return readdirSync(path);
  });
  expect(listed).toEqual([proc.root]);
  expect(targets.filter((target) => lookAt(target, table).alive).length).toBe(200);
  expect(targets.map((target) => membersOf(target, table).length)).toEqual(targets.map((_, n) => (n < 50 ? 2 : 1)));
});
