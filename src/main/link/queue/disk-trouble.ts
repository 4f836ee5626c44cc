/** A disk that cannot be written: told once, tried again after waits that double, told when it works again. */
import type { LinkLog } from '../session.ts';

const FIRST_WAIT_MS = 1000;
const LONGEST_WAIT_MS = 60_000;

export class DiskTrouble {
  readonly #what: string;
  readonly #folder: string;
  readonly #log: LinkLog;
  #waitMs = 0;

  constructor(what: string, folder: string, log: LinkLog) {
    this.#what = what;
    this.#folder = folder;
    this.#log = log;
  }

  /** How long to wait before the next attempt; 0 where all is well. */
  get waitMs(): number {
    return this.#waitMs;
  }

  /** `attempt`: it was one of those that the waits are between. */
  failed(err: unknown, attempt: boolean): void {
    const message =
      `the ${this.#what} that wait for the Manager cannot be kept in ${this.#folder}: only the newest are kept, ` +
      'in memory, until the disk can be written; free some space there or correct its permissions';
    const fields = { event: 'queue-disk-failed', folder: this.#folder, err };
    if (this.#waitMs === 0) this.#log.warn(fields, message);
    else this.#log.debug(fields, 'still so');
    this.#waitMs = Math.max(FIRST_WAIT_MS, attempt ? Math.min(LONGEST_WAIT_MS, this.#waitMs * 2) : this.#waitMs);
  }

  worked(): void {
    if (this.#waitMs === 0) return;
    this.#waitMs = 0;
    const fields = { event: 'queue-disk-works', folder: this.#folder };
    this.#log.info(fields, `the ${this.#what} that wait for the Manager are kept in ${this.#folder} again`);
  }
}
