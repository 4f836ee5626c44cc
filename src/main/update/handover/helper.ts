/**
 * The hand-over from one version of the daemon to another, run by a process of its own that outlives both: switches,
 * restarts, watches, and goes back where the new version does not prove itself. Each step is journalled before it is
 * taken, so that another helper can go on from there. What became of it is noted by the daemon that runs in the end.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe } from '../../../shared/errors/daemon-error.ts';
import { isHeld } from '../../../shared/platform/pid-file.ts';
import { readBootId } from '../../../shared/platform/proc.ts';
import type { HandoverFiles } from '../handover-files.ts';
import type { JournalFile } from '../journal.ts';
import type { DaemonJournal, ProcessName } from '../journal-format.ts';
import { beginTrial, endTrial, releaseFolder, switchTo } from '../releases.ts';
import { DAEMON_STEPS } from '../steps.ts';
import { type HandoverReport, judgeHandover, nameOf, openHandover } from './judge.ts';
import { managerAnswers } from './manager-probe.ts';
import { daemonsOf, isRunning, LastResort, restartService, type ServiceOptions } from './service.ts';

export interface HelperOptions {
  files: HandoverFiles;
  journal: JournalFile;
  self: ProcessName;
  wait(ms: number): Promise<void>;
  /** Milliseconds of the system's monotonic clock. */
  nowMs(): number;
  say(text: string): void;
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

export function isDecided({ step }: Pick<DaemonJournal, 'step'>): boolean {
  return DAEMON_STEPS[step].resume === 'finish';
}

export class HandoverHelper {
  readonly #options: HelperOptions;

  constructor(options: HelperOptions) {
    this.#options = options;
  }

  /** Settles when the outcome is journalled. */
  async run(): Promise<void> {
    let journal = await this.#read();
    if (!journal || isDecided(journal)) return;
    journal = { ...journal, helper: this.#options.self };
    if (journal.step === 'handing-over') journal = { ...journal, step: 'watching' };
    for (;;) {
      // the daemon may have given it up meanwhile, and begun another
      if ((await this.#read())?.id !== journal.id) return;
      await this.#options.journal.write(journal);
      this.#options.say(journal.step);
      if (isDecided(journal)) return;
      journal = await this.#take(journal);
    }
  }

  async #take(journal: DaemonJournal): Promise<DaemonJournal> {
    const { root, oldRelease, newRelease } = journal;
    switch (journal.step) {
      case 'watching':
        return this.#awaitGo(journal);
      case 'switching':
        try {
          await beginTrial(root, newRelease, oldRelease);
          await switchTo(root, newRelease);
        } catch (error) {
          return failed(journal, 'switching-back', 'D4003', describe(error));
        }
        return { ...journal, step: 'restarting' };
      case 'restarting':
        return this.#restart(journal);
      case 'proving':
        return this.#prove(journal);
      case 'switching-back':
        await switchTo(root, oldRelease);
        await endTrial(root);
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
    while (nowMs() < until && isRunning(journal.daemon)) {
      if ((await textOf(files.go)) === journal.id) return { ...journal, step: 'switching' };
      await wait(POLL_MS);
    }
    return failed(journal, 'abandoned', 'D4003', 'the daemon ended, or did not confirm that it is being watched');
  }

  async #restart(journal: DaemonJournal): Promise<DaemonJournal> {
    const next: DaemonJournal = { ...journal, step: 'proving' };
    // another helper may have been cut short after it had restarted the daemon
    const report = await this.#report(journal);
    if (report?.version === journal.newVersion) return next;
    try {
      await this.#restartService(journal, true);
    } catch (error) {
      return failed(journal, 'switching-back', 'D4003', `the service could not be restarted: ${describe(error)}`);
    }
    return next;
  }

  async #prove(journal: DaemonJournal): Promise<DaemonJournal> {
    const { nowMs, wait, say } = this.#options;
    let memory = openHandover(nowMs());
    let answers: boolean | null = null;
    let askedMs = Number.NEGATIVE_INFINITY;
    const lastResort = new LastResort(journal, this.#service());
    for (let told = ''; ; await wait(POLL_MS)) {
      const daemon = await this.#daemon(journal);
      lastResort.look(daemon);
      const report = await this.#report(journal);
      if (report && !report.link.connected && nowMs() - askedMs >= PROBE_EVERY_MS) {
        const { address, tls, timeoutMs } = journal.manager;
        answers = await managerAnswers(address, tls, Math.min(PROBE_MS, timeoutMs));
        askedMs = nowMs();
      }
      const livingAgents = journal.agents.filter(({ process }) => isRunning(process));
      const facts = { nowMs: nowMs(), daemon, report, livingAgents, managerAnswers: answers };
      const verdict = judgeHandover(memory, facts, journal);
      if (verdict.kind === 'proven') {
        await endTrial(journal.root);
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
      if (!(await this.#runs(journal, journal.oldVersion))) {
        try {
          await this.#restartService(journal, false);
        } catch (error) {
          problem = describe(error);
        }
      }
      const lastResort = new LastResort(journal, this.#service());
      const until = nowMs() + OLD_MS;
      while (nowMs() < until) {
        lastResort.look(await this.#daemon(journal));
        if (await this.#runs(journal, journal.oldVersion)) return { ...journal, step: 'rolled-back' };
        await wait(POLL_MS);
      }
      say(`version ${journal.oldVersion} is not there yet: ${problem}`);
    }
    const error = `${journal.failure?.error ?? ''}; version ${journal.oldVersion} was put back, but ${problem}`;
    return failed(journal, 'rolled-back', 'D4004', error);
  }

  async #runs(journal: DaemonJournal, version: string): Promise<boolean> {
    return (await this.#report(journal))?.version === version;
  }

  #service(): ServiceOptions {
    const { wait, nowMs, say, files } = this.#options;
    return { wait, nowMs, say, logFile: files.log };
  }

  async #restartService(journal: DaemonJournal, graceful: boolean): Promise<void> {
    await restartService(journal, { ...this.#service(), daemon: await this.#daemon(journal), graceful });
  }

  /** The daemon that lives: by its pid file, or by what it runs where it has not come so far. */
  async #daemon({ pidFile, command, root, oldRelease, newRelease }: DaemonJournal): Promise<ProcessName | null> {
    const text = await textOf(pidFile);
    if (text !== null && isHeld(text)) return processIn(text);
    const bundles = [newRelease, oldRelease].map((release) => join(releaseFolder(root, release), 'lib', 'daemon.js'));
    return bundles.flatMap((bundle) => daemonsOf(bundle, command.at(-1) ?? ''))[0] ?? null;
  }

  /** What the daemon that lives has said of itself. */
  async #report(journal: DaemonJournal): Promise<HandoverReport | null> {
    const daemon = await this.#daemon(journal);
    const text = await textOf(this.#options.files.report);
    if (!daemon || text === null) return null;
    const report: HandoverReport = JSON.parse(text); // written whole, by a daemon
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

async function textOf(path: string): Promise<string | null> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null;
    throw error;
  }
}

/** `PID` and on the next line `START BOOT`, as pid files of the daemon have it. */
function processIn(text: string): ProcessName {
  const [pid = '', rest = ''] = text.split('\n');
  const [startTicks = '', bootId = ''] = rest.split(' ');
  return { pid: Number(pid), startTicks: Number(startTicks), bootId: bootId || readBootId() };
}
