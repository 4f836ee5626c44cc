import { statfsSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { requireSpace } from '../../../../src/workers/update/free-space.ts';
import { testFolder } from '../../../support/temp-folder.ts';

const EXBIBYTE = 2 ** 60;

test('room that is there', async () => {
  const folder = await testFolder('space');
  const { bavail, bsize } = statfsSync(folder);
  await requireSpace(folder, 1, 1, 'a test');
  await requireSpace(folder, (bavail * bsize) / 2, 0, 'a test');
});

test.each([
  [EXBIBYTE, 1000, '1099511627776.0 MiB and 1000 B in reserve'],
  [0, EXBIBYTE, '0 B and 1099511627776.0 MiB in reserve'],
])('%d bytes and %d in reserve are not', async (bytes, reserve, figures) => {
  const folder = await testFolder('space');
  const refused = requireSpace(folder, bytes, reserve, 'a test');
  await expect(refused).rejects.toMatchObject({ code: 'D4003', retryable: true });
  await expect(refused).rejects.toThrow(`${folder} has no room for a test: ${figures} are needed, `);
  await expect(refused).rejects.toThrow(/ [\d.]+ (MiB|B) are free; make room and try again$/);
});

test('a folder that is not there', async () => {
  const folder = join(await testFolder('space'), 'gone');
  await expect(requireSpace(folder, 1, 1, 'a test')).rejects.toMatchObject({
    code: 'D4003',
    cause: { code: 'ENOENT' },
  });
});
