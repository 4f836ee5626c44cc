/**
 * Control groups of systemd's as far as both sides ask for them: which service a process is of, and which limits of an
 * agent only a group of its own can hold. Pure.
 */

/** The keys of `agents[].limits` that only a control group can hold, with their names in the model. */
const GROUP_LIMITS = [
  ['memory', 'memoryBytes'],
  ['memory_high', 'memoryHighBytes'],
  ['cpu', 'cpuPercent'],
  ['tasks', 'tasks'],
] as const;

/** The keys that are set and need a group. 0: not set. */
export function groupLimits(limits: Readonly<Record<(typeof GROUP_LIMITS)[number][1], number>>): string[] {
  return GROUP_LIMITS.flatMap(([key, name]) => (limits[name] > 0 ? [key] : []));
}

/** The unit that a process runs in, and whose it is; null where it is no service of systemd's. `cgroup`: of /proc. */
export function ownService(cgroup: string): { unit: string; user: boolean; managerPath: string } | null {
  const path = /^0::(\/.*)$/m.exec(cgroup)?.[1] ?? '';
  const unit = path.split('/').findLast((part) => part.endsWith('.service')) ?? '';
  if (unit === '' || unit.startsWith('user@')) return null;
  const managerPath = /^(.*\/user@\d+\.service)\/./.exec(path)?.[1] ?? '';
  return { unit, user: managerPath !== '', managerPath };
}
