/**
 * The file that a download writes: nobody else's to read, new, and gone again unless it was finished. Whatever the
 * disk refuses is D4003. It is not removed where the thread is ended from outside: that is for whoever does so.
 */
import { type FileHandle, open, rm } from 'node:fs/promises';
import { DaemonError } from '../../shared/errors/daemon-error.ts';

const MODE = 0o600;

async function disk<T>(path: string, doing: string, act: () => Promise<T>): Promise<T> {
  try {
    return await act();
  } catch (cause) {
    throw new DaemonError('D4003', `${path} cannot be ${doing}; look at its disk`, { cause });
  }
}

export class Part {
  readonly path: string;
  readonly #file: FileHandle;
  #bytes = 0;

  private constructor(path: string, file: FileHandle) {
    this.path = path;
    this.#file = file;
  }

  /** In place of what lies there: an earlier attempt's, which nobody vouches for. Throws D4003. */
  static async create(path: string): Promise<Part> {
    return disk(path, 'created', async () => {
      await rm(path, { force: true });
      return new Part(path, await open(path, 'wx', MODE));
    });
  }

  get bytes(): number {
    return this.#bytes;
  }

  async empty(): Promise<void> {
    await disk(this.path, 'emptied', () => this.#file.truncate(0));
    this.#bytes = 0;
  }

  async append(chunk: Buffer): Promise<void> {
    for (let from = 0; from < chunk.length; ) {
      const rest = chunk.length - from;
      const { bytesWritten } = await disk(this.path, 'written', () => {
        return this.#file.write(chunk, from, rest, this.#bytes);
      });
      from += bytesWritten;
      this.#bytes += bytesWritten;
    }
  }

  /** Flushed to the disk, and closed. */
  async finish(): Promise<void> {
    await disk(this.path, 'flushed', async () => {
      await this.#file.sync();
      await this.#file.close();
    });
  }

  /** Closed, where it is not, and removed. Never rejects: the reason for it is what people are to see. */
  async discard(): Promise<void> {
    await this.#file.close().catch(() => {}); // closed already, or a late error of a write: it goes anyway
    await rm(this.path, { force: true }).catch(() => {}); // the disk fails: the caller clears the folder later
  }
}
