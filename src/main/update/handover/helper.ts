/**
 * The hand-over from one version of the daemon to another, run by a process of its own that outlives both: switches,
 * restarts, watches, and goes back where the new version does not prove itself. Each step is journalled before it is
 * taken, so that another helper can go on from there. What became of it is noted by the daemon that runs in the end.
 */
import { readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { describe } from '../../../shared/errors/daemon-error.ts';
import { unlessAbsent } from '../../../shared/platform/files.ts';
import type { HandoverFiles } from '../handover-files.ts';
import type { JournalFile } from '../journal.ts';
import type { DaemonJournal, ProcessName } from '../journal-format.ts';
import { beginTrial, endTrial } from '../releases.ts';
import { DAEMON_STEPS, isDecided, isHelpers } from '../steps.ts';
import { HANDOVER_HOST, type HandoverHost } from './handover-host.ts';
import { type HandoverReport, isVersionOf, judgeHandover, nameOf, openHandover } from './judge.ts';
import type { ServiceOptions } from './service.ts';

export interface HelperOptions {
  files: HandoverFiles;
  journal: JournalFile;
  self: ProcessName;
  wait(ms: number): Promise<void>;
  /** Milliseconds of the system's monotonic clock. */
  nowMs(): number;
  say(text: string): void;
  host?: HandoverHost;
}

/** How long the daemon may take to see that it is being watched. */
const GO_MS = 15_000;
const POLL_MS = 250;
/** How often the Manager is asked while the daemon is not connected to it. */
const PROBE_EVERY_MS = 2000;
const PROBE_MS = 5000;
/** How long the old version may take to be there again, before it is started once more. */
const OLD_MS = 60_000;
const OLD_TRIES = 3;
/** What could not be done on the way back, or to note that all is well, is tried again so often, for so long. */
const AGAIN_MS = 1000;
const AGAIN_FOR_MS = 10 * 60_000;

export class HandoverHelper {
  readonly #options: HelperOptions;
  readonly #host: HandoverHost;

  constructor(options: HelperOptions) {
    this.#options = options;
    this.#host = options.host ?? HANDOVER_HOST;
  }

  /** Settles when the outcome is journalled, or where there is nothing to hand over. */
  async run(): Promise<void> {
    let journal = await this.#read();
    // one that was late in starting finds the update over, or the daemon at the next one
    if (!journal || !isHelpers(journal)) return;
    journal = { ...journal, helper: this.#options.self };
    if (journal.step === 'handing-over') journal = { ...journal, step: 'watching' };
    while (await this.#isOpen(journal)) {
      this.#options.say(journal.step);
      const problem = await this.#write(journal);
      if (problem) journal = problem;
      else if (isDecided(journal)) return;
      else journal = await this.#take(journal);
    }
  }

  /** The daemon may have given it up meanwhile, and begun another. */
  async #isOpen({ id }: DaemonJournal): Promise<boolean> {
    const present = await this.#read();
    return present !== null && present.id === id && isHelpers(present);
  }

  /** Null once the step may be taken. A full disk must neither keep a bad version nor lose a good one. */
  async #write(journal: DaemonJournal): Promise<DaemonJournal | null> {
    const { phase, resume } = DAEMON_STEPS[journal.step];
    const write = (): Promise<void> => this.#options.journal.write(journal);
    try {
      if (resume === 'finish') await this.#again(write, 'the outcome could not be journalled');
      else await write();
    } catch (error) {
      // what is journalled leads to the same end
      if (phase === 'rolling-back' && resume !== 'finish') this.#options.say(describe(error));
      else if (journal.step === 'restarting' || journal.step === 'proving')
        return failed(
          journal,
          'switching-back',
          'D4003',
          `${journal.step} could not be journalled: ${describe(error)}`,
        );
      else throw error;
    }
    return null;
  }

  async #again(work: () => Promise<void>, what: string): Promise<void> {
    const { nowMs, wait, say } = this.#options;
    const until = nowMs() + AGAIN_FOR_MS;
    for (let told = ''; ; await wait(AGAIN_MS)) {
      try {
        return await work();
      } catch (error) {
        if (nowMs() >= until) throw error;
        const text = `${what}: ${describe(error)}`;
        if (text !== told) say(text);
        told = text;
      }
    }
  }

  async #take(journal: DaemonJournal): Promise<DaemonJournal> {
    const { root, oldRelease, newRelease } = journal;
    switch (journal.step) {
      case 'watching':
        return this.#awaitGo(journal);
      case 'switching':
        try {
          await beginTrial(root, newRelease, oldRelease, dirname(this.#options.files.journal));
          await this.#host.switchTo(root, newRelease);
        } catch (error) {
          return failed(journal, 'switching-back', 'D4003', describe(error));
        }
        return { ...journal, step: 'restarting' };
      case 'restarting':
        return this.#restart(journal);
      case 'proving':
        return this.#prove(journal);
      case 'switching-back':
        await this.#again(async () => {
          await this.#host.switchTo(root, oldRelease);
          await endTrial(root);
        }, 'it could not be switched back');
        return { ...journal, step: 'restarting-old' };
      case 'restarting-old':
        return this.#restartOld(journal);
      default:
        throw new Error(`step ${journal.step} is not the helper's`);
    }
  }

  /** Nothing is switched before the daemon has seen that somebody watches. */
  async #awaitGo(journal: DaemonJournal): Promise<DaemonJournal> {
    const { nowMs, wait, files } = this.#options;
    const until = nowMs() + GO_MS;
    while (nowMs() < until && this.#host.isRunning(journal.daemon) && (await this.#isOpen(journal))) {
      if ((await unlessAbsent(readFile(files.go, 'utf8'), null)) === journal.id)
        return { ...journal, step: 'switching' };
      await wait(POLL_MS);
    }
    return failed(journal, 'abandoned', 'D4003', 'the daemon ended, or did not confirm that it is being watched');
  }

  async #restart(journal: DaemonJournal): Promise<DaemonJournal> {
    const next: DaemonJournal = { ...journal, step: 'proving' };
    // another helper may have been cut short after it had restarted the daemon
    const report = await this.#report(journal);
    if (report && isVersionOf(report.version, journal.newVersion, journal.oldVersion)) return next;
    // not the one of the request where that has ended meanwhile: an old version that is still ending is no going back
    const replaced = this.#host.daemon(journal) ?? journal.daemon;
    try {
      await this.#restartService(journal, true);
    } catch (error) {
      return failed(journal, 'switching-back', 'D4003', `the service could not be restarted: ${describe(error)}`);
    }
    return { ...next, daemon: replaced };
  }

  async #prove(journal: DaemonJournal): Promise<DaemonJournal> {
    const { nowMs, wait, say } = this.#options;
    let memory = openHandover(nowMs());
    let answers: boolean | null = null;
    let askedMs = Number.NEGATIVE_INFINITY;
    let asking = false;
    const ask = async (): Promise<void> => {
      const { address, tls, timeoutMs } = journal.manager;
      asking = true;
      askedMs = nowMs();
      answers = await this.#host.managerAnswers(address, tls, Math.min(PROBE_MS, timeoutMs));
      asking = false;
    };
    const lastResort = this.#host.lastResort(journal, this.#service());
    for (let told = ''; ; await wait(POLL_MS)) {
      const daemon = this.#host.daemon(journal);
      lastResort.look(daemon);
      const report = await this.#report(journal);
      // not waited for: the report would be old by the time of an answer. It never rejects.
      if (report && !report.link.connected && !asking && nowMs() - askedMs >= PROBE_EVERY_MS) void ask();
      const livingAgents = journal.agents.filter(({ process }) => this.#host.isRunning(process));
      const facts = { nowMs: nowMs(), daemon, report, livingAgents, managerAnswers: answers };
      const verdict = judgeHandover(memory, facts, journal);
      if (verdict.kind === 'proven') {
        await this.#again(() => endTrial(journal.root), 'the trial could not be ended');
        return { ...journal, step: 'committed' };
      }
      if (verdict.kind === 'failed') {
        const error = `version ${journal.newVersion} of the daemon is no good: ${verdict.reason}`;
        return failed(journal, 'switching-back', 'D4003', error);
      }
      memory = verdict.memory;
      if (memory.missing !== told) say(`waiting: ${memory.missing}`);
      told = memory.missing;
    }
  }

  async #restartOld(journal: DaemonJournal): Promise<DaemonJournal> {
    const { nowMs, wait, say } = this.#options;
    let problem = 'it does not come up';
    for (let attempt = 0; attempt < OLD_TRIES; attempt++) {
      // it may be the old version that runs: where the restart itself failed, or another helper was cut short here
      if (!(await this.#runsOld(journal))) {
        try {
          await this.#restartService(journal, false);
        } catch (error) {
          problem = describe(error);
        }
      }
      const lastResort = this.#host.lastResort(journal, this.#service());
      const until = nowMs() + OLD_MS;
      while (nowMs() < until) {
        lastResort.look(this.#host.daemon(journal));
        if (await this.#runsOld(journal)) return { ...journal, step: 'rolled-back' };
        await wait(POLL_MS);
      }
      say(`version ${journal.oldVersion} is not there yet: ${problem}`);
    }
    const error = `${journal.failure?.error ?? ''}; version ${journal.oldVersion} was put back, but ${problem}`;
    return failed(journal, 'rolled-back', 'D4004', error);
  }

  async #runsOld(journal: DaemonJournal): Promise<boolean> {
    const report = await this.#report(journal);
    return report !== null && isVersionOf(report.version, journal.oldVersion, journal.newVersion);
  }

  #service(): ServiceOptions {
    const { wait, nowMs, say, files } = this.#options;
    return { wait, nowMs, say, logFile: files.log };
  }

  async #restartService(journal: DaemonJournal, graceful: boolean): Promise<void> {
    await this.#host.restart(journal, { ...this.#service(), daemon: this.#host.daemon(journal), graceful });
  }

  /** What the daemon that lives has said of itself. */
  async #report(journal: DaemonJournal): Promise<HandoverReport | null> {
    const daemon = this.#host.daemon(journal);
    const text = await unlessAbsent(readFile(this.#options.files.report, 'utf8'), null);
    if (!daemon || text === null) return null;
    let report: HandoverReport;
    try {
      report = JSON.parse(text);
    } catch {
      return null; // written whole, but not flushed: after a power cut it may be anything
    }
    return nameOf(report.process) === nameOf(daemon) ? report : null;
  }

  async #read(): Promise<DaemonJournal | null> {
    const journal = await this.#options.journal.read();
    return journal?.kind === 'daemon' ? journal : null;
  }
}

function failed(journal: DaemonJournal, step: DaemonJournal['step'], code: string, error: string): DaemonJournal {
  return { ...journal, step, failure: { code, error } };
}
