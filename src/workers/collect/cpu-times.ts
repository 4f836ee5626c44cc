/**
 * CPU time from /proc/stat (proc_stat(5)): parsing, and the shares of an interval. Pure.
 *
 * Each CPU is compared with itself and the differences are added up. The kernel's own sum (`cpu`) also covers CPUs
 * that are switched off, whose idle time is counted differently, so that it jumps when one comes or goes.
 */

export const CPU_FIELDS = ['user', 'nice', 'system', 'idle', 'iowait', 'irq', 'softirq', 'steal', 'guest'] as const;
export type CpuField = (typeof CPU_FIELDS)[number];
/** Clock ticks (1/100 s) by field; `guest` is taken out of user and nice, so that the fields add up to the whole. */
export type CpuTicks = Record<CpuField, number>;

export interface StatTimes {
  /** The kernel's sum. */
  all: CpuTicks | null;
  /** By name (`cpu0`): those that are online. */
  each: Record<string, CpuTicks>;
}

export const TICKS_PER_SECOND = 100;
/** Idle and iowait jitter backwards by a few ticks; a CPU that lost more than this began anew. */
const LARGE_DROP_TICKS = 3 * TICKS_PER_SECOND;

export function isCpuTicks(value: unknown): value is CpuTicks {
  if (typeof value !== 'object' || value === null) return false;
  const fields: Record<string, unknown> = { ...value };
  return CPU_FIELDS.every((field) => Number.isFinite(fields[field]));
}

function parseTicks(columns: string[]): CpuTicks | null {
  const counts = columns.map(Number);
  // Very old kernels have four columns. A torn line has fewer or something that is no number.
  if (counts.length < 4 || !counts.every(Number.isSafeInteger)) return null;
  const at = (index: number): number => counts[index] ?? 0;
  const [guest, guestNice] = [Math.min(at(8), at(0)), Math.min(at(9), at(1))];
  return {
    user: at(0) - guest,
    nice: at(1) - guestNice,
    system: at(2),
    idle: at(3),
    iowait: at(4),
    irq: at(5),
    softirq: at(6),
    steal: at(7),
    guest: guest + guestNice,
  };
}

export function parseStatTimes(text: string): StatTimes {
  const times: StatTimes = { all: null, each: {} };
  for (const line of text.split('\n')) {
    const match = /^cpu(\d*)\s+(.*)$/.exec(line);
    const ticks = match ? parseTicks((match[2] ?? '').trim().split(/\s+/)) : null;
    if (!match || !ticks) continue;
    if (match[1] === '') times.all = ticks;
    else times.each[`cpu${match[1]}`] = ticks;
  }
  return times;
}

export interface CpuAdvance {
  /** Ticks of the interval, over the CPUs that were there at both ends of it. */
  delta: CpuTicks;
  /** To compare with next time: the reading, but not below what a small drop fell from. */
  baseline: Record<string, CpuTicks>;
}

const zero = (): CpuTicks => ({
  user: 0,
  nice: 0,
  system: 0,
  idle: 0,
  iowait: 0,
  irq: 0,
  softirq: 0,
  steal: 0,
  guest: 0,
});

/** A CPU that came, went, or began anew within the interval adds nothing to it. */
export function advanceCpus(previous: Record<string, CpuTicks>, current: Record<string, CpuTicks>): CpuAdvance {
  const delta = zero();
  const baseline: Record<string, CpuTicks> = {};
  for (const [name, now] of Object.entries(current)) {
    const before = previous[name];
    baseline[name] = now;
    if (!before || CPU_FIELDS.some((field) => before[field] - now[field] > LARGE_DROP_TICKS)) continue;
    const held = { ...now };
    for (const field of CPU_FIELDS) {
      held[field] = Math.max(before[field], now[field]);
      delta[field] += held[field] - before[field];
    }
    baseline[name] = held;
  }
  return { delta, baseline };
}

/**
 * `<field>_percent` of the interval, adding up to 100, and `usage_percent`: all but idle and iowait. Empty where no
 * time was counted.
 */
export function cpuShares(delta: CpuTicks): Record<string, number> {
  const total = CPU_FIELDS.reduce((sum, field) => sum + delta[field], 0);
  if (total === 0) return {};
  const shares: Record<string, number> = { usage_percent: (100 * (total - delta.idle - delta.iowait)) / total };
  for (const field of CPU_FIELDS) shares[`${field}_percent`] = (100 * delta[field]) / total;
  return shares;
}
