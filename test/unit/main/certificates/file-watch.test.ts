import { renameSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, expect, test } from 'vitest';
import { FileWatch } from '../../../../src/main/certificates/file-watch.ts';
import type { TlsFilePaths } from '../../../../src/shared/contracts/pool-tasks.ts';
import { testFolder } from '../../../support/temp-folder.ts';

let paths: TlsFilePaths;
/** Ahead of the files' times, as if they had been there for a while. */
let aheadMs: number;
const clock = { wallMs: () => Date.now() + aheadMs };
let watch: FileWatch;

beforeEach(async () => {
  const folder = await testFolder('file-watch');
  paths = { certFile: join(folder, 'crt'), keyFile: join(folder, 'key'), caFile: join(folder, 'ca') };
  for (const path of Object.values(paths)) writeFileSync(path, 'x');
  aheadMs = 60_000;
  watch = new FileWatch(clock);
});

test('what was never read may have changed', async () => {
  expect(await watch.mayHaveChanged(paths)).toBe(true);
});

test('what was read has not, until it does', async () => {
  await watch.read(paths);
  expect(await watch.mayHaveChanged(paths)).toBe(false);
  writeFileSync(`${paths.keyFile}.new`, 'x');
  renameSync(`${paths.keyFile}.new`, paths.keyFile);
  expect(await watch.mayHaveChanged(paths)).toBe(true);
  await watch.read(paths);
  expect(await watch.mayHaveChanged(paths)).toBe(false);
});

test('other paths are a change', async () => {
  await watch.read(paths);
  expect(await watch.mayHaveChanged({ ...paths, certFile: paths.caFile })).toBe(true);
  expect(await watch.mayHaveChanged({ ...paths, keyPassphraseFile: paths.caFile })).toBe(true);
});

test('what was written just before it was read may change unseen, whatever its time says', async () => {
  aheadMs = 0;
  utimesSync(paths.certFile, 1, 1);
  await watch.read(paths);
  expect(await watch.mayHaveChanged(paths)).toBe(true);
});

test('so with files from the future', async () => {
  aheadMs = -60_000;
  await watch.read(paths);
  expect(await watch.mayHaveChanged(paths)).toBe(true);
});

test('what cannot be read is said so, and is a change', async () => {
  await watch.read(paths);
  rmSync(paths.caFile);
  expect(await watch.mayHaveChanged(paths)).toBe(true);
  await expect(watch.read(paths)).rejects.toMatchObject({ code: 'D2001', reason: 'caFile file' });
  writeFileSync(paths.caFile, 'x');
  expect(await watch.mayHaveChanged(paths)).toBe(true);
});
