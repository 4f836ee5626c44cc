/** What /proc says of the daemon's process. What may not be read is null, and never taken from elsewhere. */
import { readlinkSync } from 'node:fs';
import { basename, dirname, resolve } from 'node:path';
import { ownService } from '../../shared/platform/control-groups.ts';
import { readProcFile } from '../../shared/platform/proc.ts';

const STATUS_BYTES = 16 * 1024;
const ENVIRONMENT_BYTES = 256 * 1024;
const BUNDLE = 'daemon.js';

export interface DaemonProcess {
  /** 0: none runs; null: whether one does may not be seen by this user. */
  pid: number | null;
  /** Null: none runs, or it may not be seen. */
  uid: number | null;
  /** Of its user, the first one included. */
  groups: readonly number[];
  hasCapabilities: boolean;
  /** The service of systemd that it is of; null where it is of none. `user`: of a user's own systemd. */
  service: { unit: string; user: boolean } | null;
  /** Whether that has a control group of version 2, beside which agents can have theirs. */
  hasGroup: boolean;
}

export interface DaemonEnvironment {
  variables: NodeJS.ProcessEnv;
  /** `own`: of this program, since no daemon runs. */
  of: 'daemon' | 'own';
}

export interface DaemonProgram {
  /** Path of Node; null where it may not be seen. */
  node: string | null;
  /** Folder of the bundles; null where the command line names none. */
  bundles: string | null;
}

export function daemonProcess(pid: number | null, procRoot = '/proc'): DaemonProcess {
  const read = (name: string): string => (pid ? readProcFile(`${procRoot}/${pid}/${name}`, STATUS_BYTES) : null) ?? '';
  const [status, cgroup] = [read('status'), read('cgroup')];
  const numbers = (name: string): number[] =>
    (new RegExp(`^${name}:\t([\\d\t ]*)`, 'm').exec(status)?.[1]?.match(/\d+/g) ?? []).map(Number);
  const grouped = ownService(cgroup);
  // where systemd keeps to version 1, the line of version 2 says `/`
  const service = grouped ?? ownService(cgroup.replace(/^\d+:name=systemd:/m, '0::'));
  return {
    pid,
    uid: numbers('Uid')[1] ?? null, // the effective one: whose rights it has
    groups: [...numbers('Gid').slice(1, 2), ...numbers('Groups')],
    hasCapabilities: /^CapEff:\t0*[1-9a-f]/m.test(status),
    service: service && { unit: service.unit, user: service.user },
    hasGroup: grouped !== null,
  };
}

/** Null where it may not be read, or whether a daemon runs may not be seen. */
export function daemonEnvironment(pid: number | null, procRoot = '/proc'): DaemonEnvironment | null {
  if (pid === 0) return { variables: process.env, of: 'own' };
  const text = pid === null ? null : readProcFile(`${procRoot}/${pid}/environ`, ENVIRONMENT_BYTES);
  if (text === null) return null;
  const entries = text.split('\0').flatMap((entry) => {
    const at = entry.indexOf('=');
    return at > 0 ? [[entry.slice(0, at), entry.slice(at + 1)] as const] : [];
  });
  return { variables: Object.fromEntries(entries), of: 'daemon' };
}

export function daemonProgram(pid: number, procRoot = '/proc'): DaemonProgram {
  const link = (name: string): string | null => {
    try {
      return readlinkSync(`${procRoot}/${pid}/${name}`);
    } catch {
      return null;
    }
  };
  const words = readProcFile(`${procRoot}/${pid}/cmdline`, STATUS_BYTES)?.split('\0').slice(1) ?? [];
  const bundle = words.find((word) => basename(word) === BUNDLE);
  const from = bundle === undefined || bundle.startsWith('/') ? '/' : link('cwd');
  return {
    node: link('exe'),
    bundles: bundle === undefined || from === null ? null : dirname(resolve(from, bundle)),
  };
}
