/** What starts the daemon with the host, and again when it ends. */
import { existsSync } from 'node:fs';
import type { DaemonProcess } from './daemon-process.ts';
import { type Finding, Findings } from './finding.ts';

const RUN_FOLDER = '/run/systemd/system';

/** sd_booted(3). */
export function systemdRuns(runFolder = RUN_FOLDER): boolean {
  return existsSync(runFolder);
}

/** `booted`: whether systemd runs this host. Pure. */
export function examineSystemd({ pid, uid, service }: DaemonProcess, booted: boolean): Finding[] {
  const findings = new Findings('systemd');
  if (!booted) {
    const advice = 'see that something else starts the daemon with the host, and again when it ends';
    findings.warning('systemd', 'is not there', advice);
  } else if (pid === 0) {
    findings.unknown('unit', 'no daemon runs: its unit cannot be told', 'systemctl start daemon, then look again');
  } else if (uid === null) {
    findings.unknown('unit', 'of which unit the daemon is may not be seen by this user', 'run doctor as root');
  } else if (!service) {
    findings.warning('unit', 'the daemon is of no unit: nothing starts it again', 'start it with systemctl');
  } else if (service.user) {
    const until = `it ends with that user's last session unless loginctl enable-linger was said`;
    findings.ok('unit', `the daemon is of ${service.unit} of the systemd of user ${uid}; ${until}`);
  } else {
    findings.ok('unit', `the daemon is of ${service.unit}`);
  }
  return findings.all;
}
