/**
 * The memory limit that the daemon itself lives under: cgroup v2 only, the smallest of its cgroup's and those above.
 * On a host with v1 controllers nothing is found.
 */
import type { CollectContext } from './context.ts';
import { readOptional } from './read.ts';

export interface CgroupMemory {
  limit: number;
  /** Use of the cgroup that sets the limit. */
  current: number;
}

/** The v2 path of /proc/self/cgroup, `/` where it lies outside our cgroup namespace, null without v2. */
export function parseCgroupPath(text: string): string | null {
  const path = /^0::(\/.*)$/m.exec(text)?.[1];
  if (path === undefined) return null;
  return path.split('/').includes('..') ? '/' : path;
}

/** The path itself and all above it, ending with the root (empty). */
function withParents(path: string): string[] {
  const parts = path.split('/').filter(Boolean);
  return Array.from({ length: parts.length + 1 }, (_, dropped) =>
    parts
      .slice(0, parts.length - dropped)
      .map((part) => `/${part}`)
      .join(''),
  );
}

function bytes(text: string | null): number | null {
  const trimmed = text?.trim() ?? '';
  return /^\d+$/.test(trimmed) ? Number(trimmed) : null; // `max`: no limit
}

export function readCgroupMemory(context: Pick<CollectContext, 'procRoot' | 'sysRoot'>): CgroupMemory | null {
  const path = parseCgroupPath(readOptional(`${context.procRoot}/self/cgroup`) ?? '');
  if (path === null) return null;
  let smallest: CgroupMemory | null = null;
  for (const folder of withParents(path)) {
    const base = `${context.sysRoot}/fs/cgroup${folder}`;
    const limit = bytes(readOptional(`${base}/memory.max`));
    if (limit === null || (smallest && smallest.limit <= limit)) continue;
    const current = bytes(readOptional(`${base}/memory.current`));
    if (current !== null) smallest = { limit, current };
  }
  return smallest;
}
