/**
 * Updates of agents and of the daemon: takes requests, one at a time for a component, carries their steps out with a
 * journal before each, finishes or undoes what a crash has cut short, and keeps the outcomes. Loaded with the first
 * request, or where something was left to finish.
 */
import { randomBytes } from 'node:crypto';
import { mkdir, readdir, realpath, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { Config } from '../../shared/config/schema.ts';
import type { UpdateProgress, UpdateRequest, UpdateResult, UpdateStatus } from '../../shared/contracts/update.ts';
import { DaemonError, describe } from '../../shared/errors/daemon-error.ts';
import type { Clock } from '../../shared/platform/clock.ts';
import { readBootId, readProcFile, readStat } from '../../shared/platform/proc.ts';
import { type AgentUpdateDeps, agentJournal, takeAgentStep, type UpdatableAgents } from './agent-update.ts';
import { componentName, superfluous } from './backup-plan.ts';
import { Backups, type KeptBackup } from './backups.ts';
import { type DaemonUpdateDeps, takeDaemonStep } from './daemon-update.ts';
import { agentFailure, daemonFailure, interrupted, resultOf } from './failure.ts';
import { isDecided } from './handover/helper.ts';
import { type HandoverReport, nameOf } from './handover/judge.ts';
import { handoverFiles } from './handover-files.ts';
import { JournalFile } from './journal.ts';
import type { AgentJournal, DaemonJournal, Journal } from './journal-format.ts';
import {
  checkBefore,
  fetchPackage,
  type ObtainDeps,
  type PackageTarget,
  packagePath,
  type UpdateTasks,
  verifyFetched,
  verifyMsOf,
} from './obtain.ts';
import { OutcomeStore } from './outcome-store.ts';
import { acknowledged, deliveredUpTo, refusedVersion, undelivered, withResult } from './outcomes.ts';
import { oversee } from './oversee.ts';
import { currentRelease, installationOf, releaseFolder, switchTo } from './releases.ts';
import { checkRequest, checkVersion, isSameRequest } from './request.ts';
import { serviceControl } from './service-control.ts';
import { startHelper } from './start-helper.ts';
import { AGENT_STEPS, DAEMON_STEPS } from './steps.ts';
import { compareVersions, isSameVersion } from './versions.ts';

export interface UpdateLog {
  info(fields: object, message?: string): void;
  warn(fields: object, message?: string): void;
  error(fields: object, message?: string): void;
}

export interface UpdaterOptions {
  /** The running daemon's own. */
  version: string;
  /** Folder of the bundles. */
  bundles: string;
  configFile: string;
  /** `work_dir/updates`. */
  folder: string;
  config(): Pick<Config, 'update' | 'manager' | 'daemon'>;
  tasks: UpdateTasks;
  agents: UpdatableAgents & { list(): { id: string }[] };
  link(): HandoverReport['link'];
  clock: Clock;
  after(delayMs: number, name: string, run: () => void): () => void;
  log: UpdateLog;
  environment: NodeJS.ProcessEnv;
  /** There is a result that the Manager does not know yet. */
  onResult(): void;
}

export interface UpdateAnswer {
  id: string;
  /** `begun`: accepted just now; `under-way`: the same request is being carried out; `done`: it was carried out. */
  state: 'begun' | 'under-way' | 'done';
  message: string;
}

interface UnderWay {
  request: UpdateRequest | null;
  progress: UpdateProgress;
  done: Promise<void>;
}

const OUTCOMES = 'outcomes.json';
/** Rejections of this kind are the end of the daemon, not of the update: the next start goes on. */
class DaemonEnds extends Error {}

export class Updater {
  readonly #options: UpdaterOptions;
  readonly #outcomes: OutcomeStore;
  readonly #backups: Backups;
  readonly #underWay = new Map<string, UnderWay>();
  /** Components whose request is being looked at: the next one waits, and then joins it. */
  readonly #looking = new Map<string, Promise<unknown>>();
  readonly #abort = new AbortController();

  constructor(options: UpdaterOptions) {
    this.#options = options;
    const { folder, clock, log, tasks } = options;
    this.#outcomes = new OutcomeStore(join(folder, OUTCOMES), clock.wallMs(), (reason, path) =>
      log.error(
        { event: 'update-outcomes', err: reason, path },
        `the outcomes of updates were unreadable, now ${path}`,
      ),
    );
    this.#backups = new Backups(tasks, () => options.config().update.backupDir);
  }

  /** Takes up what an earlier daemon left in the middle; settles when all of that is under way or over. */
  async resume(): Promise<void> {
    for (const name of await readdir(this.#options.folder)) {
      if (!/^(daemon|agent-.+)\.json$/.test(name)) continue;
      const file = new JournalFile(join(this.#options.folder, name));
      try {
        const journal = await file.read();
        if (journal) this.#begin(name.slice(0, -5), null, journal, () => this.#resumed(journal, file));
      } catch (err) {
        const path = await file.setAside(this.#options.clock.wallMs());
        this.#options.log.error({ event: 'update-journal', err, path }, `a journal was unreadable, now ${path}`);
      }
    }
  }

  /** Throws D4002 where it is refused, D4003 where another update of the component is under way. */
  request(asked: UpdateRequest): Promise<UpdateAnswer> {
    return this.#inTurn(asked.component, asked.agentId, async () => {
      const request = checkRequest(asked);
      const present = this.#present(request);
      if (present) return present;
      return request.component === 'agent' ? this.#requestAgent(request) : this.#requestDaemon(request);
    });
  }

  /** Back to a backup: the newest of another version than the running one, or the one of that name. */
  rollback(component: UpdateRequest['component'], agentId: string, name: string): Promise<UpdateAnswer> {
    return this.#inTurn(component, agentId, async () => {
      const key = componentName(component, agentId);
      if (this.#underWay.has(key)) throw new DaemonError('D4003', `an update of ${key} is under way`);
      const running = component === 'daemon' ? this.#options.version : await this.#runningVersion(agentId);
      const backup = await this.#chooseBackup(key, name, running);
      const { sha256 } = await this.#options.tasks.run('hashKept', { path: backup.path }, { deadlineMs: 600_000 });
      if (sha256 !== backup.sha256) {
        throw new DaemonError('D4004', `the backup ${backup.path} is no longer what was kept: its hash is another`);
      }
      const wanted = { agentId, version: backup.version };
      const facts = { oldVersion: running, package: backup.path, sha256: component === 'agent' ? sha256 : '' };
      if (component === 'agent') {
        const journal: AgentJournal = { ...(await this.#agentJournal(wanted, facts)), step: 'staging' };
        const temporary = journal.temporary.filter((path) => !path.startsWith(backup.path));
        return this.#carryOut(key, null, { ...journal, temporary });
      }
      const journal = await this.#daemonJournal(wanted, facts);
      return this.#carryOut(key, null, { ...journal, step: 'staging', temporary: [] });
    });
  }

  backups(component: UpdateRequest['component'], agentId: string): Promise<KeptBackup[]> {
    return this.#backups.list(componentName(component, agentId));
  }

  status(): UpdateStatus {
    const { results, refused } = this.#outcomes.present;
    return { underWay: [...this.#underWay.values()].map(({ progress }) => progress), results, refused };
  }

  /** Somebody has seen what was rolled back. */
  acknowledge(): Promise<void> {
    return this.#outcomes.change(acknowledged);
  }

  undelivered(): UpdateResult[] {
    return undelivered(this.#outcomes.present);
  }

  delivered(number: number): Promise<void> {
    return this.#outcomes.change((outcomes) => deliveredUpTo(outcomes, number));
  }

  /** Leaves every update where it is: the next start goes on with it. */
  async close(): Promise<void> {
    this.#abort.abort(new DaemonEnds('the daemon is ending'));
    await Promise.all([...this.#underWay.values()].map(({ done }) => done));
  }

  #inTurn<T>(component: string, agentId: string, work: () => Promise<T>): Promise<T> {
    const key = `${component} ${agentId}`;
    const before = this.#looking.get(key) ?? Promise.resolve();
    const done = before.then(work);
    const settled = done.then(
      () => {},
      () => {}, // whoever asked gets the error
    );
    this.#looking.set(key, settled);
    void settled.then(() => {
      if (this.#looking.get(key) === settled) this.#looking.delete(key);
    });
    return done;
  }

  /** The answer to a request that is being carried out, or was. */
  #present(request: UpdateRequest): UpdateAnswer | null {
    const key = componentName(request.component, request.agentId);
    const underWay = this.#underWay.get(key);
    if (underWay) {
      const { id, phase, percent, newVersion } = underWay.progress;
      const how = percent === null ? phase : `${phase} ${percent} %`;
      if (underWay.request && isSameRequest(underWay.request, request)) {
        return { id, state: 'under-way', message: `the update to ${newVersion} is under way: ${how}` };
      }
      throw new DaemonError('D4003', `an update of ${key} to ${newVersion} is under way (${how}): ask again after it`);
    }
    return null;
  }

  async #requestAgent(request: UpdateRequest): Promise<UpdateAnswer> {
    const { agentId, version } = request;
    const found = this.#options.agents.find(agentId);
    if (!found) throw new DaemonError('D4003', `there is no agent ${agentId}`);
    const running = await this.#runningVersion(agentId);
    const manifest = await this.#checkAll(request, running, { agentId, agentType: found.config.type });
    if (manifest === 'done') return alreadyThere(request);
    const journal = await this.#agentJournal(request, { oldVersion: running, package: '', sha256: request.sha256 });
    const path = packagePath(this.#options.config().update, journal.id);
    const whole = { ...journal, package: path, temporary: [path, `${path}.unpacked`, journal.staged, journal.former] };
    return this.#carryOut(componentName('agent', agentId), request, { ...whole, newVersion: version }, manifest);
  }

  async #requestDaemon(request: UpdateRequest): Promise<UpdateAnswer> {
    const running = this.#options.version;
    const manifest = await this.#checkAll(request, running, { agentId: '', agentType: null });
    if (manifest === 'done') return alreadyThere(request);
    const journal = await this.#daemonJournal(request, { oldVersion: running, package: '', sha256: request.sha256 });
    const path = packagePath(this.#options.config().update, journal.id);
    return this.#carryOut('daemon', request, { ...journal, package: path, temporary: [path] }, manifest);
  }

  /** Everything that can be refused before anything is fetched. */
  async #checkAll(
    request: UpdateRequest,
    running: string,
    target: PackageTarget,
  ): Promise<Awaited<ReturnType<typeof checkBefore>> | 'done'> {
    const { component, agentId, version } = request;
    const manifest = await checkBefore(request, target, this.#obtainDeps());
    // asked for again after it was done, as after a lost answer: it is done
    const last = this.#outcomes.present.results.findLast((r) => r.component === component && r.agentId === agentId);
    if (last?.success && last.newVersion === version && running !== '' && isSameVersion(running, version))
      return 'done';
    const refused = refusedVersion(this.#outcomes.present, component, agentId, version);
    if (refused && !request.retry) {
      const when = new Date(refused.atMs).toISOString();
      throw new DaemonError(
        'D4003',
        `version ${version} was rolled back on ${when} (${refused.reason}): say so to try it again`,
      );
    }
    const allowed = request.allowDowngrade || (manifest?.allowDowngrade ?? false);
    checkVersion(running, version, allowed, compareVersions(running, version));
    return manifest;
  }

  #obtainDeps(): ObtainDeps {
    const { update, manager } = this.#options.config();
    return { update, manager, tasks: this.#options.tasks, wallMs: () => this.#options.clock.wallMs() };
  }

  /** As the program in place says, else as its heartbeats do, else as the last update left it; empty where nobody knows. */
  async #runningVersion(agentId: string): Promise<string> {
    const { agents } = this.#options;
    const found = agents.find(agentId);
    if (!found) throw new DaemonError('D4003', `there is no agent ${agentId}`);
    const asked = await agents.versionOf(agentId, found.config.binaryPath).catch(() => null); // one that does not run is to be replaced
    const last = this.#outcomes.present.results.findLast((result) => result.agentId === agentId && result.success);
    return asked || found.snapshot.version || (last?.newVersion ?? '');
  }

  async #chooseBackup(key: string, name: string, running: string): Promise<KeptBackup> {
    const backups = await this.#backups.list(key);
    const fits = (backup: KeptBackup): boolean =>
      name === '' ? backup.version === '' || !isSameVersion(backup.version, running) : basename(backup.path) === name;
    const chosen = backups.findLast(fits);
    if (chosen) return chosen;
    const known = backups.map(({ path }) => basename(path)).join(', ') || 'none';
    throw new DaemonError('D4004', `there is no such backup of ${key}; there are: ${known}`);
  }

  async #agentJournal(
    wanted: { agentId: string; version: string },
    facts: { oldVersion: string; package: string; sha256: string },
  ): Promise<AgentJournal> {
    const path = this.#options.agents.find(wanted.agentId)?.config.binaryPath ?? '';
    let target: string;
    try {
      target = await realpath(path); // a link stays: what it leads to is replaced
    } catch (cause) {
      throw new DaemonError('D4003', `the program ${path}, which is to be replaced, is not there`, { cause });
    }
    return agentJournal(wanted, { ...facts, id: newId(), startedMs: this.#options.clock.wallMs(), target });
  }

  async #daemonJournal(
    wanted: { version: string },
    facts: { oldVersion: string; package: string; sha256: string },
  ): Promise<DaemonJournal> {
    const { bundles, configFile, config, link, agents, clock } = this.#options;
    const installed = await installationOf(bundles);
    if (!installed || (await currentRelease(installed.root)) !== installed.release) {
      const where = dirname(bundles);
      throw new DaemonError(
        'D4003',
        `this daemon cannot replace itself: ${where} is not the release that current names`,
      );
    }
    const cgroup = readProcFile('/proc/self/cgroup') ?? '';
    const systemd = (await readdir('/run/systemd/system').catch(() => null)) !== null; // not there: no systemd
    const service = serviceControl({ systemd, cgroup, pid: process.pid, parentPid: process.ppid });
    if (!service) {
      throw new DaemonError('D4003', 'this daemon is process 1 of its container: update the image instead');
    }
    const { update, manager, daemon } = config();
    const { root, release } = installed;
    const running = agents.list().flatMap(({ id }) => {
      const process = agents.find(id)?.process;
      return process ? [{ id, process }] : [];
    });
    return {
      format: 1,
      kind: 'daemon',
      step: 'accepted',
      id: newId(),
      startedMs: clock.wallMs(),
      ...facts,
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
      service,
      agents: running,
      linked: link().connected,
      manager: { address: manager.address, timeoutMs: manager.timeoutMs, tls: manager.tls },
      verifyTimeoutMs: update.verifyTimeoutMs,
      verifyMs: verifyMsOf(update),
      helper: null,
      helpers: 0,
    };
  }

  async #carryOut(
    key: string,
    request: UpdateRequest | null,
    journal: Journal,
    manifest: Awaited<ReturnType<typeof checkBefore>> = null,
  ): Promise<UpdateAnswer> {
    const { folder, log } = this.#options;
    await mkdir(folder, { recursive: true, mode: 0o750 });
    const file = new JournalFile(join(folder, `${key}.json`));
    const { id, oldVersion, newVersion } = journal;
    await file.write(journal);
    log.info(
      { event: 'update-accepted', updateId: id, component: key, oldVersion, newVersion },
      `update of ${key} to ${newVersion}`,
    );
    this.#begin(key, request, journal, () => this.#run(journal, file, request && { request, manifest }));
    return { id, state: 'begun', message: `the update of ${key} to ${newVersion} has begun` };
  }

  #begin(key: string, request: UpdateRequest | null, journal: Journal, work: () => Promise<Journal>): void {
    const { id, oldVersion, newVersion } = journal;
    const progress: UpdateProgress = {
      ...{ id, oldVersion, newVersion },
      component: journal.kind,
      agentId: journal.kind === 'agent' ? journal.agentId : '',
      phase: phaseOf(journal),
      percent: null,
      sinceMs: this.#options.clock.wallMs(),
    };
    const underWay: UnderWay = { request, progress, done: Promise.resolve() };
    this.#underWay.set(key, underWay);
    underWay.done = work()
      .then((decided) => this.#finish(key, decided))
      .catch((err: unknown) => {
        if (this.#abort.signal.aborted) return; // the next start goes on
        this.#options.log.error(
          { event: 'update-stuck', updateId: id, component: key, err },
          `update of ${key}: ${describe(err)}`,
        );
      })
      .finally(() => this.#underWay.delete(key));
  }

  /** What an earlier daemon left: gone on with, undone, or only noted. */
  #resumed(journal: Journal, file: JournalFile): Promise<Journal> {
    const { log } = this.#options;
    log.warn(
      { event: 'update-resumed', updateId: journal.id, step: journal.step },
      `an update was left at ${journal.step}`,
    );
    if (journal.kind === 'agent') {
      const undone = AGENT_STEPS[journal.step].resume;
      return this.#run(undone === 'go-on' || undone === 'finish' ? journal : interrupted(journal), file, null);
    }
    const fetching =
      DAEMON_STEPS[journal.step].resume === 'abandon' && journal.step !== 'handing-over' && journal.step !== 'watching';
    return this.#run(
      fetching ? daemonFailure(journal, new DaemonError('D4003', 'the daemon ended before it was over')) : journal,
      file,
      null,
    );
  }

  async #run(
    begun: Journal,
    file: JournalFile,
    asked: { request: UpdateRequest; manifest: Awaited<ReturnType<typeof checkBefore>> } | null,
  ): Promise<Journal> {
    let journal = begun;
    while (!isOver(journal)) {
      if (journal.kind === 'daemon' && !isDaemonsOwn(journal)) return this.#oversee(file);
      this.#signalled();
      this.#progress(journal, null);
      const deps = this.#stepDeps(journal, asked);
      try {
        await this.#write(journal, file);
        journal =
          journal.kind === 'agent'
            ? await takeAgentStep(journal, deps)
            : await takeDaemonStep(journal, this.#daemonDeps(deps, file));
      } catch (error) {
        this.#signalled();
        journal = journal.kind === 'agent' ? agentFailure(journal, error) : daemonFailure(journal, error);
        const { failure, id } = journal;
        this.#options.log.error(
          { event: 'update-failed', updateId: id, code: failure?.code, err: error },
          failure?.error,
        );
      }
    }
    await this.#write(journal, file);
    return journal;
  }

  /**
   * A step that cannot be journalled is not taken, but for the way back and the end: what the file says then leads to
   * the same end, and going back must not wait for a full disk.
   */
  async #write(journal: Journal, file: JournalFile): Promise<void> {
    try {
      await file.write(journal);
    } catch (err) {
      if (phaseOf(journal) !== 'rolling-back' && !isOver(journal)) throw err;
      this.#options.log.warn(
        { event: 'update-journal', updateId: journal.id, step: journal.step, err },
        'a step could not be journalled',
      );
    }
  }

  /** Rejects once the daemon ends. */
  #signalled(): void {
    this.#abort.signal.throwIfAborted();
  }

  #stepDeps(
    journal: Journal,
    asked: { request: UpdateRequest; manifest: Awaited<ReturnType<typeof checkBefore>> } | null,
  ): AgentUpdateDeps {
    const { agents, tasks, clock, config } = this.#options;
    const { signal } = this.#abort;
    const deps = this.#obtainDeps();
    const onProgress = ({ done, total }: { done: number; total: number | null }): void =>
      this.#progress(journal, total ? Math.min(100, Math.floor((100 * done) / total)) : null);
    const options = { signal, onProgress };
    const path = journal.package;
    const obtain = asked && {
      fetch: () => fetchPackage(asked.request, asked.manifest, path, deps, options),
      verify: () => verifyFetched(path, asked.request, asked.manifest, deps, options),
    };
    const backups = this.#backups;
    return { agents, tasks, clock, signal, backups, obtain, update: config().update, wait: (ms) => this.#wait(ms) };
  }

  #daemonDeps(deps: AgentUpdateDeps, journalFile: JournalFile): DaemonUpdateDeps {
    const { configFile, bundles, folder, environment } = this.#options;
    const start = { bundles, folder, environment };
    return { ...deps, configFile, files: handoverFiles(folder), journalFile, start };
  }

  /** From the helper's first step to its last. */
  #oversee(journalFile: JournalFile): Promise<Journal> {
    const { folder, bundles, environment, version, agents, link } = this.#options;
    return oversee({
      journalFile,
      files: handoverFiles(folder),
      version,
      report: () => ({
        process: ownName(),
        version,
        link: link(),
        agents: agents.list().map(({ id }) => ({ id, process: agents.find(id)?.process ?? null })),
      }),
      startHelper: (journal) => startHelper(journal, { bundles, folder, environment }),
      wait: (ms) => this.#wait(ms),
      nowMs: () => Number(process.hrtime.bigint() / 1_000_000n),
      onStep: (journal) => this.#progress(journal, null),
    });
  }

  #progress(journal: Journal, percent: number | null): void {
    const underWay = this.#underWay.get(componentName(journal.kind, journal.kind === 'agent' ? journal.agentId : ''));
    if (!underWay) return;
    const phase = phaseOf(journal);
    const { clock, log } = this.#options;
    if (phase !== underWay.progress.phase) {
      const { id, newVersion } = journal;
      log.info(
        { event: 'update-phase', updateId: id, phase, step: journal.step, newVersion },
        `update to ${newVersion}: ${phase}`,
      );
      underWay.progress = { ...underWay.progress, phase, percent, sinceMs: clock.wallMs() };
    } else {
      underWay.progress = { ...underWay.progress, percent };
    }
  }

  /** Notes the outcome, once, and clears up. The journal goes last. */
  async #finish(key: string, journal: Journal): Promise<void> {
    const { clock, log, folder, onResult, config, version } = this.#options;
    const result = resultOf(journal, clock.wallMs());
    await this.#outcomes.change((outcomes) => withResult(outcomes, result));
    for (const path of journal.temporary) await rm(path, { recursive: true, force: true });
    if (journal.kind === 'daemon') {
      // nobody watched to the end: the link names what runs all the same
      if (journal.step !== 'committed' && isSameVersion(version, journal.oldVersion)) {
        await switchTo(journal.root, journal.oldRelease);
      }
      const { go, report } = handoverFiles(folder);
      for (const path of [go, report]) await rm(path, { force: true });
      await this.#pruneReleases(journal);
    }
    await this.#backups.prune(key, config().update.maxBackups);
    await new JournalFile(join(folder, `${key}.json`)).remove();
    const { success, oldVersion, newVersion, error, code, rolledBack } = result;
    const fields = {
      event: 'update-result',
      updateId: journal.id,
      component: key,
      success,
      oldVersion,
      newVersion,
      rolledBack,
    };
    if (success) log.info(fields, `${key} is version ${newVersion}`);
    else log.error({ ...fields, code, error }, `the update of ${key} to ${newVersion} failed: ${error}`);
    onResult();
  }

  /** The releases of `max_backups` updates are kept, the one in use in any case; one that did not last goes. */
  async #pruneReleases({ root, oldRelease, newRelease, step }: DaemonJournal): Promise<void> {
    const current = await currentRelease(root);
    const kept = new Set([current, step === 'committed' ? oldRelease : null]);
    const others = (await readdir(join(root, 'releases'))).filter((name) => !kept.has(name) && !name.startsWith('.'));
    const sorted = others.sort((a, b) => compareVersions(a, b) ?? 0).map((name) => ({ name, good: false }));
    const gone = superfluous(sorted, this.#options.config().update.maxBackups).map(({ name }) => name);
    if (step !== 'committed' && current !== newRelease) gone.push(newRelease);
    for (const name of gone) await rm(releaseFolder(root, name), { recursive: true, force: true });
  }

  #wait(delayMs: number): Promise<void> {
    const { signal } = this.#abort;
    return new Promise((resolve, reject) => {
      const onAbort = (): void => {
        cancel();
        reject(signal.reason);
      };
      const cancel = this.#options.after(delayMs, 'update', () => {
        signal.removeEventListener('abort', onAbort);
        resolve();
      });
      signal.addEventListener('abort', onAbort, { once: true });
      if (signal.aborted) onAbort();
    });
  }
}

function alreadyThere({ version }: UpdateRequest): UpdateAnswer {
  return { id: '', state: 'done', message: `version ${version} is in place` };
}

function newId(): string {
  return randomBytes(8).toString('hex');
}

function ownName(): DaemonJournal['daemon'] {
  return { pid: process.pid, startTicks: readStat(process.pid)?.startTicks ?? 0, bootId: readBootId() };
}

function phaseOf(journal: Journal): UpdateProgress['phase'] {
  return journal.kind === 'agent' ? AGENT_STEPS[journal.step].phase : DAEMON_STEPS[journal.step].phase;
}

function isOver(journal: Journal): boolean {
  return journal.kind === 'agent' ? AGENT_STEPS[journal.step].resume === 'finish' : isDecided(journal);
}

/** Whether the daemon takes the step, and not the helper. A hand-over found at the start is overseen from there on. */
function isDaemonsOwn({ step, helper, daemon }: DaemonJournal): boolean {
  if (DAEMON_STEPS[step].resume !== 'abandon' || step === 'watching') return false;
  return step !== 'handing-over' || (helper === null && nameOf(daemon) === nameOf(ownName()));
}
