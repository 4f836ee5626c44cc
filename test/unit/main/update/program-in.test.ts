import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { beforeEach, expect, test } from 'vitest';
import { programIn } from '../../../../src/main/update/program-in.ts';
import { testFolder } from '../../../support/temp-folder.ts';

let folder: string;

beforeEach(async () => {
  folder = await testFolder('program');
});
function put(path: string): void {
  mkdirSync(dirname(join(folder, path)), { recursive: true });
  writeFileSync(join(folder, path), '');
}

test.each(['telegraf', 'bin/telegraf', 'usr/bin/telegraf', 'usr/local/bin/telegraf'])('found as %s', async (path) => {
  put(path);
  put('etc/telegraf/telegraf.conf');
  expect(await programIn(folder, 'telegraf')).toBe(join(folder, path));
});

test.each<[string, () => void, string]>([
  ['nowhere', () => put('sbin/telegraf'), 'has no program telegraf in its root folder, bin, usr/bin, usr/local/bin'],
  ['a folder', () => put('telegraf/README'), 'has no program telegraf'],
  ['a link', () => symlinkSync('/bin/sh', join(folder, 'telegraf')), 'has no program telegraf'],
  ['bin is a file', () => put('bin'), 'has no program telegraf'],
  ['twice', () => ['telegraf', 'usr/bin/telegraf'].forEach(put), 'has more than one program telegraf'],
])('%s: refused', async (_, make, says) => {
  make();
  await expect(programIn(folder, 'telegraf')).rejects.toMatchObject({
    code: 'D4002',
    message: expect.stringMatching(new RegExp(`the archive ${says}.*\\(check: archive\\)`)),
  });
});

test('what cannot be looked at is an error', async () => {
  await expect(programIn(folder, 'x'.repeat(300))).rejects.toThrow('ENAMETOOLONG');
});
