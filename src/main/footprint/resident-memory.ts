/**
 * How much of the process is resident, cheaply: /proc/self/statm (proc(5)), kept open, since it is read each 2 ms while a
 * thread starts. From Linux 6.2 on the kernel counts for each processor apart, and until 6.16 statm leaves out what has
 * not been added up: some MB on a host with many processors. So it is compared now and then with the exact figure of
 * smaps_rollup, which is too slow to be read each time (0.2 ms).
 */
import { closeSync, openSync, readSync } from 'node:fs';
import { readProcBytes } from '../../shared/platform/proc.ts';
import { PAGE_BYTES } from './mappings.ts';

/** Threads start each minute: the first look at one is what it is compared for. */
const COMPARED_EVERY_MS = 20_000;
const ROLLUP_BYTES = 4096;

export class ResidentMemory {
  readonly #folder: string;
  readonly #nowMs: () => number;
  readonly #statm = Buffer.alloc(128);
  #file = -1;
  /** What statm leaves out, negative where it has too much. */
  #offsetBytes = 0;
  #comparedMs = Number.NEGATIVE_INFINITY;

  /** `nowMs`: monotonic. */
  constructor(folder = '/proc/self', nowMs = (): number => performance.now()) {
    this.#folder = folder;
    this.#nowMs = nowMs;
  }

  /** To within some pages. Never throws; 0 where it cannot be told, so that nothing then looks like too much. */
  bytes(): number {
    const nowMs = this.#nowMs();
    if (nowMs - this.#comparedMs >= COMPARED_EVERY_MS) {
      this.#comparedMs = nowMs;
      this.#compare();
    }
    const counted = this.#counted();
    return counted === null ? 0 : Math.max(0, counted + this.#offsetBytes);
  }

  /** Where the exact figure is not to be had, it stays with the last difference. */
  #compare(): void {
    const exact = this.#exact();
    const counted = this.#counted();
    if (exact !== null && counted !== null) this.#offsetBytes = exact - counted;
  }

  #exact(): number | null {
    try {
      const text = readProcBytes(`${this.#folder}/smaps_rollup`, ROLLUP_BYTES).toString('latin1');
      const kilobytes = /^Rss: +(\d+) kB$/m.exec(text)?.[1];
      return kilobytes === undefined ? null : Number(kilobytes) * 1024;
    } catch {
      return null; // Linux before 4.14, or built without it
    }
  }

  #counted(): number | null {
    try {
      if (this.#file < 0) this.#file = openSync(`${this.#folder}/statm`, 'r');
      const length = readSync(this.#file, this.#statm, 0, this.#statm.length, 0);
      const pages = /^\d+ (\d+) /.exec(this.#statm.toString('latin1', 0, length))?.[1];
      return pages === undefined ? null : Number(pages) * PAGE_BYTES;
    } catch {
      this.close(); // no descriptor was left, say: the next look tries again
      return null;
    }
  }

  /** It may be asked again. */
  close(): void {
    const file = this.#file;
    this.#file = -1;
    try {
      if (file >= 0) closeSync(file);
    } catch {
      // it was not ours any more
    }
  }
}
