/**
 * Who can read and change what is the daemon's alone. Whoever may write what decides the programs that it starts (its
 * configuration, keys, CA, its own program, those of its agents) has its rights: these are looked at with the folders
 * above them.
 */
import { existsSync, readdirSync, type Stats, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import type { Config } from '../../shared/config/schema.ts';
import { codeOf } from '../../shared/errors/error-code.ts';
import type { DaemonProcess, DaemonProgram } from './daemon-process.ts';
import { type Finding, Findings } from './finding.ts';
import { mayWrite, OTHERS_WRITE, octal, STICKY, type User, type Writer, writersBy, writersOf } from './writers.ts';

const OTHERS_READ = 0o004;
const GROUP_READ = 0o040;
const AS_ROOT = 'run doctor as root';

/** As whom the daemon runs, or would. */
interface Standard extends User {
  /** Whether that is seen, from a daemon that runs. */
  seen: boolean;
}

export interface PermissionFacts {
  configFile: string;
  socket: string;
  daemon: Pick<DaemonProcess, 'pid' | 'uid' | 'groups'>;
  /** Null: none runs. */
  program: DaemonProgram | null;
  /** As whom this program runs. */
  own: User;
}

const modeOf = (stats: Stats): string => `mode ${octal(stats)}, of user ${stats.uid}`;

/** Null where it cannot be looked at, which is told. `absent`: tells that it is not there. */
function look(findings: Findings, path: string, absent: () => void): Stats | null {
  try {
    return statSync(path);
  } catch (error) {
    const code = codeOf(error);
    if (code === 'ENOENT' || code === 'ENOTDIR') absent();
    else if (code === 'EACCES') findings.unknown(path, 'may not be looked at by this user', AS_ROOT);
    else findings.failed(path, `cannot be looked at: ${code}`, 'see the file system that it is on');
    return null;
  }
}

function adviceAgainst({ kind, id, place }: Writer, path: string, { seen }: Standard): string {
  if (kind !== 'owner') return `chmod ${kind === 'group' ? 'g-w' : 'o-w'} ${place}`;
  const unless = seen ? '' : `, unless the daemon is to run as user ${id}`;
  return place === path ? `chown root ${place}${unless}` : `keep it where only root may write${unless}`;
}

/** The worst of them. False where there is none. */
function tellWriters(
  findings: Findings,
  path: string,
  writers: readonly Writer[],
  standard: Standard,
  because = '',
): boolean {
  const grave = ({ kind, place }: Writer): boolean =>
    kind === 'everybody' || (kind === 'owner' ? standard.seen : standard.uid === 0 && place === path);
  const writer = writers.find(grave) ?? writers[0];
  if (!writer) return false;
  const { kind, id, place, mode } = writer;
  const who = kind === 'everybody' ? 'everybody' : `${kind === 'group' ? 'group' : 'user'} ${id}`;
  const how = place === path ? `can be changed by ${who}` : `can be replaced by ${who}, who may write ${place}`;
  const advice = adviceAgainst(writer, path, standard);
  findings[grave(writer) ? 'failed' : 'warning'](path, `${how} (mode ${mode})${because}`, advice);
  return true;
}

/** With the folders above it. True where something was told. */
function tellAllWriters(findings: Findings, path: string, standard: Standard, because = ''): boolean {
  try {
    return tellWriters(findings, path, writersOf(path, [0, standard.uid]), standard, because);
  } catch (error) {
    findings.unknown(path, `who may change it cannot be seen: ${codeOf(error)}`, AS_ROOT);
    return true;
  }
}

const ownWriters = (path: string, stats: Stats, { uid }: Standard): Writer[] =>
  writersBy(stats, [0, uid]).map((writer) => ({ ...writer, place: path, mode: octal(stats) }));

function examineConfigFile(findings: Findings, path: string, standard: Standard): void {
  const stats = look(findings, path, () => findings.failed(path, 'does not exist', 'give its path with --config'));
  if (!stats || tellAllWriters(findings, path, standard, ': it decides what the daemon starts')) return;
  if (stats.mode & OTHERS_READ) {
    const advice = `chmod 640 ${path} where agents' settings in it are secret`;
    findings.warning(path, `can be read by everybody (mode ${octal(stats)})`, advice);
  } else {
    findings.ok(path, modeOf(stats));
  }
}

/** What may be read by all, and must be changed by nobody else. */
function examinePublic(findings: Findings, path: string, standard: Standard, absent: () => void): void {
  const stats = look(findings, path, absent);
  if (stats && !tellAllWriters(findings, path, standard)) findings.ok(path, modeOf(stats));
}

function examineSecret(findings: Findings, path: string, standard: Standard): void {
  const stats = look(findings, path, () => findings.failed(path, 'does not exist', 'see manager.tls'));
  if (!stats) return;
  const { mode } = stats;
  const advice = `chmod 600 ${path}`;
  if (mode & OTHERS_READ) findings.failed(path, `can be read by everybody (mode ${octal(stats)})`, advice);
  else if (tellWriters(findings, path, ownWriters(path, stats, standard), standard)) return;
  else if (mode & GROUP_READ) findings.warning(path, `can be read by its group (mode ${octal(stats)})`, advice);
  else findings.ok(path, modeOf(stats));
}

interface Folder {
  path: string;
  /** Of the configuration. */
  key: string;
  /** Whether the daemon does not start without it. */
  needed: boolean;
  /** Whether it matters who may write the folders above it: `/var/log` is a group's on some systems. */
  above: boolean;
}

function foldersOf({ daemon, update }: Config, { seen }: Standard): Folder[] {
  const log = (path: string, key: string): Folder[] =>
    path === '-' ? [] : [{ path: dirname(path), key, needed: true, above: false }];
  const folders = [
    { path: daemon.workDir, key: 'daemon.work_dir', needed: true, above: true },
    ...log(daemon.logFile, 'daemon.log_file'),
    ...log(daemon.auditLogFile, 'daemon.audit_log_file'),
    ...(seen ? [] : log(daemon.pidFile, 'daemon.pid_file')), // one that runs has its file
    { path: update.downloadDir, key: 'update.download_dir', needed: false, above: true },
    { path: update.backupDir, key: 'update.backup_dir', needed: false, above: true },
  ];
  return folders.filter(({ path }, n) => folders.findIndex((other) => other.path === path) === n);
}

const existing = (path: string): string =>
  existsSync(path) || path === dirname(path) ? path : existing(dirname(path));

/** One that is not there is made by the daemon, where it may. */
function examineFolder(findings: Findings, { path, key, needed, above }: Folder, standard: Standard): void {
  const { uid, seen } = standard;
  const cannot = needed && !seen ? 'failed' : 'warning';
  const who = seen ? `the daemon's user ${uid}` : `user ${uid}`;
  const elsewhere = `give ${key} a place that this user may write`;
  const stats = look(findings, path, () => {
    const folder = existing(path);
    if (needed && seen)
      findings.failed(path, 'is gone under the daemon that runs', 'start the daemon anew: it makes it');
    else if (mayWrite(statSync(folder), standard)) findings.ok(path, 'is not there yet: the daemon makes it');
    else findings[cannot](path, `is not there, and ${who} cannot make it in ${folder}`, elsewhere);
  });
  if (!stats) return;
  if (!stats.isDirectory()) findings.failed(path, 'is not a folder', `see ${key}`);
  else if (!mayWrite(stats, standard))
    findings[cannot](path, `cannot be written by ${who} (${modeOf(stats)})`, elsewhere);
  else if (stats.mode & STICKY && stats.mode & OTHERS_WRITE)
    findings.warning(path, `everybody may put files there (mode ${octal(stats)})`, `give ${key} a folder of its own`);
  else if (
    above
      ? tellAllWriters(findings, path, standard)
      : tellWriters(findings, path, ownWriters(path, stats, standard), standard)
  )
    return;
  else findings.ok(path, modeOf(stats));
}

function examineControlSocket(findings: Findings, path: string): void {
  const stats = look(findings, path, () => {}); // that nobody answers there is told elsewhere
  if (!stats) return;
  const folder = dirname(path);
  const { gid } = statSync(folder);
  if (stats.mode & OTHERS_WRITE) {
    findings.failed(path, `everybody may ask the daemon (mode ${octal(stats)})`, `chmod o-w ${path}`);
  } else if (stats.gid !== gid) {
    const found = `is of group ${stats.gid}, its folder of group ${gid}, who may therefore not ask the daemon`;
    findings.warning(path, found, `chgrp ${stats.gid} ${folder}, or let the daemon's user be of group ${gid}`);
  } else {
    findings.ok(path, `mode ${octal(stats)}: root, user ${stats.uid} and group ${gid} may ask the daemon`);
  }
}

/** All that is loaded or started from a release, or from a folder of bundles. */
function filesOf(bundles: string): string[] {
  const bin = join(dirname(bundles), 'bin');
  const folders = basename(bundles) === 'lib' && existsSync(bin) ? [bundles, bin] : [bundles];
  return folders.flatMap((folder) => [folder, ...readdirSync(folder).map((name) => join(folder, name))]);
}

function examineProgram(findings: Findings, { node, bundles }: DaemonProgram, standard: Standard): void {
  const because = ': it is what the daemon runs';
  const examineOne = (name: string, path: string | null, files: (path: string) => string[]): void => {
    if (path === null) {
      findings.unknown(name, 'what the daemon runs from may not be seen by this user', AS_ROOT);
      return;
    }
    const gone = () => findings.unknown(path, 'is gone since the daemon was started from it', 'start the daemon anew');
    const stats = look(findings, path, gone);
    if (!stats) return;
    try {
      if (files(path).some((file) => tellAllWriters(findings, file, standard, because))) return;
      findings.ok(path, `the daemon runs from it: ${modeOf(stats)}`);
    } catch (error) {
      findings.unknown(path, `what is in it may not be seen: ${codeOf(error)}`, AS_ROOT);
    }
  };
  examineOne('program', bundles, filesOf);
  examineOne('node', node, (path) => [path]);
}

/** Programs that run with the daemon's own rights. Of those that nobody else may write nothing is told. */
function examineOthers(findings: Findings, { agents, collectors }: Config, standard: Standard): void {
  const programs = agents.flatMap(({ enabled, user, binaryPath }) => (enabled && user === '' ? [binaryPath] : []));
  const modules = Object.values(collectors.plugins).flatMap(({ enabled, module }) => (enabled ? [module] : []));
  for (const path of new Set([...programs, ...modules])) {
    if (existsSync(path)) tellAllWriters(findings, path, standard, ': it runs with the rights of the daemon');
  }
}

/** The user whose rights are the measure: where it may not be seen as whom the daemon runs, root. */
function standardOf({ daemon, own }: PermissionFacts): Standard {
  if (daemon.pid === 0) return { ...own, seen: false };
  return { uid: daemon.uid ?? 0, groups: daemon.groups, seen: daemon.uid !== null };
}

export function examinePermissions(config: Config, facts: PermissionFacts): Finding[] {
  const findings = new Findings('permissions');
  const { configFile, socket, program } = facts;
  const { tls } = config.manager;
  const standard = standardOf(facts);
  examineConfigFile(findings, configFile, standard);
  if (!tls.off) {
    const noCa = () => findings.failed(tls.caFile, 'does not exist', 'see manager.tls');
    examinePublic(findings, tls.caFile, standard, noCa);
    for (const path of [tls.keyFile, tls.keyPassphraseFile]) if (path !== '') examineSecret(findings, path, standard);
  }
  const keys = config.update.publicKeyFile;
  examinePublic(findings, keys, standard, () => findings.ok(keys, 'is not there: no package is taken'));
  for (const folder of foldersOf(config, standard)) examineFolder(findings, folder, standard);
  examineControlSocket(findings, socket);
  if (program) examineProgram(findings, program, standard);
  examineOthers(findings, config, standard);
  return findings.all;
}
