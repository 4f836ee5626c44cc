import { existsSync, readdirSync, readFileSync, statSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { beforeEach, expect, test } from 'vitest';
import type { CompressInput } from '../../../../src/shared/contracts/pool-tasks.ts';
import { compressFile } from '../../../../src/workers/pool/compress.ts';
import { testFolder } from '../../../support/temp-folder.ts';

const CONTENT = Buffer.from('a line of a log, again and again\n'.repeat(50_000));
const MTIME_S = 1_700_000_000;

let folder: string;
let input: CompressInput;

beforeEach(async () => {
  folder = await testFolder('compress');
  const from = join(folder, 'x.log');
  input = { from, temporary: `${from}.gz.part`, to: `${from}.gz` };
  writeFileSync(from, CONTENT, { mode: 0o600 });
  utimesSync(from, MTIME_S, MTIME_S);
});

test('the content is the same, smaller, of the same age and mode; the source has gone', async () => {
  const { bytes } = await compressFile(input);
  expect(readdirSync(folder)).toEqual(['x.log.gz']);
  const { size, mode, mtimeMs } = statSync(input.to);
  expect(size).toBe(bytes);
  expect(size).toBeLessThan(CONTENT.length / 10);
  expect(mode & 0o777).toBe(0o600);
  expect(mtimeMs).toBe(MTIME_S * 1000);
  expect(gunzipSync(readFileSync(input.to)).equals(CONTENT)).toBe(true);
});

test('a file under the wanted name is not overwritten', async () => {
  writeFileSync(input.to, 'kept');
  await expect(compressFile(input)).rejects.toThrow('is there already');
  expect(readFileSync(input.to, 'utf8')).toBe('kept');
  expect(readFileSync(input.from).equals(CONTENT)).toBe(true);
});

test('a link in the place of the temporary file is not written through', async () => {
  const elsewhere = join(folder, 'elsewhere');
  writeFileSync(elsewhere, 'kept');
  symlinkSync(elsewhere, input.temporary);
  await expect(compressFile(input)).rejects.toThrow('EEXIST');
  expect(readFileSync(elsewhere, 'utf8')).toBe('kept');
  expect(existsSync(input.from)).toBe(true);
});

test('a source that is a link is not read', async () => {
  const link = join(folder, 'link.log');
  symlinkSync(input.from, link);
  await expect(compressFile({ ...input, from: link })).rejects.toThrow('ELOOP');
  expect(readdirSync(folder)).toEqual(['link.log', 'x.log']);
});

test('the rename fails: the source stays and no temporary file is left', async () => {
  const nowhere = join(folder, 'no-such-folder', 'x.log.gz');
  await expect(compressFile({ ...input, to: nowhere })).rejects.toThrow('ENOENT');
  expect(readdirSync(folder)).toEqual(['x.log']);
});
