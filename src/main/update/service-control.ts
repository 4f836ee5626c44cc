/**
 * How this daemon is started anew: by systemd where it is the main process of a unit, else by its end, which whoever
 * supervises it takes for a reason to start it again. Pure.
 */
import type { ServiceControl } from './journal-format.ts';

export interface ServiceFacts {
  /** Whether /run/systemd/system is there: sd_booted(3). */
  systemd: boolean;
  /** Content of /proc/self/cgroup. */
  cgroup: string;
  pid: number;
  parentPid: number;
  /** Name of process 1. */
  initName: string;
}

export interface UnitFacts {
  mainPid: number;
  killMode: string;
}

/** Inits of containers that end with the program that they were started for. */
const CONTAINER_INIT = /^(docker-init|tini|dumb-init|catatonit|s6-svscan|sh|bash|dash)$/;

const unitOf = (path: string): string => path.split('/').findLast((part) => part.endsWith('.service')) ?? '';

/** The unit that the daemon runs in, by its cgroup; null where there is none. */
export function serviceUnit({ systemd, cgroup }: ServiceFacts): { unit: string; user: boolean } | null {
  // where systemd keeps to cgroup v1, the line of v2 may be there all the same, and says `/`
  const paths = cgroup.split('\n').flatMap((line) => /^(?:0:|\d+:name=systemd):(.*)$/.exec(line)?.[1] ?? []);
  const path = paths.find((candidate) => unitOf(candidate) !== '') ?? '';
  const unit = unitOf(path);
  // below user@N.service alone it is a login session's program, no service of its own
  if (!systemd || unit === '' || unit.startsWith('user@')) return null;
  return { unit, user: /\/user@\d+\.service\/./.test(path) };
}

/**
 * Null where the daemon's end would end its container, the helper included. `unit`: what systemd says of the daemon's
 * unit, null without one.
 */
export function serviceControl(
  facts: ServiceFacts,
  unit: UnitFacts | null,
): ServiceControl | { kind: 'refused'; reason: string } | null {
  const { pid, parentPid, initName } = facts;
  if (pid === 1 || (parentPid === 1 && CONTAINER_INIT.test(initName))) return null;
  const own = serviceUnit(facts);
  // below another program that is the unit's own (a supervisor, cron) that would be what is restarted
  if (!own || unit?.mainPid !== pid) return { kind: 'signal', supervised: parentPid > 1 };
  if (!/^(process|none)$/.test(unit.killMode)) {
    const why = `${own.unit} has KillMode=${unit.killMode}: its restart would end every agent`;
    return { kind: 'refused', reason: `${why}; set KillMode=process` };
  }
  return { kind: 'systemd', ...own };
}
