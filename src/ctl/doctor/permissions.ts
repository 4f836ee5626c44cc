/** Who can read and write what is the daemon's alone. */
import { type Stats, statSync } from 'node:fs';
import type { Config } from '../../shared/config/schema.ts';
import { codeOf } from '../../shared/errors/error-code.ts';
import { type Finding, Findings } from './finding.ts';

const OTHERS_READ = 0o004;
const GROUP_READ = 0o040;
const OTHERS_WRITE = 0o002;
const GROUP_WRITE = 0o020;

const octal = (stats: Stats): string => `mode ${(stats.mode & 0o7777).toString(8).padStart(4, '0')}`;

/** Null where it cannot be looked at, which is told. */
function look(findings: Findings, path: string, advice: string): Stats | null {
  try {
    return statSync(path);
  } catch (error) {
    const code = codeOf(error);
    if (code === 'EACCES') findings.unknown(path, 'may not be looked at by this user', 'run doctor as root');
    else findings.failed(path, code === 'ENOENT' ? 'does not exist' : `cannot be looked at: ${code}`, advice);
    return null;
  }
}

function examineConfigFile(findings: Findings, path: string): void {
  const stats = look(findings, path, 'give its path with --config');
  if (!stats) return;
  if (stats.mode & OTHERS_WRITE) {
    findings.failed(path, `can be changed by everybody (${octal(stats)})`, `chmod o-w ${path}`);
  } else if (stats.mode & OTHERS_READ) {
    findings.warning(
      path,
      `can be read by everybody (${octal(stats)})`,
      `chmod 640 ${path} where agents' settings in it are secret`,
    );
  } else {
    findings.ok(path, octal(stats));
  }
}

function examineSecret(findings: Findings, path: string): void {
  const stats = look(findings, path, 'see manager.tls');
  if (!stats) return;
  const { mode } = stats;
  if (mode & (OTHERS_READ | OTHERS_WRITE | GROUP_WRITE)) {
    const who = mode & (OTHERS_READ | OTHERS_WRITE) ? 'everybody' : 'its group';
    findings.failed(
      path,
      `can be ${mode & OTHERS_READ ? 'read' : 'changed'} by ${who} (${octal(stats)})`,
      `chmod 600 ${path}`,
    );
  } else if (mode & GROUP_READ) {
    findings.warning(path, `can be read by its group (${octal(stats)})`, `chmod 600 ${path}`);
  } else {
    findings.ok(path, octal(stats));
  }
}

function examineFolder(findings: Findings, path: string, daemonUid: number | null): void {
  const stats = look(findings, path, 'the daemon makes it when it starts, where it may');
  if (!stats) return;
  if (!stats.isDirectory()) {
    findings.failed(path, 'is not a folder', 'see daemon.work_dir');
  } else if (stats.mode & OTHERS_WRITE) {
    findings.failed(path, `can be changed by everybody (${octal(stats)})`, `chmod o-w ${path}`);
  } else if (daemonUid !== null && daemonUid !== 0 && stats.uid !== daemonUid) {
    findings.warning(path, `is of user ${stats.uid}, the daemon runs as ${daemonUid}`, `chown it to the daemon's user`);
  } else {
    findings.ok(path, `${octal(stats)}, of user ${stats.uid}`);
  }
}

/** `daemonUid`: null where no daemon runs. */
export function examinePermissions(config: Config, configFile: string, daemonUid: number | null): Finding[] {
  const findings = new Findings('permissions');
  const { tls } = config.manager;
  examineConfigFile(findings, configFile);
  if (!tls.off) {
    for (const path of [tls.keyFile, tls.keyPassphraseFile]) if (path !== '') examineSecret(findings, path);
  }
  examineFolder(findings, config.daemon.workDir, daemonUid);
  return findings.all;
}
