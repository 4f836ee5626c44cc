/**
 * Whether a volume has room for what is to be written to it, asked before a byte is written. It promises nothing for
 * later: others write to the same volume, so whoever writes must still take the disk's own refusal.
 */
import { statfs } from 'node:fs/promises';
import { DaemonError } from '../../shared/errors/daemon-error.ts';

const MIB = 1024 * 1024;

/** Whole MiB where there are any, so that a person sees the size and not a row of digits. */
function size(bytes: number): string {
  return bytes < MIB ? `${bytes} B` : `${(bytes / MIB).toFixed(1)} MiB`;
}

/**
 * `what` says in a few words what is to be written: `the package`. `reserveBytes` is left free on top.
 * Throws D4003 where the room is less than that or cannot be told.
 */
export async function requireSpace(folder: string, bytes: number, reserveBytes: number, what: string): Promise<void> {
  let free: number;
  try {
    const { bavail, bsize } = await statfs(folder);
    free = bavail * bsize;
  } catch (cause) {
    throw new DaemonError('D4003', `the free space of ${folder} for ${what} cannot be told`, { cause });
  }
  if (free < bytes + reserveBytes) {
    throw new DaemonError(
      'D4003',
      `${folder} has no room for ${what}: ${size(bytes)} and ${size(reserveBytes)} in reserve are needed, ` +
        `${size(free)} are free; make room and try again`,
      { retryable: true },
    );
  }
}
