/**
 * A host that doctor finds the same wherever the tests run: files of an installed daemon in a folder, each with the mode
 * that it is to have, and a process that stands for the daemon. What depends on the real host all the same is put right
 * in what was found.
 */
import { chmodSync, mkdirSync, realpathSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import { type Finding, OUTCOMES } from '../../src/ctl/doctor/finding.ts';
import { findingsTable, summary } from '../../src/ctl/doctor/render.ts';
import { renderTable } from '../../src/ctl/text/table.ts';
import { plain } from '../../src/ctl/text/terminal.ts';
import { createCertificates } from '../../src/demo/certificates.ts';
import { CONTROL_SOCKET } from '../../src/shared/contracts/control.ts';
import { freePort } from '../support/free-port.ts';
import { Child } from '../support/processes.ts';

const RELEASE = '/opt/daemon/releases/0.1.0';
/** By folders of the host, where they are on one with an installed daemon. */
const PLACES = { etc: '/etc/daemon', work: '/var/lib/daemon', log: '/var/log/daemon', release: RELEASE };

export class DoctorHost {
  readonly folder: string;
  /** Stands for the daemon in `/proc`. */
  readonly daemon: Child;

  private constructor(folder: string, daemon: Child) {
    this.folder = folder;
    this.daemon = daemon;
  }

  /** In a folder that is there. */
  static async make(folder: string): Promise<DoctorHost> {
    for (const name of ['etc', 'work', 'log', 'release', 'release/lib']) mkdirSync(join(folder, name));
    const etc = join(folder, 'etc');
    await createCertificates(etc);
    writeFileSync(join(etc, 'update.pub'), '');
    writeFileSync(join(folder, 'release/lib/daemon.js'), 'setInterval(() => {}, 1_000_000);');
    writeFileSync(
      join(etc, 'daemon.yaml'),
      `daemon:
  work_dir: ${folder}/work
  log_file: ${folder}/log/daemon.log
  audit_log_file: '-'
  pid_file: ${folder}/work/daemon.pid
  grpc_port: 0
manager:
  address: 127.0.0.1:${await freePort()}
  tls: {cert_file: ${etc}/client.crt, key_file: ${etc}/client.key, ca_file: ${etc}/ca.crt}
update:
  download_dir: ${folder}/work/downloads
  backup_dir: ${folder}/work/backups
  public_key_file: ${etc}/update.pub
agents:
  - {id: telegraf, type: custom, binary_path: /bin/sh}
  - {id: filebeat, type: custom, binary_path: /opt/filebeat/filebeat}
`,
    );
    const modes = {
      ...{ etc: 0o755, work: 0o750, log: 0o750, release: 0o755, 'release/lib': 0o755, 'release/lib/daemon.js': 0o644 },
      ...{ 'etc/daemon.yaml': 0o640, 'etc/update.pub': 0o644, 'etc/ca.crt': 0o644, 'etc/client.key': 0o600 },
    };
    for (const [name, mode] of Object.entries(modes)) chmodSync(join(folder, name), mode); // whatever the umask
    return new DoctorHost(folder, new Child([join(folder, 'release/lib/daemon.js')]));
  }

  get configFile(): string {
    return join(this.folder, 'etc/daemon.yaml');
  }

  get socket(): string {
    return join(this.folder, 'work', CONTROL_SOCKET);
  }

  async remove(): Promise<void> {
    await this.daemon.kill('SIGKILL');
  }

  /**
   * What is in an answer of doctor whose lines are not wrapped, as on a host with room, with the daemon as a unit that
   * runs as root. Throws where it is not what doctor prints.
   */
  async findings(answer: string): Promise<Finding[]> {
    let placed = answer.replaceAll(/127\.0\.0\.1:\d+/g, '127.0.0.1:9090');
    for (const [name, place] of Object.entries(PLACES)) placed = placed.replaceAll(join(this.folder, name), place);
    const found = findingsIn(placed);
    expect(await doctorText(found, null)).toBe(placed);
    return found.flatMap(asInstalled);
  }
}

/** `columns`: of the terminal; null: no line is wrapped. */
export async function doctorText(findings: readonly Finding[], columns: number | null): Promise<string> {
  return `${await renderTable(findingsTable(findings, plain), columns)}\n\n${summary(findings)}`;
}

function findingsIn(answer: string): Finding[] {
  const row = new RegExp(`^(${OUTCOMES.join('|')}) +(\\w+) +(.+?): (.*(?:\\n +-> .*)?)$`, 'gm');
  return [...answer.matchAll(row)].map(([, outcome, check = '', subject = '', text = '']) => {
    const [found = '', advice = ''] = text.split(/\n +-> /);
    return { check, subject, outcome: outcome as Finding['outcome'], found, advice };
  });
}

function asInstalled(finding: Finding): Finding[] {
  const { check, subject } = finding;
  const well = (where: string, found: string): Finding[] => [
    { ...finding, subject: where, outcome: 'ok', found, advice: '' },
  ];
  if (check === 'space') return well(subject, '72.9 GiB free of 252 GiB (28.9 %)');
  if (check === 'systemd') return well('unit', 'the daemon is of daemon.service');
  if (check === 'privileges') return subject === 'user' ? well(subject, 'the daemon runs as root') : [];
  if (subject === realpathSync(process.execPath))
    return well(`${RELEASE}/bin/node`, 'the daemon runs from it: mode 0755, of user 0');
  const found = finding.found.replaceAll(/\b(user|group) \d+/g, '$1 0').replace(/in \d+ ms/, 'in 6 ms');
  return [{ ...finding, found }];
}
