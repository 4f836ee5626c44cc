/**
 * What the file tasks of updates have in common: reading a regular file and nothing else, flushing, and a file or
 * folder that gets its name only once it is whole. Synchronous, in a thread of its own: an end of the thread then
 * falls between two calls, and none goes on behind its back.
 */
import {
  closeSync,
  constants,
  fchmodSync,
  fchownSync,
  fstatSync,
  fsyncSync,
  lstatSync,
  openSync,
  readdirSync,
  readSync,
  renameSync,
  rmSync,
  type Stats,
  writeSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { DaemonError } from '../../shared/errors/daemon-error.ts';

export const CHUNK_BYTES = 1024 * 1024;

/** An error of a system call, which a DaemonError of ours is to explain. */
export function isSystemError(error: unknown): error is NodeJS.ErrnoException {
  return error instanceof Error && 'syscall' in error;
}

/** Throws the system's error; ELOOP where it is a symbolic link. */
export function withRegularFile<T>(path: string, work: (fd: number, stats: Stats) => T): T {
  // O_NONBLOCK: the open of a fifo would wait for its writer
  const fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  try {
    const stats = fstatSync(fd);
    if (!stats.isFile()) throw new DaemonError('D4003', `${path} is not a regular file: give a file`);
    return work(fd, stats);
  } finally {
    closeSync(fd);
  }
}

/** Every byte from the start to the end, through one buffer. */
export function readChunks(fd: number, take: (chunk: Buffer) => void): void {
  const buffer = Buffer.allocUnsafe(CHUNK_BYTES);
  for (let at = 0; ; ) {
    const length = readSync(fd, buffer, 0, buffer.length, at);
    if (length === 0) return;
    at += length;
    take(buffer.subarray(0, length));
  }
}

export function writeAll(fd: number, chunk: Uint8Array): void {
  for (let done = 0; done < chunk.length; ) done += writeSync(fd, chunk, done, chunk.length - done);
}

/** Owner first: a change of it clears setuid and setgid. Each only where it differs. */
export function setOwnerAndMode(fd: number, wanted: { uid: number; gid: number; mode: number }): void {
  const { uid, gid } = fstatSync(fd);
  if (uid !== wanted.uid || gid !== wanted.gid) fchownSync(fd, wanted.uid, wanted.gid);
  fchmodSync(fd, wanted.mode);
}

/** Flushes a file or a folder. */
export function sync(path: string): void {
  const fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW);
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

/** Whether something has this name, a link that leads nowhere included. */
export function isThere(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false }) !== undefined;
}

/** Throws D4003. */
export function requireAbsent(path: string): void {
  if (isThere(path)) throw new DaemonError('D4003', `${path} is there already: remove it, or give another name`);
}

/**
 * `make` fills a temporary sibling, `.NAME.part-PID`, that is then renamed to `to` and flushed. After a failure
 * neither is there. What a call for the same `to` that was cut short has left is removed first.
 */
export async function wholeOrNothing<T>(to: string, make: (part: string) => Promise<T>): Promise<T> {
  requireAbsent(to);
  const folder = dirname(to);
  const prefix = `.${basename(to)}.part-`;
  for (const name of readdirSync(folder)) {
    if (name.startsWith(prefix) && /^\d+$/.test(name.slice(prefix.length))) remove(join(folder, name));
  }
  const part = join(folder, `${prefix}${process.pid}`);
  let renamed = false;
  try {
    const made = await make(part);
    requireAbsent(to);
    renameSync(part, to);
    renamed = true;
    sync(folder);
    return made;
  } catch (error) {
    try {
      remove(renamed ? to : part);
    } catch {
      // the first failure is what counts; the next call for the same name removes what is left
    }
    throw error;
  }
}

function remove(path: string): void {
  rmSync(path, { recursive: true, force: true });
}
