import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  appendFileSync,
  chmodSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import type { KeepInput, KeepOutput, TaskProgress } from '../../../../src/shared/contracts/pool-tasks.ts';
import { describe as told } from '../../../../src/shared/errors/daemon-error.ts';
import { hashKept, keep } from '../../../../src/workers/update/keep.ts';
import { temporaryFolder, testFolder } from '../../../support/temp-folder.ts';

const MTIME_S = 1_600_000_000;
const UID = process.getuid?.() ?? 0;
const sha256 = (content: string): string => createHash('sha256').update(content).digest('hex');

let folder: string;
let input: KeepInput;
let progress: TaskProgress[];
const context = { progress: (now: TaskProgress) => void progress.push(now) };

beforeEach(async () => {
  folder = await testFolder('keep');
  input = { from: join(folder, 'agent'), to: join(folder, 'backup'), reserveBytes: 0 };
  progress = [];
});

const run = (over: Partial<KeepInput> = {}): Promise<KeepOutput> => keep({ ...input, ...over }, context);

function makeFile(): void {
  writeFileSync(input.from, 'a program', { mode: 0o755 });
  utimesSync(input.from, MTIME_S, MTIME_S);
}

function makeFolder(): void {
  const at = (path: string): string => join(input.from, path);
  mkdirSync(at('bin/deep'), { recursive: true });
  mkdirSync(at('empty'), { mode: 0o700 });
  writeFileSync(at('bin/agent'), 'a program', { mode: 0o755 });
  writeFileSync(at('bin/deep/data'), '', { mode: 0o600 });
  writeFileSync(at('bin.txt'), 'text', { mode: 0o644 });
  chmodSync(at('bin'), 0o750);
  symlinkSync('bin/agent', at('link'));
  symlinkSync('/nowhere', at('dangling'));
  for (const path of ['bin/agent', 'bin/deep/data', 'bin/deep', 'bin', 'bin.txt', 'empty', ''])
    utimesSync(at(path), MTIME_S, MTIME_S);
}

/** A folder on another file system, where links cannot be made to. */
async function otherVolume(skip: (why: string) => void, size = '1m'): Promise<string> {
  const { path, remove } = await temporaryFolder('keep-volume');
  onTestFinished(remove);
  if (spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${size}`, 'none', path]).status !== 0) skip('needs mount');
  onTestFinished(() => void spawnSync('umount', [path]));
  return path;
}

/** Everything below, with type, mode, time and content, for comparing. */
function shape(path: string): unknown {
  const stats = lstatSync(path);
  const common = { mode: stats.mode, uid: stats.uid, gid: stats.gid };
  if (stats.isSymbolicLink()) return { ...common, target: readlinkSync(path) };
  if (stats.isFile()) return { ...common, mtimeMs: stats.mtimeMs, content: readFileSync(path, 'utf8') };
  return { ...common, mtimeMs: stats.mtimeMs, in: readdirSync(path).map((name) => [name, shape(join(path, name))]) };
}

async function expectFailure(code: string, reason: string, over: Partial<KeepInput> = {}): Promise<void> {
  const before = readdirSync(folder).sort();
  const error: unknown = await run(over).then(
    () => 'it was kept',
    (failure: unknown) => failure,
  );
  expect(told(error)).toContain(reason);
  expect(error).toMatchObject({ code });
  expect(readdirSync(folder).sort()).toEqual(before);
}

describe('a file', () => {
  beforeEach(makeFile);

  test('is linked; its hash is that of its content', async () => {
    expect(await run()).toEqual({ how: 'link', bytes: 9, sha256: sha256('a program') });
    expect(lstatSync(input.to).ino).toBe(lstatSync(input.from).ino);
    expect(progress.at(-1)).toEqual({ done: 9, total: 9 });
    expect(readdirSync(folder).sort()).toEqual(['agent', 'backup']);
  });

  test('stays what it was when another takes the place of the original', async () => {
    const { sha256: kept } = await run();
    writeFileSync(join(folder, 'next'), 'another');
    renameSync(join(folder, 'next'), input.from);
    expect(await hashKept({ path: input.to }, context)).toEqual({ sha256: kept });
  });

  test('is known to have been written to', async () => {
    const { sha256: kept } = await run();
    appendFileSync(input.from, '!');
    expect((await hashKept({ path: input.to }, context)).sha256).not.toBe(kept);
  });

  test('on another volume is copied, with mode, owner and time', async ({ skip }) => {
    const to = join(await otherVolume(skip), 'backup');
    if (UID === 0) spawnSync('chown', ['4711:4712', input.from]);
    chmodSync(input.from, 0o4755);
    expect(await run({ to })).toEqual({ how: 'copy', bytes: 9, sha256: sha256('a program') });
    expect(shape(to)).toEqual(shape(input.from));
  });

  test('of another owner is copied by who may not link it', async ({ skip }) => {
    if (UID !== 0) skip('needs root');
    const home = join(folder, 'home');
    mkdirSync(home);
    spawnSync('chown', ['65534', home]);
    chmodSync(folder, 0o711);
    chmodSync(input.from, 0o4755);
    process.seteuid?.(65534);
    onTestFinished(() => process.seteuid?.(0));
    const to = join(home, 'backup');
    const { how } = await run({ to });
    if (how === 'link') skip('needs fs.protected_hardlinks');
    expect(lstatSync(to)).toMatchObject({ uid: 65534, mtimeMs: MTIME_S * 1000 });
    expect(lstatSync(to).mode & 0o7777).toBe(0o755); // what was for its owner does not pass to another
  });
});

describe('a folder', () => {
  beforeEach(makeFolder);

  test('is linked file by file, with the links and modes that are in it', async () => {
    const answer = await run();
    expect(answer).toMatchObject({ how: 'link', bytes: 13 });
    expect(shape(input.to)).toEqual(shape(input.from));
    expect(lstatSync(join(input.to, 'bin/agent')).ino).toBe(lstatSync(join(input.from, 'bin/agent')).ino);
    expect(await hashKept({ path: input.to }, context)).toEqual({ sha256: answer.sha256 });
    expect(readdirSync(folder).sort()).toEqual(['agent', 'backup']);
  });

  test('has the hash that is documented, whoever made it', async () => {
    const empty = sha256('');
    const lines = [
      ['folder', '', (lstatSync(input.from).mode & 0o7777).toString(8).padStart(4, '0'), ''],
      ['folder', 'bin', '0750', ''],
      ['file', 'bin.txt', '0644', sha256('text')],
      ['file', 'bin/agent', '0755', sha256('a program')],
      ['folder', 'bin/deep', (lstatSync(join(input.from, 'bin/deep')).mode & 0o7777).toString(8).padStart(4, '0'), ''],
      ['file', 'bin/deep/data', '0600', empty],
      ['link', 'dangling', '', '/nowhere'],
      ['folder', 'empty', '0700', ''],
      ['link', 'link', '', 'bin/agent'],
    ];
    const wanted = sha256(lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
    expect((await run()).sha256).toBe(wanted);
    expect((await hashKept({ path: input.from }, context)).sha256).toBe(wanted);
  });

  test.each([
    ['a content', () => appendFileSync(join(input.to, 'bin.txt'), '!')],
    ['a mode', () => chmodSync(join(input.to, 'bin/agent'), 0o700)],
    ['the mode of a folder', () => chmodSync(join(input.to, 'empty'), 0o755)],
    ['a name', () => renameSync(join(input.to, 'bin.txt'), join(input.to, 'bin.tx'))],
    ['an empty folder more', () => mkdirSync(join(input.to, 'more'))],
    ['a file less', () => rmSync(join(input.to, 'bin/deep/data'))],
    [
      'the target of a link',
      () => {
        rmSync(join(input.to, 'link'));
        symlinkSync('bin.txt', join(input.to, 'link'));
      },
    ],
    [
      'a file that became a link to the same',
      () => {
        renameSync(join(input.to, 'bin/agent'), join(folder, 'moved'));
        symlinkSync(join(folder, 'moved'), join(input.to, 'bin/agent'));
      },
    ],
  ])('has another hash after a change: %s', async (_what, change) => {
    const { sha256: kept } = await run();
    change();
    expect((await hashKept({ path: input.to }, context)).sha256).not.toBe(kept);
  });

  test('on another volume is copied, and the same hash', async ({ skip }) => {
    const to = join(await otherVolume(skip), 'backup');
    const linked = await run();
    expect(await run({ to })).toEqual({ ...linked, how: 'copy' });
    expect(shape(to)).toEqual(shape(input.from));
  });

  test('is refused where it holds what is no file', async () => {
    spawnSync('mkfifo', [join(input.from, 'bin/fifo')]);
    await expectFailure('D4003', 'agent/bin/fifo is no file, folder or link');
  });

  test('what an earlier call that was cut short has left is removed', async () => {
    mkdirSync(join(folder, '.backup.part-1/half'), { recursive: true });
    await run();
    expect(readdirSync(folder).sort()).toEqual(['agent', 'backup']);
  });
});

describe.each([
  ['a file', makeFile],
  ['a folder', makeFolder],
])('when %s cannot be kept', (_what, make) => {
  beforeEach(make);

  test('something is there already', async () => {
    writeFileSync(input.to, 'kept');
    await expectFailure('D4003', 'is there already');
    expect(readFileSync(input.to, 'utf8')).toBe('kept');
  });

  test('no room for a copy', async ({ skip }) => {
    const volume = await otherVolume(skip);
    await expectFailure('D4003', 'has no room for', { to: join(volume, 'backup'), reserveBytes: 2 ** 60 });
    expect(readdirSync(volume)).toEqual([]);
  });

  test('the volume is full in the middle', async ({ skip }) => {
    const volume = await otherVolume(skip);
    const large = lstatSync(input.from).isFile() ? input.from : join(input.from, 'large');
    writeFileSync(large, Buffer.alloc(3 * 1024 * 1024));
    const refusal = run({ to: join(volume, 'backup'), reserveBytes: -4 * 1024 * 1024 });
    await expect(refusal).rejects.toMatchObject({ code: 'D4003', retryable: true, cause: { code: 'ENOSPC' } });
    expect(readdirSync(volume)).toEqual([]);
  });

  test('a link to it is not it', async () => {
    symlinkSync('agent', join(folder, 'current'));
    await expectFailure('D4003', 'current is a symbolic link: give the path', { from: join(folder, 'current') });
  });

  test('it is not there, or where it is to go is not', async () => {
    await expectFailure('D4003', 'ENOENT', { from: join(folder, 'none') });
    await expectFailure('D4003', 'ENOENT', { to: join(folder, 'none', 'backup') });
  });

  test('a fault of the code comes through as it is', async () => {
    const faulty = (): void => {
      throw new TypeError('no function');
    };
    await expect(keep(input, { progress: faulty })).rejects.toThrow(new TypeError('no function'));
    await expect(hashKept({ path: input.from }, { progress: faulty })).rejects.toThrow(new TypeError('no function'));
    expect(readdirSync(folder)).toEqual(['agent']);
  });
});

describe('a backup that cannot be gone back to', () => {
  test.each([
    ['is not there', 'ENOENT', () => {}],
    ['is a link', 'is a symbolic link', () => symlinkSync('agent', input.to)],
    ['is a fifo', 'is no file, folder or link', () => void spawnSync('mkfifo', [input.to])],
  ])('it %s', async (_what, reason, make) => {
    make();
    const error: unknown = await hashKept({ path: input.to }, context).catch((failure: unknown) => failure);
    expect(error).toMatchObject({ code: 'D4004' });
    expect(told(error)).toContain(reason);
  });

  test('a file of it becomes something else while it is read', async () => {
    mkdirSync(input.to);
    for (const name of ['a', 'b']) writeFileSync(join(input.to, name), 'content');
    const change = (): void => {
      rmSync(join(input.to, 'b'), { force: true });
      spawnSync('mkfifo', [join(input.to, 'b')]);
    };
    const failing = hashKept({ path: input.to }, { progress: change });
    await expect(failing).rejects.toMatchObject({ code: 'D4004', cause: { code: 'D4003' } });
  });
});
