/**
 * gzip of a file beside it: written under a temporary name, flushed, renamed; only then is the source removed. Cut
 * short before the rename it leaves a temporary file that is worth nothing, after it a source that is not needed.
 */
import { constants, existsSync } from 'node:fs';
import { open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import type { CompressInput, CompressOutput } from '../../shared/contracts/pool-tasks.ts';

const CHUNK_BYTES = 256 * 1024;

/** Throws the system's error; the source is then as it was and no temporary file is left. */
export async function compressFile({ from, temporary, to }: CompressInput): Promise<CompressOutput> {
  if (existsSync(to)) throw new Error(`${to} is there already`);
  const source = await open(from, constants.O_RDONLY | constants.O_NOFOLLOW);
  let bytes = 0;
  try {
    const { mode, atime, mtime } = await source.stat();
    const target = await open(temporary, 'wx', mode & 0o777);
    try {
      try {
        await pipeline(
          source.createReadStream({ highWaterMark: CHUNK_BYTES }),
          createGzip({ chunkSize: CHUNK_BYTES }),
          async (chunks: AsyncIterable<Buffer>) => {
            for await (const chunk of chunks) await target.appendFile(chunk);
          },
        );
        await target.utimes(atime, mtime); // its age is that of its lines
        await target.sync();
        bytes = (await target.stat()).size;
      } finally {
        await target.close();
      }
      await rename(temporary, to);
    } catch (error) {
      await rm(temporary, { force: true });
      throw error;
    }
  } finally {
    await source.close();
  }
  const folder = await open(dirname(to), 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
  await rm(from);
  return { bytes };
}
