import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { findProgram, versionIn, versionOf } from '../../../../bench/peers/find.ts';
import { testFolder } from '../../../support/temp-folder.ts';

test('the first name that can be run, in whichever folder', async () => {
  const root = await testFolder();
  for (const folder of ['a', 'b']) await mkdir(join(root, folder));
  await writeFile(join(root, 'a', 'first'), '', { mode: 0o644 });
  await writeFile(join(root, 'a', 'second'), '', { mode: 0o755 });
  await writeFile(join(root, 'b', 'first'), '', { mode: 0o755 });
  const path = `${join(root, 'a')}::${join(root, 'b')}`;
  expect(findProgram(['first', 'second'], path)).toBe(join(root, 'b', 'first'));
  expect(findProgram(['third'], path)).toBeNull();
});

test.each([
  ['This is Monit version 5.33.0\nBuilt with ssl', '5.33.0'],
  ['node_exporter, version 1.5.0 (branch: debian/sid)', '1.5.0'],
  ['no number', ''],
])('%j', (text, expected) => {
  expect(versionIn(text)).toBe(expected);
});

test('a version is read from where errors go too', async () => {
  expect(await versionOf('/bin/sh', ['-c', 'echo v1.2.3 >&2'], {})).toBe('1.2.3');
});
