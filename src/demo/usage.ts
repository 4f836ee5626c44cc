/** What the kernel says of a process's memory and CPU time. Null where the process has gone. */
import { isAlive, readProcFile, readStat } from '../shared/platform/proc.ts';
import type { Usage } from './state.ts';

/** Of the kernel's clock, as it shows it to programs (USER_HZ). */
const TICKS_PER_SECOND = 100;

/** Resident memory now and CPU use over the process's whole life. */
export function readUsage(pid: number, procRoot = '/proc'): Usage | null {
  const stat = readStat(pid, procRoot);
  const resident = /^VmRSS:\s+(\d+) kB$/m.exec(readProcFile(`${procRoot}/${pid}/status`) ?? '')?.[1];
  const uptimeSeconds = Number.parseFloat(readProcFile(`${procRoot}/uptime`) ?? '');
  if (!isAlive(stat) || resident === undefined || !Number.isFinite(uptimeSeconds)) return null;
  const lifeSeconds = uptimeSeconds - stat.startTicks / TICKS_PER_SECOND;
  const cpuSeconds = stat.cpuTicks / TICKS_PER_SECOND;
  return { rssBytes: Number(resident) * 1024, cpuPercent: lifeSeconds > 0 ? (100 * cpuSeconds) / lifeSeconds : 0 };
}

/** By pid; processes that are gone are left out. */
export function readUsages(pids: readonly number[], procRoot = '/proc'): Record<number, Usage> {
  const found: Record<number, Usage> = {};
  for (const pid of pids) {
    const usage = pid > 0 ? readUsage(pid, procRoot) : null;
    if (usage) found[pid] = usage;
  }
  return found;
}
