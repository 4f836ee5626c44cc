/**
 * Copies a file to where it is to be used, with its mode and owner, flushed. What lands is what was hashed: both come
 * from the same read. `to` is written under its own name, so until the call has returned it is worth nothing; whoever
 * finds it after a power cut removes it.
 */
import { createHash } from 'node:crypto';
import { closeSync, constants, copyFileSync, fstatSync, fsyncSync, openSync, rmSync } from 'node:fs';
import { dirname } from 'node:path';
import type { PlaceInput, TaskContext } from '../../shared/contracts/pool-tasks.ts';
import { DaemonError } from '../../shared/errors/daemon-error.ts';
import { requireSpace } from './free-space.ts';
import {
  isSystemError,
  readChunks,
  requireAbsent,
  setOwnerAndMode,
  sync,
  withRegularFile,
  writeAll,
} from './keep-files.ts';

const PRIVATE_MODE = 0o600;

/** Throws D4002 (check: hash), D4003; `to` is then not there, unless it was before. */
export async function place(input: PlaceInput, { progress }: TaskContext): Promise<{ bytes: number }> {
  const { from, to, reserveBytes } = input;
  let made = false;
  try {
    requireAbsent(to);
    const total = withRegularFile(from, (_fd, { size }) => size);
    await requireSpace(dirname(to), total, reserveBytes, `the copy of ${from}`);
    const copying = (): void => {
      made = true;
    };
    if (input.sha256 === '') clone(input, copying);
    else copyChecked(input, copying, (done) => progress({ done, total }));
    const bytes = finish(input);
    progress({ done: bytes, total: bytes });
    return { bytes };
  } catch (error) {
    if (made) {
      try {
        rmSync(to, { force: true });
      } catch {
        // the first failure is what counts, and the caller knows the name
      }
    }
    throw explained(input, error);
  }
}

/** By reference where the file system can. */
function clone({ from, to }: PlaceInput, copying: () => void): void {
  closeSync(openSync(to, 'wx', PRIVATE_MODE)); // so that it is ours to remove
  copying();
  copyFileSync(from, to, constants.COPYFILE_FICLONE);
}

function copyChecked({ from, to, sha256 }: PlaceInput, copying: () => void, told: (done: number) => void): void {
  const hash = createHash('sha256');
  withRegularFile(from, (source) => {
    const target = openSync(to, 'wx', PRIVATE_MODE);
    copying();
    try {
      let done = 0;
      readChunks(source, (chunk) => {
        hash.update(chunk);
        writeAll(target, chunk);
        done += chunk.length;
        told(done);
      });
    } finally {
      closeSync(target);
    }
  });
  const found = hash.digest('hex');
  if (found !== sha256.toLowerCase()) {
    const text = `${from} has the SHA-256 ${found} and not ${sha256}: it has changed since it was checked`;
    throw new DaemonError('D4002', `${text}; fetch the package again (check: hash)`);
  }
}

function finish({ to, mode, uid, gid }: PlaceInput): number {
  const fd = openSync(to, constants.O_RDONLY | constants.O_NOFOLLOW);
  try {
    setOwnerAndMode(fd, { mode, uid, gid });
    fsyncSync(fd);
    sync(dirname(to));
    return fstatSync(fd).size;
  } finally {
    closeSync(fd);
  }
}

function explained({ from, to, uid, gid }: PlaceInput, error: unknown): unknown {
  if (!isSystemError(error)) return error;
  const hint =
    error.syscall === 'fchown'
      ? `only root may give a file to user ${uid}, group ${gid}: run the daemon as root, or let it own what it updates`
      : 'look at the file system and the permissions of both and try again';
  const retryable = error.code === 'ENOSPC';
  return new DaemonError('D4003', `${from} could not be placed at ${to}; ${hint}`, { cause: error, retryable });
}
