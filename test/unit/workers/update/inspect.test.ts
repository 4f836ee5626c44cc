import { spawnSync } from 'node:child_process';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { beforeEach, expect, test } from 'vitest';
import { describe as told } from '../../../../src/shared/errors/daemon-error.ts';
import { inspectPackage } from '../../../../src/workers/update/inspect.ts';
import { testFolder } from '../../../support/temp-folder.ts';

let path: string;

beforeEach(async () => {
  path = join(await testFolder('inspect'), 'package');
});

test('an archive, a program and a script', async () => {
  writeFileSync(path, gzipSync('anything'));
  expect(await inspectPackage({ path })).toEqual({ form: 'tar.gz' });
  writeFileSync(path, '#!/bin/sh\nexit 0\n');
  expect(await inspectPackage({ path })).toEqual({ form: 'program', arch: null });
  expect(await inspectPackage({ path: process.execPath })).toEqual({ form: 'program', arch: process.arch });
  writeFileSync(path, Buffer.from('\x7fELF'));
  expect(await inspectPackage({ path })).toEqual({ form: 'program', arch: null });
});

test.each([
  ['empty', ''],
  ['a zip archive', 'PK\x03\x04 and more'],
  ['something packed with bzip2', 'BZh9'],
  ['something packed with xz', Buffer.from('fd377a585a000004', 'hex')],
  ['a program for Windows', 'MZ\x90'],
  ['plain text', 'some text\nin lines, and more of it than is looked at, much more than is looked at\n'],
  ['plain text', '#'],
  ['data of an unknown form', Buffer.from([0x1f, 0x8c])],
  ['data of an unknown form', Buffer.from([1, 2, 3])],
])('refused: %s', async (what, content) => {
  writeFileSync(path, content);
  const refusal = inspectPackage({ path });
  await expect(refusal).rejects.toMatchObject({ code: 'D4002' });
  await expect(refusal).rejects.toThrow(`the package ${path} is ${what}; `);
  await expect(refusal).rejects.toThrow(/ \(check: archive\)$/);
});

test.each([
  ['no such file', 'ENOENT', () => {}],
  ['a folder', 'is not a regular file', () => mkdirSync(path)],
  ['a fifo without a writer', 'is not a regular file', () => void spawnSync('mkfifo', [path])],
  [
    'a symbolic link',
    'ELOOP',
    () => {
      writeFileSync(`${path}.there`, '#!');
      symlinkSync(`${path}.there`, path);
    },
  ],
])('refused: %s', async (_what, reason, make) => {
  make();
  const error: unknown = await inspectPackage({ path }).catch((failure: unknown) => failure);
  expect(error).toMatchObject({ code: 'D4002' });
  expect((error as Error).message).toMatch(/cannot be read; .* \(check: archive\)$/);
  expect(told(error)).toContain(reason);
});
