import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import { Backups } from '../../../../src/main/update/backups.ts';
import { testFolder } from '../../../support/temp-folder.ts';
import { realTasks } from './tasks.ts';

let folder: string;
let program: string;
let backups: Backups;
const { signal } = new AbortController();

beforeEach(async () => {
  const root = await testFolder('backups');
  folder = join(root, 'kept');
  program = join(root, 'program');
  writeFileSync(program, 'version 1');
  backups = new Backups(realTasks(), () => folder);
});

const about = (version: string, over: { agentId?: string; good?: boolean } = {}) =>
  ({ component: 'agent', agentId: 'one', version, createdMs: Date.UTC(2025, 0, 2), good: true, ...over }) as const;

test('what is kept is found again, with its facts, oldest first', async () => {
  const first = await backups.keep(program, about('1'), signal);
  const second = await backups.keep(program, about('2', { good: false }), signal);
  await backups.keep(program, about('3', { agentId: 'two' }), signal);
  expect(first.path).toBe(join(folder, 'agent-one_20250102000000.bak'));
  expect(second.path).toBe(join(folder, 'agent-one_20250102000001.bak'));
  expect(await backups.list('agent', 'one')).toMatchObject([first, second]);
  expect(readFileSync(first.path, 'utf8')).toBe('version 1');
  expect(statSync(folder).mode & 0o777).toBe(0o700);
});

test('nothing was ever kept', async () => {
  expect(await backups.list('daemon', '')).toEqual([]);
  await backups.prune('daemon', 1);
});

test('what cannot be kept leaves nothing', async () => {
  await expect(backups.keep(join(folder, 'nothing'), about('1'), signal)).rejects.toMatchObject({ code: 'D4003' });
  expect(readdirSync(folder)).toEqual([]);
});

test('a folder that cannot be looked at is an error', async () => {
  writeFileSync(folder, '');
  await expect(backups.list('agent', 'one')).rejects.toThrow('ENOTDIR');
});

describe('facts that are not there', () => {
  test('yet, or cannot be read: it is no backup', async () => {
    const { path } = await backups.keep(program, about('1'), signal);
    writeFileSync(path.replace('.bak', '.json'), '{"version": ');
    await backups.keep(program, about('2'), signal);
    rmSync(join(folder, 'agent-one_20250102000001.json'));
    expect(await backups.list('agent', 'one')).toEqual([]);
  });

  test('because the disk fails: an error', async () => {
    const { path } = await backups.keep(program, about('1'), signal);
    rmSync(path.replace('.bak', '.json'));
    mkdirSync(path.replace('.bak', '.json'));
    await expect(backups.list('agent', 'one')).rejects.toThrow('EISDIR');
  });
});

test('pruning removes the superfluous and the halves, and nothing of others', async () => {
  for (const [version, good] of [
    ['1', true],
    ['2', false],
    ['3', false],
    ['4', false],
  ] as const)
    await backups.keep(program, about(version, { good }), signal);
  await backups.keep(program, about('9', { agentId: 'two' }), signal);
  const halves = [
    'agent-one_20240101000000.bak',
    'agent-one_20240101000001.json',
    '.agent-one_20240101000002.bak.part-9',
  ];
  for (const name of halves) writeFileSync(join(folder, name), '');
  writeFileSync(join(folder, 'README'), '');
  await backups.prune('agent-one', 2);
  expect((await backups.list('agent', 'one')).map(({ version }) => version)).toEqual(['1', '3', '4']);
  expect(
    readdirSync(folder)
      .filter((name) => !name.startsWith('agent-one_2025'))
      .sort(),
  ).toEqual(['README', 'agent-two_20250102000000.bak', 'agent-two_20250102000000.json']);
});
