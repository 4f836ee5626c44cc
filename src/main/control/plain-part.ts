/** A file of a log as it lies there. */
import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import type { LogPart } from './log-parts.ts';

const BLOCK_BYTES = 64 * 1024;

export class PlainPart implements LogPart {
  readonly blockBytes = BLOCK_BYTES;
  readonly bytes: number;
  /** Which file it is, as long as it is there. */
  readonly inode: number;
  readonly #handle: FileHandle;

  private constructor(handle: FileHandle, bytes: number, inode: number) {
    this.#handle = handle;
    this.bytes = bytes;
    this.inode = inode;
  }

  /** Null where it is not there. `follow`: a symbolic link too. Throws for what is no regular file. */
  static async open(path: string, { follow }: { follow: boolean }): Promise<PlainPart | null> {
    let handle: FileHandle;
    try {
      // a pipe is not waited for
      handle = await open(path, constants.O_RDONLY | constants.O_NONBLOCK | (follow ? 0 : constants.O_NOFOLLOW));
    } catch (error) {
      if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null;
      throw error;
    }
    try {
      const found = await handle.stat();
      if (!found.isFile()) throw new Error(`${path} is not a regular file`);
      return new PlainPart(handle, found.size, found.ino);
    } catch (error) {
      await handle.close();
      throw error;
    }
  }

  async read(from: number, length: number): Promise<Buffer> {
    const { buffer, bytesRead } = await this.#handle.read(Buffer.allocUnsafe(length), 0, length, from);
    return buffer.subarray(0, bytesRead);
  }

  close(): Promise<void> {
    return this.#handle.close();
  }
}
