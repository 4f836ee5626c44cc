/** The size of a file system, as statfs gives it, and the figures that are made of it. */
import { statfsSync, statSync } from 'node:fs';

/** Counts of `blockBytes`, as statvfs(3) names them. */
export interface Space {
  blockBytes: bigint;
  blocks: bigint;
  free: bigint;
  /** Free to everyone, not to root alone. */
  available: bigint;
  inodes: bigint;
  inodesFree: bigint;
}

/**
 * Asks in this thread: only for file systems that answer at once. Null for a mount point that is a file, as container
 * runtimes make (/etc/hosts): what it shows is another mount's. Node gives no fragment size; on the local file
 * systems it equals the block size.
 * @throws the system's error
 */
export function askDirectly(path: Buffer): Space | null {
  if (!statSync(path).isDirectory()) return null;
  const stats = statfsSync(path, { bigint: true });
  return {
    blockBytes: stats.bsize,
    blocks: stats.blocks,
    free: stats.bfree,
    available: stats.bavail,
    inodes: stats.files,
    inodesFree: stats.ffree,
  };
}

/** Bytes; `used_percent` as df(1) counts it, of what is not kept back for root. Null where there is no storage at all. */
export function spaceValues(space: Space): Record<string, number> | null {
  if (space.blocks <= 0n) return null;
  const used = space.blocks > space.free ? space.blocks - space.free : 0n;
  // more than all: a negative number that was kept without its sign, as full file systems of some servers give
  const available = space.available > space.blocks ? 0n : space.available;
  const bytes = (blocks: bigint): number => Number(blocks * space.blockBytes);
  const values: Record<string, number> = {
    total: bytes(space.blocks),
    used: bytes(used),
    free: bytes(available),
    used_percent: used === 0n ? 0 : (100 * Number(used)) / Number(used + available),
  };
  if (space.inodes > 0n) {
    values['inodes_total'] = Number(space.inodes);
    values['inodes_free'] = Number(space.inodesFree);
  }
  return values;
}
