/** The memory collector: bytes from /proc/meminfo, and the daemon's own cgroup limit where there is one. Needs no state. */
import type { CollectTask } from '../../shared/contracts/jobs.ts';
import type { MetricValues } from '../../shared/contracts/metrics.ts';
import { DaemonError } from '../../shared/errors/daemon-error.ts';
import { readCgroupMemory } from './cgroup-memory.ts';
import type { CollectContext, Collected } from './context.ts';
import { readRequired } from './read.ts';

/** Bytes by meminfo's own names. Lines without a unit (HugePages_Total) are counts and left out. */
export function parseMeminfo(text: string): Map<string, number> {
  const bytes = new Map<string, number>();
  for (const match of text.matchAll(/^([A-Za-z_()0-9]+):\s+(\d+) kB$/gm)) {
    bytes.set(match[1] ?? '', Number(match[2]) * 1024);
  }
  return bytes;
}

/** Null where the total is missing: then it is no meminfo. */
export function memoryValues(meminfo: Map<string, number>): Record<string, number> | null {
  const at = (name: string): number => meminfo.get(name) ?? 0;
  const total = at('MemTotal');
  if (total === 0) return null;
  // as free(1) counts it: what the kernel can take back of its own belongs to the cache
  const cached = at('Cached') + at('SReclaimable');
  const [free, buffers] = [at('MemFree'), at('Buffers')];
  // Kernels before 3.14 do not say what is available; a container's view may say more than it has.
  const available = Math.min(total, meminfo.get('MemAvailable') ?? free + buffers + cached);
  const used = total - available;
  const [swapTotal, swapFree] = [at('SwapTotal'), Math.min(at('SwapFree'), at('SwapTotal'))];
  const swapUsed = swapTotal - swapFree;
  return {
    total,
    available,
    used,
    used_percent: (100 * used) / total,
    free,
    cached,
    buffers,
    swap_total: swapTotal,
    swap_used: swapUsed,
    swap_free: swapFree,
    swap_percent: swapTotal === 0 ? 0 : (100 * swapUsed) / swapTotal,
  };
}

/** @throws DaemonError D5001 where /proc/meminfo cannot be had. */
export function collectMemory(_task: CollectTask, context: CollectContext): Collected {
  const path = `${context.procRoot}/meminfo`;
  const memory = memoryValues(parseMeminfo(readRequired(path)));
  if (!memory) throw new DaemonError('D5001', `${path} has no MemTotal`);
  const values: MetricValues = { ...memory };
  const cgroup = readCgroupMemory(context);
  if (cgroup) {
    values['cgroup_limit'] = cgroup.limit;
    values['cgroup_current'] = cgroup.current;
  }
  return { values, state: null, problem: null };
}
