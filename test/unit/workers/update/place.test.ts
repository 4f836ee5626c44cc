import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { lstatSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import type { PlaceInput, TaskProgress } from '../../../../src/shared/contracts/pool-tasks.ts';
import { describe as told } from '../../../../src/shared/errors/daemon-error.ts';
import { place } from '../../../../src/workers/update/place.ts';
import { testFolder } from '../../../support/temp-folder.ts';

const CONTENT = Buffer.alloc(3 * 1024 * 1024 + 17, 'the bytes of a program, ');
const SHA256 = createHash('sha256').update(CONTENT).digest('hex');
const UID = process.getuid?.() ?? 0;
const GID = process.getgid?.() ?? 0;

let folder: string;
let input: PlaceInput;
let progress: TaskProgress[];

beforeEach(async () => {
  folder = await testFolder('place');
  const from = join(folder, 'new');
  input = { from, to: join(folder, 'agent'), mode: 0o750, uid: UID, gid: GID, sha256: SHA256, reserveBytes: 0 };
  writeFileSync(from, CONTENT, { mode: 0o600 });
  progress = [];
});

function run(over: Partial<PlaceInput> = {}): Promise<{ bytes: number }> {
  return place({ ...input, ...over }, { progress: (now) => progress.push(now) });
}

async function expectFailure(code: string, reason: string, over: Partial<PlaceInput> = {}): Promise<void> {
  const before = readdirSync(folder).sort();
  const error: unknown = await run(over).then(
    () => 'it was placed',
    (failure: unknown) => failure,
  );
  expect(told(error)).toContain(reason);
  expect(error).toMatchObject({ code });
  expect(readdirSync(folder).sort()).toEqual(before);
}

describe.each([
  ['checked', SHA256],
  ['checked, in capitals', SHA256.toUpperCase()],
  ['not checked', ''],
])('%s', (_what, sha256) => {
  test('the copy has the content and the mode, whatever the umask is', async () => {
    const umask = process.umask(0o077);
    onTestFinished(() => void process.umask(umask));
    expect(await run({ sha256, mode: 0o6755 })).toEqual({ bytes: CONTENT.length });
    expect(readFileSync(input.to).equals(CONTENT)).toBe(true);
    expect(lstatSync(input.to).mode & 0o7777).toBe(0o6755);
    expect(lstatSync(input.to).ino).not.toBe(lstatSync(input.from).ino);
    expect(lstatSync(input.from).mode & 0o777).toBe(0o600);
    expect(progress.at(-1)).toEqual({ done: CONTENT.length, total: CONTENT.length });
    expect(readdirSync(folder).sort()).toEqual(['agent', 'new']);
  });

  test('what is there already is neither written to nor removed', async () => {
    writeFileSync(input.to, 'kept');
    await expectFailure('D4003', 'is there already', { sha256 });
    expect(readFileSync(input.to, 'utf8')).toBe('kept');
  });

  test('a link in its place is not written through', async () => {
    symlinkSync('elsewhere', input.to);
    await expectFailure('D4003', 'is there already', { sha256 });
  });

  test('a source that is a link, a fifo or not there', async () => {
    symlinkSync('new', join(folder, 'link'));
    spawnSync('mkfifo', [join(folder, 'fifo')]);
    await expectFailure('D4003', 'ELOOP', { sha256, from: join(folder, 'link') });
    await expectFailure('D4003', 'is not a regular file', { sha256, from: join(folder, 'fifo') });
    await expectFailure('D4003', 'ENOENT', { sha256, from: join(folder, 'none') });
  });

  test('no room', async () => {
    await expectFailure('D4003', 'has no room for', { sha256, reserveBytes: 2 ** 60 });
  });

  test('another owner', async ({ skip }) => {
    if (UID !== 0) skip('needs root');
    await run({ sha256, uid: 4711, gid: 4712, mode: 0o4755 });
    expect(lstatSync(input.to)).toMatchObject({ uid: 4711, gid: 4712 });
    expect(lstatSync(input.to).mode & 0o7777).toBe(0o4755);
  });

  test('another owner, by somebody who may not give files away', async () => {
    const home = join(folder, 'home');
    mkdirSync(home, { mode: 0o777 });
    writeFileSync(join(home, 'new'), CONTENT);
    if (UID === 0) {
      spawnSync('chmod', ['711', folder]);
      spawnSync('chown', ['-R', '65534', home]);
      process.seteuid?.(65534);
      onTestFinished(() => process.seteuid?.(0));
    }
    const over = { sha256, from: join(home, 'new'), to: join(home, 'agent'), uid: 4711 };
    await expect(run(over)).rejects.toMatchObject({ code: 'D4003', cause: { code: 'EPERM' } });
    await expect(run(over)).rejects.toThrow('only root may give a file to user 4711');
    expect(readdirSync(home)).toEqual(['new']);
  });

  test('the disk is full in the middle', async ({ skip }) => {
    const small = join(folder, 'small');
    mkdirSync(small);
    if (spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'none', small]).status !== 0) skip('needs mount');
    onTestFinished(() => void spawnSync('umount', [small]));
    // the room is there when it is asked for, as it can be with what others write
    const reserveBytes = -CONTENT.length;
    const refusal = run({ sha256, to: join(small, 'agent'), reserveBytes });
    await expect(refusal).rejects.toMatchObject({ code: 'D4003', retryable: true, cause: { code: 'ENOSPC' } });
    expect(readdirSync(small)).toEqual([]);
  });
});

test('other bytes than were wanted', async () => {
  await expectFailure('D4002', `has the SHA-256 ${SHA256} and not ${'0'.repeat(64)}`, { sha256: '0'.repeat(64) });
  await expect(run({ sha256: '0'.repeat(64) })).rejects.toThrow(/ \(check: hash\)$/);
});

test('an empty file', async () => {
  writeFileSync(input.from, '');
  expect(await run({ sha256: createHash('sha256').digest('hex') })).toEqual({ bytes: 0 });
  expect(lstatSync(input.to).size).toBe(0);
});

test('a fault of the code comes through as it is', async () => {
  const faulty = (): void => {
    throw new TypeError('no function');
  };
  await expect(place(input, { progress: faulty })).rejects.toThrow(new TypeError('no function'));
  expect(readdirSync(folder)).toEqual(['new']);
});
