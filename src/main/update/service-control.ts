/**
 * How this daemon is started anew: by systemd where it runs as a unit of it, else by its end, which whoever supervises
 * it takes for a reason to start it again. Pure.
 */
import type { ServiceControl } from './journal-format.ts';

export interface ServiceFacts {
  /** Whether /run/systemd/system is there: sd_booted(3). */
  systemd: boolean;
  /** Content of /proc/self/cgroup. */
  cgroup: string;
  pid: number;
  parentPid: number;
}

/** Null where the daemon is process 1: with it its container would end, the helper included. */
export function serviceControl({ systemd, cgroup, pid, parentPid }: ServiceFacts): ServiceControl | null {
  if (pid === 1) return null;
  const path = /^0::(.*)$/m.exec(cgroup)?.[1] ?? /^\d+:name=systemd:(.*)$/m.exec(cgroup)?.[1] ?? '';
  const unit = path.split('/').findLast((part) => part.endsWith('.service')) ?? '';
  const user = /\/user@\d+\.service\/./.test(path);
  // below user@N.service alone it is a login session's program, no service of its own
  if (systemd && unit !== '' && !unit.startsWith('user@')) return { kind: 'systemd', unit, user };
  return { kind: 'signal', supervised: parentPid > 1 };
}
