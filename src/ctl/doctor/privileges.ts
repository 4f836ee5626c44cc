/** As whom the daemon runs, what it therefore cannot do, and whether its agents can have control groups. Pure. */
import type { Config } from '../../shared/config/schema.ts';
import { groupLimits } from '../../shared/platform/control-groups.ts';
import type { DaemonProcess } from './daemon-process.ts';
import { type Finding, Findings } from './finding.ts';

const LOWEST_FREE_PORT = 1024;

/** What somebody who is not root cannot do with this configuration. */
function losses({ agents, daemon }: Config, { service }: DaemonProcess): string[] {
  const asOthers = agents.filter(({ enabled, user, group }) => enabled && `${user}${group}` !== '');
  const low = [daemon.grpcPort, daemon.httpPort].filter((port) => port > 0 && port < LOWEST_FREE_PORT);
  return [
    ...(asOthers.length > 0 ? [`start ${asOthers.map(({ id }) => id).join(', ')} as another user or group`] : []),
    ...(low.length > 0 ? [`listen on port ${low.join(', ')}`] : []),
    "read the disk figures of other users' processes",
    ...(service?.user ? [] : ['restart its own service after an update, unless systemd lets it']),
  ];
}

/** Why agents get no control groups of their own; empty where nothing is known that speaks against it. */
function whyNoGroups({ pid, uid, service, hasGroup }: DaemonProcess, booted: boolean): string {
  if (!booted) return 'systemd is not there';
  if (pid === 0 || uid === null) return '';
  if (!hasGroup) return 'the daemon is no service of systemd with control groups (v2)';
  return uid === 0 || service?.user ? '' : `a unit of the system may make none as user ${uid}`;
}

function examineGroups(findings: Findings, { agents }: Config, why: string): void {
  const limited = agents.flatMap(({ id, enabled, limits }) => {
    const keys = enabled ? groupLimits(limits) : [];
    return keys.length > 0 ? [`${id} (${keys.join(', ')})`] : [];
  });
  const none = `agents have none of their own, since ${why}`;
  if (limited.length === 0) {
    findings.ok('control groups', `${none}; no agent has a limit that needs one`);
  } else {
    const advice =
      'run the daemon as a service of systemd (docs/systemd.md), or limit it and its agents together from outside';
    findings.warning('control groups', `${none}; so these limits are without effect: ${limited.join(', ')}`, advice);
  }
}

/** `ownUid`: of this program. `booted`: whether systemd runs this host. */
export function examinePrivileges(config: Config, daemon: DaemonProcess, ownUid: number, booted: boolean): Finding[] {
  const findings = new Findings('privileges');
  const { pid, hasCapabilities } = daemon;
  const uid = pid === 0 ? ownUid : daemon.uid;
  const who = pid === 0 ? 'started by this user, the daemon' : 'the daemon';
  if (uid === null)
    findings.unknown('user', 'as whom the daemon runs may not be seen by this user', 'run doctor as root');
  else if (uid === 0) findings.ok('user', `${who} runs as root`);
  else {
    const caps = hasCapabilities ? ' with capabilities of its own, which may allow part of it' : '';
    const advice = 'right where none of that is needed; else run it as root, or give its unit the capabilities';
    findings.warning(
      'user',
      `${who} runs as user ${uid}${caps}; it cannot ${losses(config, daemon).join('; ')}`,
      advice,
    );
  }
  const why = whyNoGroups(daemon, booted);
  if (why !== '') examineGroups(findings, config, why);
  return findings.all;
}
