/**
 * The memory of a process's control group (cgroup v2), where the group is its own and not the one that this process is
 * in: then it is what a service manager limits. Page cache and the agents count in it.
 */
import { join } from 'node:path';
import { readProcFile } from '../src/shared/platform/proc.ts';

export interface CgroupMemory {
  path: string;
  /** memory.current. */
  currentBytes: number;
  /** memory.peak, since the group was made; null on kernels before 5.19. */
  peakBytes: number | null;
}

/** The path in the one hierarchy of version 2, from /proc/PID/cgroup; null where there is none. */
export function parseCgroupPath(text: string): string | null {
  return /^0::(\/.*)$/m.exec(text)?.[1] ?? null;
}

function bytes(path: string): number | null {
  const text = readProcFile(path)?.trim() ?? '';
  return /^\d+$/.test(text) ? Number(text) : null;
}

/** null where the process shares its group with this one, or the group cannot be read. */
export function readOwnCgroup(pid: number, procRoot = '/proc', cgroupRoot = '/sys/fs/cgroup'): CgroupMemory | null {
  const of = (process: number | 'self'): string | null =>
    parseCgroupPath(readProcFile(`${procRoot}/${process}/cgroup`) ?? '');
  const path = of(pid);
  if (path === null || path === of('self')) return null;
  const currentBytes = bytes(join(cgroupRoot, path, 'memory.current'));
  return currentBytes === null ? null : { path, currentBytes, peakBytes: bytes(join(cgroupRoot, path, 'memory.peak')) };
}
