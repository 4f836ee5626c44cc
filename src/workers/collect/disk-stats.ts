/**
 * I/O counters of block devices from /proc/diskstats (kernel: Documentation/admin-guide/iostats.rst), and what they
 * come to over an interval. Sectors there are 512 bytes whatever the device says. Pure.
 */
import { counterDelta, parseCount } from './counters.ts';

export interface DiskCounters {
  name: string;
  sectorsRead: bigint;
  sectorsWritten: bigint;
  /** Milliseconds with anything in flight; 32 bits wide, so it wraps after 50 busy days. */
  busyMs: bigint;
}

const SECTOR_BYTES = 512n;

export function isDiskCounters(value: unknown): value is DiskCounters {
  if (typeof value !== 'object' || value === null) return false;
  const { name, sectorsRead, sectorsWritten, busyMs } = value as Partial<DiskCounters>;
  return typeof name === 'string' && [sectorsRead, sectorsWritten, busyMs].every((count) => typeof count === 'bigint');
}

/** By `major:minor`. Fields are read by position; newer kernels append more. Torn lines are left out. */
export function parseDiskstats(text: string): Record<string, DiskCounters> {
  const devices: Record<string, DiskCounters> = {};
  for (const line of text.split('\n')) {
    const fields = line.trim().split(/\s+/);
    const [major, minor, name] = fields;
    const [sectorsRead, sectorsWritten, busyMs] = [5, 9, 12].map((index) => parseCount(fields[index]));
    if (!name || sectorsRead == null || sectorsWritten == null || busyMs == null) continue;
    devices[`${major}:${minor}`] = { name, sectorsRead, sectorsWritten, busyMs };
  }
  return devices;
}

/** Bytes since boot, and rates where there is an earlier reading of the same device and time has passed. */
export function ioValues(
  now: DiskCounters,
  before: DiskCounters | undefined,
  intervalMs: number,
): Record<string, number> {
  const values: Record<string, number> = {
    read_bytes: Number(now.sectorsRead * SECTOR_BYTES),
    write_bytes: Number(now.sectorsWritten * SECTOR_BYTES),
  };
  if (before?.name !== now.name || !(intervalMs > 0)) return values;
  const perSecond = (from: bigint, to: bigint): number =>
    Number(counterDelta(from, to) * SECTOR_BYTES) / (intervalMs / 1000);
  values['read_bytes_per_second'] = perSecond(before.sectorsRead, now.sectorsRead);
  values['write_bytes_per_second'] = perSecond(before.sectorsWritten, now.sectorsWritten);
  values['busy_percent'] = Math.min(100, (100 * Number(counterDelta(before.busyMs, now.busyMs))) / intervalMs);
  return values;
}
