/** As whom the daemon runs, what it therefore cannot do, and what starts it. */
import { existsSync } from 'node:fs';
import type { Config } from '../../shared/config/schema.ts';
import { readProcFile } from '../../shared/platform/proc.ts';
import { type Finding, Findings } from './finding.ts';

const LOWEST_FREE_PORT = 1024;
const CAPABILITY_BYTES = 16 * 1024;
const ENVIRONMENT_BYTES = 256 * 1024;

export interface DaemonProcess {
  /** 0: none runs. */
  pid: number;
  uid: number | null;
  hasCapabilities: boolean;
  /** `daemon.service`; empty where it is of no unit. */
  unit: string;
}

/** From /proc; what cannot be read is left out. */
export function daemonProcess(pid: number, procRoot = '/proc'): DaemonProcess {
  const status = pid === 0 ? null : readProcFile(`${procRoot}/${pid}/status`, CAPABILITY_BYTES);
  const cgroup = pid === 0 ? null : readProcFile(`${procRoot}/${pid}/cgroup`);
  const uid = /^Uid:\t(\d+)/m.exec(status ?? '')?.[1];
  return {
    pid,
    uid: uid === undefined ? null : Number(uid),
    hasCapabilities: /^CapEff:\t0*[1-9a-f]/m.test(status ?? ''),
    unit: /\/([^/\n]+\.service)(?:\/|$)/m.exec(cgroup ?? '')?.[1] ?? '',
  };
}

/** Of the daemon; of this program where none runs, or it may not be read. */
export function daemonEnvironment(pid: number, procRoot = '/proc'): NodeJS.ProcessEnv {
  const text = pid === 0 ? null : readProcFile(`${procRoot}/${pid}/environ`, ENVIRONMENT_BYTES);
  if (!text) return process.env;
  return Object.fromEntries(
    text.split('\0').flatMap((entry) => {
      const at = entry.indexOf('=');
      return at > 0 ? [[entry.slice(0, at), entry.slice(at + 1)]] : [];
    }),
  );
}

/** What somebody who is not root cannot do with this configuration. Pure. */
function losses({ agents, daemon }: Config): string[] {
  const asOthers = agents.filter(({ enabled, user }) => enabled && user !== '').map(({ id }) => id);
  const low = [daemon.grpcPort, daemon.httpPort].filter((port) => port > 0 && port < LOWEST_FREE_PORT);
  return [
    ...(asOthers.length > 0 ? [`start ${asOthers.join(', ')} as another user`] : []),
    ...(low.length > 0 ? [`listen on port ${low.join(', ')}`] : []),
    "read the disk figures of other users' processes",
    'restart its own service after an update, unless systemd lets it',
  ];
}

/** `ownUid`: of this program. */
export function examinePrivileges(config: Config, daemon: DaemonProcess, ownUid: number): Finding[] {
  const findings = new Findings('privileges');
  const uid = daemon.pid === 0 ? ownUid : daemon.uid;
  const who = daemon.pid === 0 ? 'the daemon, were it started as this user,' : 'the daemon';
  if (uid === null)
    findings.unknown('user', 'as whom the daemon runs may not be seen by this user', 'run doctor as root');
  else if (uid === 0) findings.ok('user', `${who} runs as root`);
  else {
    const caps = daemon.hasCapabilities ? ' with capabilities of its own, which may allow part of it' : '';
    const advice = 'right where none of that is needed; else run it as root, or give its unit the capabilities';
    findings.warning('user', `${who} runs as user ${uid}${caps}; it cannot ${losses(config).join('; ')}`, advice);
  }
  return findings.all;
}

export function examineSystemd(daemon: DaemonProcess, runFolder = '/run/systemd/system'): Finding[] {
  const findings = new Findings('systemd');
  if (!existsSync(runFolder)) {
    findings.warning(
      'systemd',
      'is not there',
      'see that something else starts the daemon with the host, and again when it ends',
    );
  } else if (daemon.pid === 0) {
    findings.unknown('unit', 'no daemon runs: its unit cannot be told');
  } else if (daemon.unit === '') {
    findings.warning('unit', 'the daemon is of no unit: nothing starts it again', 'start it with systemctl');
  } else {
    findings.ok('unit', `the daemon is of ${daemon.unit}`);
  }
  return findings.all;
}
