/**
 * Backs up a file, or a folder with all that is in it, beside a hash by which it is known again: by hard links where
 * the file system can, else by copies, flushed, whole or not there. A hard link costs nothing and is as good as a
 * copy for as long as the original is replaced by a rename and never written to: `hashKept` shows where it was.
 */
import {
  closeSync,
  constants,
  copyFileSync,
  fchmodSync,
  fsyncSync,
  futimesSync,
  linkSync,
  lstatSync,
  mkdirSync,
  openSync,
  type Stats,
  symlinkSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import type { KeepInput, KeepOutput, PoolTasks, TaskContext } from '../../shared/contracts/pool-tasks.ts';
import { DaemonError, type ErrorCode } from '../../shared/errors/daemon-error.ts';
import { requireSpace } from './free-space.ts';
import { isSystemError, setOwnerAndMode, sync, wholeOrNothing } from './keep-files.ts';
import { bytesOf, hashOf, type Kept, listKept } from './keep-hash.ts';

/** Another volume, protected_hardlinks (proc(5)), too many links, a file system without them. */
const NO_LINK = new Set(['EXDEV', 'EPERM', 'EMLINK', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS']);
const PRIVATE_MODE = 0o700;
const PERMISSIONS = 0o777;
const ALL_BITS = 0o7777;

/** Throws D4003. */
export async function keep(input: KeepInput, { progress }: TaskContext): Promise<KeepOutput> {
  try {
    const kept = listKept(input.from);
    requireKeepable(input.from, kept, 'D4003');
    const total = bytesOf(kept);
    return await wholeOrNothing(input.to, async (part) => {
      const how = await make(input, kept, part);
      let done = 0;
      const there = listKept(part);
      const sha256 = hashOf(part, there, (bytes) => {
        done += bytes;
        progress({ done, total });
      });
      return { how, bytes: bytesOf(there), sha256 };
    });
  } catch (error) {
    if (!isSystemError(error)) throw error;
    const hint = 'look at the file system and the permissions of both and try again';
    const retryable = error.code === 'ENOSPC';
    const text = `the backup of ${input.from} could not be made at ${input.to}; ${hint}`;
    throw new DaemonError('D4003', text, { cause: error, retryable });
  }
}

/** Throws D4004: a backup that cannot be read cannot be gone back to. */
export async function hashKept(
  { path }: PoolTasks['hashKept']['input'],
  { progress }: TaskContext,
): Promise<PoolTasks['hashKept']['output']> {
  try {
    const kept = listKept(path);
    requireKeepable(path, kept, 'D4004');
    const total = bytesOf(kept);
    let done = 0;
    const sha256 = hashOf(path, kept, (bytes) => {
      done += bytes;
      progress({ done, total });
    });
    return { sha256 };
  } catch (error) {
    if (error instanceof DaemonError ? error.code === 'D4004' : !isSystemError(error)) throw error;
    const text = `the backup ${path} cannot be read; put the version that ran before in place by hand`;
    throw new DaemonError('D4004', text, { cause: error });
  }
}

function requireKeepable(root: string, kept: readonly Kept[], code: ErrorCode): void {
  const [first] = kept;
  if (first?.type === 'link') {
    throw new DaemonError(code, `${root} is a symbolic link: give the path of what it leads to`);
  }
  const other = kept.find(({ type }) => type === 'other');
  if (other) {
    const text = `${join(root, other.path)} is no file, folder or link, so no backup can hold it; move it elsewhere`;
    throw new DaemonError(code, text);
  }
}

/** One copy among the links makes it a copy: it is then not all the same as the original. */
async function make({ from, to, reserveBytes }: KeepInput, kept: Kept[], part: string): Promise<KeepOutput['how']> {
  let how: KeepOutput['how'] = 'link';
  let left = bytesOf(kept);
  for (const { path, type, stats, target } of kept) {
    const here = join(part, path);
    if (type === 'folder') mkdirSync(here, PRIVATE_MODE);
    if (type === 'link') symlinkSync(target, here);
    if (type !== 'file') continue;
    if (!linked(join(from, path), here)) {
      if (how === 'link') await requireSpace(dirname(to), left, reserveBytes, `the backup of ${from}`);
      how = 'copy';
      copy(join(from, path), here, stats);
    }
    left -= stats.size;
  }
  // innermost first: each change inside a folder would set its time anew
  for (const { path, type, stats } of kept.toReversed()) {
    if (type === 'folder') likeOriginal(join(part, path), stats);
  }
  return how;
}

function linked(from: string, to: string): boolean {
  try {
    linkSync(from, to);
  } catch (error) {
    if (isSystemError(error) && NO_LINK.has(error.code ?? '')) return false;
    throw error;
  }
  if (!lstatSync(to).isFile()) throw new DaemonError('D4003', `${from} was replaced while it was backed up; try again`);
  sync(to); // the original may be so new that it is not on disk yet
  return true;
}

function copy(from: string, to: string, stats: Stats): void {
  copyFileSync(from, to, constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE);
  likeOriginal(to, stats);
}

/** Gives mode, owner and times (to the millisecond), and flushes. */
function likeOriginal(path: string, { uid, gid, mode, atime, mtime }: Stats): void {
  const fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW);
  try {
    try {
      setOwnerAndMode(fd, { uid, gid, mode: mode & ALL_BITS });
    } catch (error) {
      if (!isSystemError(error) || error.code !== 'EPERM') throw error;
      // who is not root keeps it under its own name, without the bits that would have lent another's rights
      fchmodSync(fd, mode & PERMISSIONS);
    }
    futimesSync(fd, atime, mtime);
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}
