/**
 * The daemon's part of a hand-over, of the old version as of the new one: says twice a second how it is, and sees to it
 * that a helper watches until the outcome is journalled. It writes to the journal only while it has the helpers' lock.
 * What to do is decided by a pure function.
 */
import { appendFile, rename, writeFile } from 'node:fs/promises';
import { describe } from '../../shared/errors/daemon-error.ts';
import { AlreadyRunningError, takePidFile } from '../../shared/platform/pid-file.ts';
import type { HandoverReport } from './handover/judge.ts';
import { isRunning } from './handover/service.ts';
import type { HandoverFiles } from './handover-files.ts';
import { JournalFile } from './journal.ts';
import type { DaemonJournal, ProcessName, UpdateFailure } from './journal-format.ts';
import { DAEMON_STEPS, isDecided } from './steps.ts';
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
/** How long one that has journalled the outcome may take to end. */
const HELPER_END_MS = 10_000;
const END_POLL_MS = 50;

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
  // not proven, and not undone: neither may be claimed
  const before = journal.failure ? `${journal.failure.error}; ` : '';
  const still = `${before}${error}, and version ${newVersion} still runs`;
  return { kind: 'settle', step: 'rolled-back', failure: { code: 'D4004', error: still } };
}

/** Settles with the journal of the outcome, once no helper is at it any more. Rejects when the daemon ends first. */
export async function oversee(deps: OverseeDeps): Promise<DaemonJournal> {
  const { journalFile, files, wait, nowMs, onStep } = deps;
  let startedMs = Number.NEGATIVE_INFINITY;
  let [step, problem] = ['', ''];
  const onProblem = async (error: unknown): Promise<null> => {
    const text = describe(error);
    if (text !== problem) await note(files.log, text);
    problem = text;
    return null;
  };
  for (; ; await wait(POLL_MS)) {
    await writeReport(files.report, { ...deps.report(), beatMs: nowMs() });
    const journal = await read(journalFile);
    if (journal.step !== step) onStep(journal);
    step = journal.step;
    if (isDecided(journal)) {
      await untilReleased(deps);
      return journal;
    }
    if (lives(journal.helper) || nowMs() - startedMs < HELPER_START_MS) continue;
    const taken = await takeUp(deps).catch(onProblem); // a full disk, say: tried again
    if (taken?.kind === 'settle') return taken.journal;
    if (taken?.kind !== 'start-helper') continue;
    startedMs = nowMs();
    await deps.startHelper(taken.journal).catch(onProblem); // counts as one that ended
  }
}

/** What is done where no helper lives, written to the journal; null where one is at it all the same. */
async function takeUp({
  journalFile,
  files,
  version,
}: OverseeDeps): Promise<{ kind: 'settle' | 'start-helper'; journal: DaemonJournal } | null> {
  const release = takeLock(files.lock);
  if (!release) return null;
  try {
    const journal = await read(journalFile);
    const decision = decideOversee(journal, lives(journal.helper), version);
    if (decision.kind === 'wait') return null;
    const next =
      decision.kind === 'settle'
        ? { ...journal, step: decision.step, failure: decision.failure }
        : { ...journal, helpers: journal.helpers + 1 };
    await new JournalFile(journalFile.path, '').write(next); // a test's halt is for whoever takes the step
    return { kind: decision.kind, journal: next };
  } finally {
    release();
  }
}

/** What a killed helper left of its lock goes; one that still holds it has nothing left to do but to end. */
async function untilReleased({ files, wait, nowMs }: OverseeDeps): Promise<void> {
  const until = nowMs() + HELPER_END_MS;
  for (;;) {
    const release = takeLock(files.lock);
    if (release) return release();
    if (nowMs() >= until) return;
    await wait(END_POLL_MS);
  }
}

/** Null where a helper holds it. */
function takeLock(path: string): (() => void) | null {
  try {
    return takePidFile(path);
  } catch (error) {
    if (error instanceof AlreadyRunningError) return null;
    throw error;
  }
}

async function read(journalFile: JournalFile): Promise<DaemonJournal> {
  const journal = await journalFile.read();
  if (journal?.kind !== 'daemon') throw new Error('the journal of the hand-over has gone');
  return journal;
}

const lives = (helper: ProcessName | null): boolean => helper !== null && isRunning(helper);

/** Whole or not there, but not flushed: after a power cut nobody asks for it. */
async function writeReport(path: string, report: HandoverReport): Promise<void> {
  try {
    await writeFile(`${path}.new`, JSON.stringify(report), { mode: 0o640 });
    await rename(`${path}.new`, path);
  } catch {
    // the helper sees the last one grow old, and this daemon must go on to oversee it
  }
}

async function note(path: string, text: string): Promise<void> {
  const line = `${new Date().toISOString()} [daemon ${process.pid}] ${text}\n`;
  await appendFile(path, line, { mode: 0o640 }).catch(() => {}); // for people only
}
