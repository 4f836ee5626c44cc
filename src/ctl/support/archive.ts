/** A tar.gz that is whole under its name, or not there. What is there already is not overwritten. */
import { createHash, randomBytes } from 'node:crypto';
import { link, open, rm } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import { pack } from 'tar-stream';

export interface Entry {
  name: string;
  text: string;
}

export interface Written {
  bytes: number;
  /** Hex. */
  sha256: string;
}

/** Entries are made one after another, so that one is in memory at a time. Mode 0600. Throws where it was ended. */
export async function writeArchive(
  path: string,
  entries: AsyncIterable<Entry>,
  nowMs: number,
  signal: AbortSignal,
): Promise<Written> {
  const temporary = `${path}.${randomBytes(6).toString('hex')}.tmp`;
  const hash = createHash('sha256');
  let bytes = 0;
  try {
    const file = await open(temporary, 'wx', 0o600);
    try {
      const write = async (chunks: AsyncIterable<Buffer>): Promise<void> => {
        for await (const chunk of chunks) {
          hash.update(chunk);
          bytes += chunk.length;
          await file.writeFile(chunk); // from where the last one ended
        }
      };
      await pipeline(tarOf(entries, nowMs), createGzip(), write, { signal });
      await file.sync();
    } finally {
      await file.close();
    }
    await link(temporary, path); // a rename would replace
    return { bytes, sha256: hash.digest('hex') };
  } catch (cause) {
    signal.throwIfAborted();
    throw new Error(`the bundle ${path} cannot be written; nothing that is there is overwritten`, { cause });
  } finally {
    await rm(temporary, { force: true });
  }
}

/** A tar of its own for each entry, its end left out, so that the next entry is made only when this one has gone. */
async function* tarOf(entries: AsyncIterable<Entry>, nowMs: number): AsyncGenerator<Buffer> {
  for await (const { name, text } of entries) {
    const tar = pack();
    tar.entry({ name, mode: 0o600, mtime: new Date(nowMs) }, text);
    tar.finalize();
    const chunks: Buffer[] = await Readable.from(tar).toArray();
    yield Buffer.concat(chunks).subarray(0, -END_BYTES);
  }
  yield Buffer.alloc(END_BYTES);
}

/** Two empty blocks. */
const END_BYTES = 1024;
