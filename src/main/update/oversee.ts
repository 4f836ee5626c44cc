/**
 * The daemon's part of a hand-over, of the old version as of the new one: says twice a second how it is, and sees to it
 * that a helper watches until the outcome is journalled. What to do is decided by a pure function.
 */
import { rename, writeFile } from 'node:fs/promises';
import { isDecided } from './handover/helper.ts';
import type { HandoverReport } from './handover/judge.ts';
import { isRunning } from './handover/service.ts';
import type { HandoverFiles } from './handover-files.ts';
import type { JournalFile } from './journal.ts';
import type { DaemonJournal, ProcessName, UpdateFailure } from './journal-format.ts';
import { DAEMON_STEPS } from './steps.ts';
import { isSameVersion } from './versions.ts';

export interface OverseeDeps {
  journalFile: JournalFile;
  files: HandoverFiles;
  /** The version that runs here. */
  version: string;
  report(): Omit<HandoverReport, 'beatMs'>;
  startHelper(journal: DaemonJournal): Promise<void>;
  wait(delayMs: number): Promise<void>;
  /** Milliseconds of the system's monotonic clock. */
  nowMs(): number;
  onStep(journal: DaemonJournal): void;
}

export type OverseeDecision =
  | { kind: 'wait' }
  /** Nobody watches: another helper takes it up from where it is. */
  | { kind: 'start-helper' }
  /** Nobody is to watch any more; the outcome goes by what runs. */
  | { kind: 'settle'; step: 'committed' | 'abandoned' | 'rolled-back'; failure: UpdateFailure | null };

const POLL_MS = 500;
/** A helper that was started needs a moment to write its name. */
const HELPER_START_MS = 10_000;
const MAX_HELPERS = 3;

/** `watched`: the helper of the journal lives, or one was started just now. */
export function decideOversee(journal: DaemonJournal, watched: boolean, version: string): OverseeDecision {
  if (watched || isDecided(journal)) return { kind: 'wait' };
  const { step, helpers, newVersion } = journal;
  if (DAEMON_STEPS[step].resume === 'abandon') {
    const error = 'the daemon or the hand-over helper ended before the switch';
    return { kind: 'settle', step: 'abandoned', failure: { code: 'D4003', error } };
  }
  if (helpers < MAX_HELPERS) return { kind: 'start-helper' };
  const error = `the hand-over helper ended ${helpers + 1} times`;
  if (!isSameVersion(version, newVersion)) {
    return { kind: 'settle', step: 'rolled-back', failure: journal.failure ?? { code: 'D4003', error } };
  }
  if (step !== 'switching-back' && step !== 'restarting-old')
    return { kind: 'settle', step: 'committed', failure: null };
  const still = `${journal.failure?.error ?? ''}; ${error} on the way back, and version ${newVersion} still runs`;
  return { kind: 'settle', step: 'rolled-back', failure: { code: 'D4004', error: still } };
}

/** Settles with the journal of the outcome. Rejects when the daemon ends first. */
export async function oversee(deps: OverseeDeps): Promise<DaemonJournal> {
  const { journalFile, files, version, wait, nowMs } = deps;
  let startedMs = Number.NEGATIVE_INFINITY;
  for (let step = ''; ; await wait(POLL_MS)) {
    await writeReport(files.report, { ...deps.report(), beatMs: nowMs() });
    const journal = await journalFile.read();
    if (journal?.kind !== 'daemon') throw new Error('the journal of the hand-over has gone');
    if (journal.step !== step) deps.onStep(journal);
    step = journal.step;
    if (isDecided(journal)) return journal;
    const watched = lives(journal.helper) || nowMs() - startedMs < HELPER_START_MS;
    const decision = decideOversee(journal, watched, version);
    if (decision.kind === 'start-helper') {
      const next = { ...journal, helpers: journal.helpers + 1 };
      await journalFile.write(next);
      startedMs = nowMs();
      await deps.startHelper(next);
    } else if (decision.kind === 'settle') {
      await journalFile.write({ ...journal, step: decision.step, failure: decision.failure });
    }
  }
}

const lives = (helper: ProcessName | null): boolean => helper !== null && isRunning(helper);

/** Whole or not there, but not flushed: after a power cut nobody asks for it. */
async function writeReport(path: string, report: HandoverReport): Promise<void> {
  await writeFile(`${path}.new`, JSON.stringify(report), { mode: 0o640 });
  await rename(`${path}.new`, path);
}
