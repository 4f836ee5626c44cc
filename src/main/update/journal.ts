/**
 * The journal of one update on disk: written whole and flushed before each step. A file that cannot be read is set
 * aside, never overwritten: an update that nobody understands is nobody's to finish.
 */
import { readFile, rename, rm } from 'node:fs/promises';
import { replaceFile, unlessAbsent } from '../../shared/platform/files.ts';
import { type Journal, parseJournal, renderJournal } from './journal-format.ts';
import { removeUnfinishedWrites } from './unfinished-writes.ts';

/** Names the step at which a process stops for good once it has written it: for tests of crashes only. */
export const HALT_VARIABLE = 'DAEMON_HALT_AFTER_STEP';

export class JournalFile {
  readonly path: string;
  readonly #halt: string | undefined;

  constructor(path: string, halt = process.env[HALT_VARIABLE]) {
    this.path = path;
    this.#halt = halt;
  }

  /** Null where there is none. Throws an Error that says what is wrong with it. */
  async read(): Promise<Journal | null> {
    const text = await unlessAbsent(readFile(this.path, 'utf8'), null);
    return text === null ? null : parseJournal(text);
  }

  /** Settles once it is on disk: only then may the step be taken. */
  async write(journal: Journal): Promise<void> {
    await replaceFile(this.path, renderJournal(journal), 0o600);
    if (this.#halt === `${journal.kind}:${journal.step}`)
      await new Promise<never>(() => setInterval(() => {}, 2 ** 30));
  }

  /** With what a process that was killed in the middle of writing it has left. */
  async remove(): Promise<void> {
    removeUnfinishedWrites(this.path);
    await rm(this.path, { force: true });
  }

  /** Returns its new name. */
  async setAside(nowMs: number): Promise<string> {
    const path = `${this.path}.unreadable-${nowMs}`;
    await rename(this.path, path);
    return path;
  }
}
