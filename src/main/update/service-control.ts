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

const unitOf = (path: string): string => path.split('/').findLast((part) => part.endsWith('.service')) ?? '';

/** Null where the daemon is process 1: with it its container would end, the helper included. */
export function serviceControl({ systemd, cgroup, pid, parentPid }: ServiceFacts): ServiceControl | null {
  if (pid === 1) return null;
  // where systemd keeps to cgroup v1, the line of v2 may be there all the same, and says `/`
  const paths = cgroup.split('\n').flatMap((line) => /^(?:0:|\d+:name=systemd):(.*)$/.exec(line)?.[1] ?? []);
  const path = paths.find((candidate) => unitOf(candidate) !== '') ?? '';
  const unit = unitOf(path);
  const user = /\/user@\d+\.service\/./.test(path);
  // below user@N.service alone it is a login session's program, no service of its own
  if (systemd && unit !== '' && !unit.startsWith('user@')) return { kind: 'systemd', unit, user };
  return { kind: 'signal', supervised: parentPid > 1 };
}
