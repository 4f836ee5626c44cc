import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { logCompression, logText } from '../../../../bench/benchmarks/stall-log.ts';
import { compressFile } from '../../../../src/workers/pool/compress.ts';
import { testFolder } from '../../../support/temp-folder.ts';

test('lines that shrink as logs do: neither to nothing nor hardly', () => {
  const text = logText(500_000);
  expect(text).toHaveLength(500_000);
  expect(logText(500_000)).toBe(text);
  const lines = text.split('\n');
  expect(new Set(lines).size).toBe(lines.length);
  const ratio = text.length / gzipSync(text).length;
  expect(ratio).toBeGreaterThan(3);
  expect(ratio).toBeLessThan(20);
});

test('who asks is given both files before they are removed', async () => {
  const folder = await testFolder();
  const pool = { run: async (_kind: string, input: Parameters<typeof compressFile>[0]) => compressFile(input) };
  let unpacked: Buffer | null = null;
  const check = async (log: string, compressed: string): Promise<void> => {
    unpacked = gunzipSync(await readFile(compressed));
    expect(unpacked.equals(await readFile(log))).toBe(true);
  };
  const compress = await logCompression(folder, pool as never, new AbortController().signal, { mebibytes: 1, check });
  await compress();
  expect(unpacked).toHaveLength(1024 * 1024);
});

test('compresses the same log as often as it is asked to, and leaves nothing else behind', async () => {
  const folder = await testFolder();
  const sizes: number[] = [];
  const pool = {
    run: async (_kind: string, input: Parameters<typeof compressFile>[0]) => {
      sizes.push((await stat(input.from)).size);
      return compressFile(input);
    },
  };
  const compress = await logCompression(folder, pool as never, new AbortController().signal);
  await compress();
  await compress();
  const { size } = await stat(join(folder, 'service.log'));
  expect(sizes).toEqual([size, size]);
  expect(await readdir(folder)).toEqual(['service.log']);
});
