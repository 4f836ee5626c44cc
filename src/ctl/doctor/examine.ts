/** All examinations of a host, with the daemon or without it: what is needed is read from the configuration itself. */
import { join } from 'node:path';
import type { Config } from '../../shared/config/schema.ts';
import { CONTROL_SOCKET } from '../../shared/contracts/control.ts';
import { pidFileHolder } from '../../shared/platform/pid-file.ts';
import { ask } from '../client.ts';
import { examineAgents } from './agents.ts';
import { examineCertificates } from './certificates.ts';
import { daemonEnvironment, daemonProcess, daemonProgram } from './daemon-process.ts';
import { type Finding, Findings } from './finding.ts';
import { examineManagers } from './manager.ts';
import { examinePermissions } from './permissions.ts';
import { examinePrivileges } from './privileges.ts';
import { type ControlOutcome, examineSockets } from './sockets.ts';
import { examineSpace } from './space.ts';
import { examineSystemd, systemdRuns } from './systemd.ts';

const ANSWER_MS = 3000;

export interface ExamineOptions {
  configFile: string;
  /** Default: that of the configuration's work_dir. */
  socket?: string;
  /** Unix milliseconds. */
  nowMs: number;
}

async function askStatus(socket: string): Promise<ControlOutcome> {
  const startedMs = performance.now();
  try {
    const status = await ask(socket, 'status', {}, { timeoutMs: ANSWER_MS });
    return { status, tookMs: performance.now() - startedMs };
  } catch (error) {
    return { error };
  }
}

/** 0: none runs; null: whether one does may not be seen by this user. */
function daemonPid(config: Config, outcome: ControlOutcome): number | null {
  if ('status' in outcome) return outcome.status.pid;
  try {
    return pidFileHolder(config.daemon.pidFile)?.pid ?? 0;
  } catch {
    return null; // a pid file that may not be read names nobody, and does not say that nobody runs
  }
}

/** In a fixed order. Rejects for nothing that it looks at. */
export async function examine({ configFile, socket, nowMs }: ExamineOptions): Promise<Finding[]> {
  const { checkHost, loadConfigFile } = await import('../../shared/config/load.ts');
  const { config, diagnostics, places } = loadConfigFile(configFile);
  const booted = systemdRuns();
  const findings = new Findings('configuration');
  const errors = diagnostics.filter(({ severity }) => severity === 'error');
  for (const { line, keyPath, message } of errors) {
    const place = line > 0 ? `line ${line}, ${keyPath}: ` : '';
    findings.failed(configFile, `${place}${message}`, `daemonctl config check ${configFile}`);
  }
  if (!config) return [...findings.all, ...examineSystemd(daemonProcess(0), booted)];
  const warnings = diagnostics.length - errors.length;
  if (warnings === 0) findings.ok(configFile, 'is valid');
  else findings.warning(configFile, `is valid, with ${warnings} warnings`, `daemonctl config check ${configFile}`);

  const path = socket ?? join(config.daemon.workDir, CONTROL_SOCKET);
  const outcome = await askStatus(path);
  const status = 'status' in outcome ? outcome.status : null;
  const daemon = daemonProcess(daemonPid(config, outcome));
  const { pid } = daemon;
  const own = { uid: process.geteuid?.() ?? 0, groups: process.getgroups?.() ?? [] };
  const [certificates, space, sockets, managers] = await Promise.all([
    examineCertificates(config, nowMs),
    examineSpace(config),
    examineSockets(config, { socket: path, outcome }, pid === null ? null : pid !== 0),
    examineManagers(config, status?.link ?? null, daemonEnvironment(pid)),
  ]);
  return [
    ...findings.all,
    ...certificates,
    ...examinePermissions(config, { configFile, socket: path, daemon, program: pid ? daemonProgram(pid) : null, own }),
    ...space,
    ...examineAgents(config, checkHost(config, places)),
    ...sockets,
    ...managers,
    ...examinePrivileges(config, daemon, own.uid, booted),
    ...examineSystemd(daemon, booted),
  ];
}
