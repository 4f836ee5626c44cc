import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { replaceFile } from '../../../../src/shared/platform/files.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'files-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

test('replaces the content whole, with its mode, and leaves nothing beside it', async () => {
  const path = join(folder, 'x');
  await replaceFile(path, 'one', 0o600);
  await replaceFile(path, 'two', 0o600);
  expect(readFileSync(path, 'utf8')).toBe('two');
  expect(statSync(path).mode & 0o777).toBe(0o600);
  expect(readdirSync(folder)).toEqual(['x']);
});

test('a failure leaves the old content and no temporary file', async () => {
  mkdirSync(join(folder, 'taken'));
  await expect(replaceFile(join(folder, 'taken'), 'x')).rejects.toMatchObject({ code: 'EISDIR' });
  expect(readdirSync(folder)).toEqual(['taken']);
  await expect(replaceFile(join(folder, 'absent/x'), 'x')).rejects.toMatchObject({ code: 'ENOENT' });
});
