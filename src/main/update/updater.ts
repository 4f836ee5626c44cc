/**
 * Updates of agents and of the daemon: takes requests, one at a time for a component, carries their steps out with a
 * journal before each, finishes or undoes what a crash has cut short, and keeps the outcomes. Loaded with the first
 * request, or where something was left to finish.
 */
import { mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Config } from '../../shared/config/schema.ts';
import {
  INLINE_PREFIX,
  type UpdatePhase,
  type UpdateProgress,
  type UpdateRequest,
  type UpdateResult,
  type UpdateStatus,
} from '../../shared/contracts/update.ts';
import { DaemonError, describe } from '../../shared/errors/daemon-error.ts';
import type { Clock } from '../../shared/platform/clock.ts';
import { Admissions } from './admission.ts';
import type { UpdatableAgents } from './agent-update.ts';
import { componentName } from './backup-plan.ts';
import { Backups, type KeptBackup } from './backups.ts';
import { clearUp } from './clear-up.ts';
import { resultOf, wasTried } from './failure.ts';
import { isJournalName, OUTCOMES_NAME } from './file-names.ts';
import type { HandoverReport } from './handover/judge.ts';
import { JournalFile } from './journal.ts';
import { type Journal, keyOf } from './journal-format.ts';
import type { UpdateTasks } from './obtain.ts';
import { OutcomeStore } from './outcome-store.ts';
import { acknowledged, deliveredUpTo, undelivered, withResult } from './outcomes.ts';
import { checkRequest, isSameRequest } from './request.ts';
import { type Asked, phaseOf, UpdateRun } from './update-run.ts';

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
  /** `address`: of the Manager that it is, or was last, connected to. */
  link(): HandoverReport['link'] & { address?: string };
  clock: Clock;
  after(delayMs: number, name: string, run: () => void): () => void;
  log: UpdateLog;
  environment: NodeJS.ProcessEnv;
  onBegun(begun: Omit<UpdateProgress, 'phase' | 'percent' | 'sinceMs'>): void;
  /** There is a result that the Manager does not know yet. */
  onResult(result: Omit<UpdateResult, 'number'>): void;
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
  /** Its outcome is known. */
  decided: boolean;
  done: Promise<void>;
}

const RETRY_MS = 10_000;
/** Rejections of this kind are the end of the daemon, not of the update: the next start goes on. */
class DaemonEnds extends Error {}

export class Updater {
  readonly #options: UpdaterOptions;
  readonly #outcomes: OutcomeStore;
  readonly #backups: Backups;
  readonly #admissions: Admissions;
  readonly #running: UpdateRun;
  readonly #underWay = new Map<string, UnderWay>();
  /** Programs that are being replaced, and by whose update. */
  readonly #targets = new Map<string, string>();
  /** Components whose request is being looked at: the next one waits, and then joins it. */
  readonly #looking = new Map<string, Promise<unknown>>();
  readonly #abort = new AbortController();

  constructor(options: UpdaterOptions) {
    this.#options = options;
    const { folder, clock, log, tasks } = options;
    this.#outcomes = new OutcomeStore(join(folder, OUTCOMES_NAME), clock.wallMs(), (reason, path) =>
      log.error(
        { event: 'update-outcomes', err: reason, path },
        `the outcomes of updates were unreadable, now ${path}`,
      ),
    );
    this.#backups = new Backups(tasks, () => options.config().update.backupDir);
    this.#running = new UpdateRun({
      options,
      backups: this.#backups,
      signal: this.#abort.signal,
      agentsUnderWay: () => [...this.#underWay.values()].some(({ progress }) => progress.component === 'agent'),
      onStep: (journal, percent) => this.#progress(journal, percent),
    });
    this.#admissions = new Admissions({ options, outcomes: () => this.#outcomes.present, backups: this.#backups });
  }

  /** Takes up what an earlier daemon left in the middle; settles when all of that is under way or over. */
  async resume(): Promise<void> {
    await this.#removeInline();
    for (const name of await readdir(this.#options.folder)) {
      if (!isJournalName(name)) continue;
      const file = new JournalFile(join(this.#options.folder, name));
      try {
        const journal = await file.read();
        if (!journal) continue;
        if (journal.kind === 'agent') this.#targets.set(journal.target, name.slice(0, -5));
        this.#begin(name.slice(0, -5), null, journal, file, () => this.#running.resume(journal, file));
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
      await this.#finished(request.component, request.agentId);
      const present = this.#present(request);
      if (present) return present;
      this.#requireNoHandover(request.component);
      const admission =
        request.component === 'agent' ? await this.#admissions.agent(request) : await this.#admissions.daemon(request);
      if (admission.kind === 'done')
        return { id: '', state: 'done', message: `version ${request.version} is in place` };
      const { journal, manifest } = admission;
      return this.#carryOut(journal, { request, manifest });
    });
  }

  /** Back to a backup: the newest of another version than the running one, or the one of that name. */
  rollback(component: UpdateRequest['component'], agentId: string, name: string): Promise<UpdateAnswer> {
    return this.#inTurn(component, agentId, async () => {
      const key = componentName(component, agentId);
      await this.#finished(component, agentId);
      if (this.#underWay.has(key)) throw new DaemonError('D4003', `an update of ${key} is under way`);
      this.#requireNoHandover(component);
      return this.#carryOut(await this.#admissions.rollback(component, agentId, name), null);
    });
  }

  backups(component: UpdateRequest['component'], agentId: string): Promise<KeptBackup[]> {
    return this.#backups.list(component, agentId);
  }

  status(): UpdateStatus {
    const { results, refused } = this.#outcomes.present;
    return { underWay: [...this.#underWay.values()].map(({ progress }) => progress), results, refused };
  }

  /** Whether the agent is being stopped, replaced or watched now, so that nobody else may act on it. */
  isApplying(agentId: string): boolean {
    const phase = this.#underWay.get(componentName('agent', agentId))?.progress.phase;
    return phase !== undefined && isActing(phase);
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

  /** Packages that came inline to an earlier daemon, and whose request was cut short before it was accepted. */
  async #removeInline(): Promise<void> {
    const { downloadDir } = this.#options.config().update;
    for (const name of await readdir(downloadDir).catch(() => [])) {
      if (name.startsWith(INLINE_PREFIX) && !name.startsWith(`${INLINE_PREFIX}${process.pid}-`))
        await rm(join(downloadDir, name), { force: true });
    }
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

  /** An agent that is being replaced when the daemon is would be left in the middle. Throws D4003. */
  #requireNoHandover(component: UpdateRequest['component']): void {
    const phase = this.#underWay.get('daemon')?.progress.phase;
    if (component !== 'agent' || phase === undefined) return;
    if (phase !== 'backing-up' && !isActing(phase)) return;
    throw new DaemonError('D4003', 'the daemon itself is being replaced: ask again after it');
  }

  /** One whose outcome is known already is only cleared up after: that is waited for. */
  async #finished(component: UpdateRequest['component'], agentId: string): Promise<void> {
    const underWay = this.#underWay.get(componentName(component, agentId));
    if (underWay?.decided) await underWay.done;
  }

  /** The answer to a request that is being carried out; null: nothing is. Throws D4003 where it is another one. */
  #present(request: UpdateRequest): UpdateAnswer | null {
    const key = componentName(request.component, request.agentId);
    const underWay = this.#underWay.get(key);
    if (!underWay) return null;
    const { id, phase, percent, newVersion } = underWay.progress;
    const how = percent === null ? phase : `${phase} ${percent} %`;
    if (underWay.request && isSameRequest(underWay.request, request)) {
      return { id, state: 'under-way', message: `the update to ${newVersion} is under way: ${how}` };
    }
    throw new DaemonError('D4003', `an update of ${key} to ${newVersion} is under way (${how}): ask again after it`);
  }

  async #carryOut(journal: Journal, asked: Asked | null): Promise<UpdateAnswer> {
    const { folder, log } = this.#options;
    const { id, oldVersion, newVersion } = journal;
    const key = keyOf(journal);
    const file = new JournalFile(join(folder, `${key}.json`));
    this.#reserve(journal);
    try {
      await mkdir(folder, { recursive: true, mode: 0o750 });
      await file.write(journal);
    } catch (error) {
      this.#release(journal);
      throw error;
    }
    const fields = { event: 'update-accepted', updateId: id, component: key, oldVersion, newVersion };
    log.info(fields, `update of ${key} to ${newVersion}`);
    const agentId = journal.kind === 'agent' ? journal.agentId : '';
    this.#options.onBegun({ id, component: journal.kind, agentId, oldVersion, newVersion });
    this.#begin(key, asked?.request ?? null, journal, file, () => this.#running.run(journal, file, asked));
    return { id, state: 'begun', message: `the update of ${key} to ${newVersion} has begun` };
  }

  /** Several agents may share a program: one update at a time for it too. Throws D4003. */
  #reserve(journal: Journal): void {
    if (journal.kind !== 'agent') return;
    const by = this.#targets.get(journal.target);
    if (by !== undefined)
      throw new DaemonError('D4003', `${journal.target} is being replaced by the update of ${by}: ask again after it`);
    this.#targets.set(journal.target, keyOf(journal));
  }

  #release(journal: Journal): void {
    if (journal.kind === 'agent') this.#targets.delete(journal.target);
  }

  /** Until its outcome is noted: what is under way is not forgotten for a full disk. */
  async #toTheEnd(underWay: UnderWay, key: string, file: JournalFile, work: () => Promise<Journal>): Promise<void> {
    for (let attempt = work; ; ) {
      try {
        const decided = await attempt();
        underWay.decided = true;
        return await this.#finish(key, decided);
      } catch (err) {
        this.#abort.signal.throwIfAborted();
        underWay.decided = false; // nobody is to wait for it: it may take long
        const fields = { event: 'update-stuck', updateId: underWay.progress.id, component: key, err };
        this.#options.log.error(fields, `update of ${key}: ${describe(err)}; trying again`);
        await this.#running.wait(RETRY_MS);
        const left = await file.read();
        if (!left) return;
        attempt = () => this.#running.resume(left, file);
      }
    }
  }

  #begin(
    key: string,
    request: UpdateRequest | null,
    journal: Journal,
    file: JournalFile,
    work: () => Promise<Journal>,
  ): void {
    const { id, oldVersion, newVersion } = journal;
    const progress: UpdateProgress = {
      ...{ id, oldVersion, newVersion },
      component: journal.kind,
      agentId: journal.kind === 'agent' ? journal.agentId : '',
      phase: phaseOf(journal),
      percent: null,
      sinceMs: this.#options.clock.wallMs(),
    };
    const underWay: UnderWay = { request, progress, decided: false, done: Promise.resolve() };
    this.#underWay.set(key, underWay);
    underWay.done = this.#toTheEnd(underWay, key, file, work)
      .catch(() => {}) // the daemon ends: the next start goes on
      .finally(() => {
        this.#release(journal);
        this.#underWay.delete(key);
      });
  }

  #progress(journal: Journal, percent: number | null): void {
    const underWay = this.#underWay.get(keyOf(journal));
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
    const refuse = wasTried(journal) && journal.failure?.interrupted !== true;
    await this.#outcomes.change((outcomes) => withResult(outcomes, result, refuse));
    const { maxBackups } = config().update;
    await clearUp(journal, { version, folder, maxBackups, backups: this.#backups });
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
    onResult(result);
  }
}

/** What is in place is being changed, or on trial. */
function isActing(phase: UpdatePhase): boolean {
  return phase === 'applying' || phase === 'proving' || phase === 'rolling-back';
}
