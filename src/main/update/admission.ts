/**
 * What must hold before an update begins, and the journal that it then begins with. Nothing is changed here: a request
 * that is refused has left no trace. Throws D4002 with the check, D4003 where the host or the component does not allow
 * it, D4004 where there is nothing to go back to.
 */
import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { readdir, realpath } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { promisify } from 'node:util';
import type { PackageManifest, UpdateRequest } from '../../shared/contracts/update.ts';
import { DaemonError } from '../../shared/errors/daemon-error.ts';
import { readProcFile } from '../../shared/platform/proc.ts';
import { agentJournal } from './agent-update.ts';
import type { Backups, KeptBackup } from './backups.ts';
import type { AgentJournal, DaemonJournal, PresentFacts } from './journal-format.ts';
import { checkBefore, type ObtainDeps, type PackageTarget, packagePath, verifyMsOf } from './obtain.ts';
import { type Outcomes, refusedVersion } from './outcomes.ts';
import { ownName } from './own-name.ts';
import { currentRelease, installationOf } from './releases.ts';
import { checkVersion } from './request.ts';
import { serviceControl, serviceUnit, type UnitFacts } from './service-control.ts';
import type { UpdaterOptions } from './updater.ts';
import { compareVersions, isSameVersion } from './versions.ts';

export interface AdmissionDeps {
  options: UpdaterOptions;
  outcomes(): Outcomes;
  backups: Backups;
}

/** `done`: the same was asked for before, and was done. */
export type Admission<J> = { kind: 'done' } | { kind: 'begin'; journal: J; manifest: PackageManifest | null };

const HASH_MS = 10 * 60_000;
const SYSTEMCTL_MS = 30_000;

export class Admissions {
  readonly #deps: AdmissionDeps;

  constructor(deps: AdmissionDeps) {
    this.#deps = deps;
  }

  async agent(request: UpdateRequest): Promise<Admission<AgentJournal>> {
    const { agentId } = request;
    const { options } = this.#deps;
    const found = options.agents.find(agentId);
    if (!found) throw new DaemonError('D4003', `there is no agent ${agentId}`);
    const running = await this.#runningVersion(agentId);
    const manifest = await this.#checkAll(request, running, { agentId, agentType: found.config.type });
    if (manifest === null) await this.#requireVersionToAsk(agentId, found.config.binaryPath);
    if (manifest === 'done') return { kind: 'done' };
    const id = newId();
    const path = packagePath(options.config().update, id);
    const facts = { id, oldVersion: running, package: path, sha256: request.sha256 };
    const journal = await this.#agentJournal(request, facts);
    const temporary = [...journal.temporary, ...ownedFile(request)];
    return { kind: 'begin', manifest, journal: { ...journal, temporary } };
  }

  async daemon(request: UpdateRequest): Promise<Admission<DaemonJournal>> {
    const { options } = this.#deps;
    const running = options.version;
    const manifest = await this.#checkAll(request, running, { agentId: '', agentType: null });
    if (manifest === 'done') return { kind: 'done' };
    const id = newId();
    const path = packagePath(options.config().update, id);
    const facts = { id, oldVersion: running, package: path, sha256: request.sha256 };
    const journal = await this.#daemonJournal(request, facts);
    return { kind: 'begin', manifest, journal: { ...journal, temporary: [path, ...ownedFile(request)] } };
  }

  /** Back to a backup: the newest of another version than the running one, or the one of that name. */
  async rollback(
    component: UpdateRequest['component'],
    agentId: string,
    name: string,
  ): Promise<AgentJournal | DaemonJournal> {
    const { options, backups } = this.#deps;
    const running = component === 'daemon' ? options.version : await this.#runningVersion(agentId);
    const backup = chooseBackup(await backups.list(component, agentId), name, running);
    const { sha256 } = await options.tasks.run('hashKept', { path: backup.path }, { deadlineMs: HASH_MS });
    if (sha256 !== backup.sha256) {
      throw new DaemonError('D4004', `the backup ${backup.path} is no longer what was kept: its hash is another`);
    }
    const wanted = { agentId, version: backup.version };
    const facts = { id: newId(), oldVersion: running, package: backup.path };
    if (component === 'daemon')
      return { ...(await this.#daemonJournal(wanted, { ...facts, sha256: '' })), step: 'staging', staged: true };
    const journal = await this.#agentJournal(wanted, { ...facts, sha256 });
    return { ...journal, step: 'staging', temporary: [journal.staged, journal.former] };
  }

  /** Everything that can be refused before anything is fetched. */
  async #checkAll(
    request: UpdateRequest,
    running: string,
    target: PackageTarget,
  ): Promise<PackageManifest | null | 'done'> {
    const { component, agentId, version } = request;
    const outcomes = this.#deps.outcomes();
    const manifest = await checkBefore(request, target, obtainDeps(this.#deps.options));
    // asked for again after it was done, as after a lost answer: it is done
    const last = outcomes.results.findLast((r) => r.component === component && r.agentId === agentId);
    if (last?.success && last.newVersion === version && running !== '' && isSameVersion(running, version))
      return 'done';
    const refused = refusedVersion(outcomes, component, agentId, version);
    if (refused && !request.retry) {
      const when = new Date(refused.atMs).toISOString();
      const why = `version ${version} was rolled back on ${when} (${refused.reason})`;
      throw new DaemonError('D4003', `${why}: say so to try it again`);
    }
    const allowed = request.allowDowngrade || (manifest?.allowDowngrade ?? false);
    checkVersion(running, version, allowed, compareVersions(running, version));
    return manifest;
  }

  /** A signature of the package alone binds no version: the program itself must be able to say it. */
  async #requireVersionToAsk(agentId: string, path: string): Promise<void> {
    const told = await this.#deps.options.agents.versionOf(agentId, path).catch(() => ''); // there is a way, then
    if (told !== null) return;
    const why = `nobody knows how to ask agent ${agentId} for its version: give version_args, or a signed manifest`;
    throw new DaemonError('D4002', `${why} (check: manifest)`);
  }

  /** As the program in place says, else as its heartbeats do, else as the last update left it; empty where nobody knows. */
  async #runningVersion(agentId: string): Promise<string> {
    const { agents } = this.#deps.options;
    const found = agents.find(agentId);
    if (!found) throw new DaemonError('D4003', `there is no agent ${agentId}`);
    const asked = await agents.versionOf(agentId, found.config.binaryPath).catch(() => null); // one that does not run is to be replaced
    const results = this.#deps.outcomes().results;
    const last = results.findLast((result) => result.agentId === agentId && result.success);
    return asked || found.snapshot.version || (last?.newVersion ?? '');
  }

  async #agentJournal(
    wanted: { agentId: string; version: string },
    facts: { id: string; oldVersion: string; package: string; sha256: string },
  ): Promise<AgentJournal> {
    const { agents, clock } = this.#deps.options;
    const path = agents.find(wanted.agentId)?.config.binaryPath ?? '';
    let target: string;
    try {
      target = await realpath(path); // a link stays: what it leads to is replaced
    } catch (cause) {
      throw new DaemonError('D4003', `the program ${path}, which is to be replaced, is not there`, { cause });
    }
    return agentJournal(wanted, { ...facts, startedMs: clock.wallMs(), target });
  }

  async #daemonJournal(
    wanted: { version: string },
    facts: { id: string; oldVersion: string; package: string; sha256: string },
  ): Promise<DaemonJournal> {
    const { bundles, configFile, config, clock } = this.#deps.options;
    const installed = await installationOf(bundles);
    if (!installed || (await currentRelease(installed.root)) !== installed.release) {
      const where = dirname(bundles);
      throw new DaemonError(
        'D4003',
        `this daemon cannot replace itself: ${where} is not the release that current names`,
      );
    }
    const { daemon } = config();
    const { root, release } = installed;
    return {
      format: 1,
      kind: 'daemon',
      step: 'accepted',
      ...facts,
      startedMs: clock.wallMs(),
      newVersion: wanted.version,
      temporary: [],
      backup: '',
      failure: null,
      root,
      oldRelease: release,
      newRelease: wanted.version,
      daemon: ownName(),
      pidFile: daemon.pidFile,
      command: [join(root, 'current', 'bin', 'daemon'), '--config', configFile],
      service: await ownService(),
      ...presentFacts(this.#deps.options),
      staged: false,
      helper: null,
      helpers: 0,
    };
  }
}

/** What the new version is compared with: as it is right before the hand-over. */
export function presentFacts(options: UpdaterOptions): PresentFacts {
  const { agents, link, config } = options;
  const { update, manager } = config();
  const running = agents.list().flatMap(({ id }) => {
    const process = agents.find(id)?.process;
    return process ? [{ id, process }] : [];
  });
  return {
    agents: running,
    linked: link().connected,
    manager: { address: link().address ?? manager.addresses[0] ?? '', timeoutMs: manager.timeoutMs, tls: manager.tls },
    verifyTimeoutMs: update.verifyTimeoutMs,
    verifyMs: verifyMsOf(update),
  };
}

export function obtainDeps({ config, tasks, clock }: UpdaterOptions): ObtainDeps {
  const { update, manager } = config();
  return { update, manager, tasks, wallMs: () => clock.wallMs() };
}

function ownedFile({ source }: UpdateRequest): string[] {
  return source.kind === 'file' && source.owned ? [source.path] : [];
}

function chooseBackup(backups: readonly KeptBackup[], name: string, running: string): KeptBackup {
  const fits = (backup: KeptBackup): boolean =>
    name === '' ? backup.version === '' || !isSameVersion(backup.version, running) : basename(backup.path) === name;
  const chosen = backups.findLast(fits);
  if (chosen) return chosen;
  const known = backups.map(({ path }) => basename(path)).join(', ') || 'none';
  throw new DaemonError('D4004', `there is no such backup to go back to; there are: ${known}`);
}

async function ownService(): Promise<DaemonJournal['service']> {
  const cgroup = readProcFile('/proc/self/cgroup') ?? '';
  const systemd = (await readdir('/run/systemd/system').catch(() => null)) !== null; // not there: no systemd
  const initName = readProcFile('/proc/1/comm')?.trim() ?? '';
  const facts = { systemd, cgroup, pid: process.pid, parentPid: process.ppid, initName };
  const service = serviceControl(facts, await unitFacts(serviceUnit(facts)));
  if (service === null) {
    throw new DaemonError('D4003', 'with this daemon its container would end: update the image instead');
  }
  if (service.kind === 'refused') throw new DaemonError('D4003', service.reason);
  return service;
}

/** What systemd says of the unit; null where there is none. */
async function unitFacts(unit: { unit: string; user: boolean } | null): Promise<UnitFacts | null> {
  if (!unit) return null;
  const args = [...(unit.user ? ['--user'] : []), 'show', '--property=MainPID,KillMode', unit.unit];
  const { stdout } = await promisify(execFile)('systemctl', args, { timeout: SYSTEMCTL_MS });
  const value = (name: string): string => new RegExp(`^${name}=(.*)$`, 'm').exec(stdout)?.[1] ?? '';
  return { mainPid: Number(value('MainPID')), killMode: value('KillMode') };
}

function newId(): string {
  return randomBytes(8).toString('hex');
}
