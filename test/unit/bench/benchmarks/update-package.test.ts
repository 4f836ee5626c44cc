import { spawnSync } from 'node:child_process';
import { readdir } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { makePackage } from '../../../../bench/benchmarks/update-package.ts';
import { verifyPackage } from '../../../../src/workers/update/verify-package.ts';
import { testFolder } from '../../../support/temp-folder.ts';

const NEVER = new AbortController().signal;

test('a package that verifies, here and by openssl', async () => {
  const { bytes, signed, signatureFile } = await makePackage(await testFolder(), 3, NEVER);
  expect(bytes).toBe(3 * 1024 * 1024);
  const checked = await verifyPackage(signed, { progress: () => {} });
  expect(checked).toMatchObject({ sha256: signed.sha256, bytes });
  expect(checked.keyId).not.toBe('');
  const args = ['dgst', '-sha256', '-verify', signed.publicKeyFile, '-signature', signatureFile, signed.path];
  expect(spawnSync('openssl', args, { encoding: 'utf8' })).toMatchObject({ stdout: 'Verified OK\n', status: 0 });
});

test('one that does not fit is refused before anything is written', async () => {
  const folder = await testFolder();
  const made = makePackage(folder, 2 ** 33, NEVER);
  await expect(made).rejects.toThrow(/has no room for the package of this benchmark \(TMPDIR chooses another volume\)/);
  expect(await readdir(folder)).toEqual([]);
});

test('an interruption ends it', async () => {
  const folder = await testFolder();
  const made = makePackage(folder, 3, AbortSignal.abort(new Error('interrupted')));
  await expect(made).rejects.toThrow('interrupted');
  expect(await readdir(folder)).not.toContain('package.sig');
});
