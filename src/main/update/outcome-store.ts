/**
 * The outcomes of updates on disk and in memory: changed by pure functions, written whole before anybody hears of the
 * change. A file that cannot be read is set aside under another name.
 */
import { mkdirSync, readFileSync, renameSync } from 'node:fs';
import { dirname } from 'node:path';
import { replaceFile } from '../../shared/platform/files.ts';
import { NO_OUTCOMES, type Outcomes, parseOutcomes } from './outcomes.ts';
import { removeUnfinishedWrites } from './unfinished-writes.ts';

export class OutcomeStore {
  readonly #path: string;
  #present: Outcomes;
  #queue: Promise<void> = Promise.resolve();

  /** Reads the file. `onUnreadable` is told why it was set aside, and where it is now. */
  constructor(path: string, nowMs: number, onUnreadable: (reason: unknown, path: string) => void) {
    this.#path = path;
    mkdirSync(dirname(path), { recursive: true, mode: 0o750 });
    removeUnfinishedWrites(path);
    this.#present = this.#load(nowMs, onUnreadable);
  }

  get present(): Outcomes {
    return this.#present;
  }

  /** Settles once it is on disk; changes queue in order. */
  change(how: (outcomes: Outcomes) => Outcomes): Promise<void> {
    const done = this.#queue.then(async () => {
      const next = how(this.#present);
      if (next === this.#present) return;
      await replaceFile(this.#path, `${JSON.stringify(next, null, 1)}\n`);
      this.#present = next;
    });
    this.#queue = done.catch(() => {}); // whoever asked gets the error; the queue goes on
    return done;
  }

  #load(nowMs: number, onUnreadable: (reason: unknown, path: string) => void): Outcomes {
    let text: string;
    try {
      text = readFileSync(this.#path, 'utf8');
    } catch (error) {
      if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return NO_OUTCOMES;
      throw error;
    }
    try {
      return parseOutcomes(text);
    } catch (error) {
      const aside = `${this.#path}.unreadable-${nowMs}`;
      renameSync(this.#path, aside);
      onUnreadable(error, aside);
      return NO_OUTCOMES;
    }
  }
}
