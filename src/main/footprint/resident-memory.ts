/**
 * How much of the process is resident, cheaply: /proc/self/statm (proc(5)), kept open, since it is read each 2 ms while a
 * thread starts. From Linux 6.2 on the kernel counts for each processor apart, and until 6.16 statm leaves out what has
 * not been added up: some MB on a host with many processors. So it is compared now and then with the exact figure of
 * smaps_rollup, which is too slow to be read each time (0.2 ms), and only at rest: while a thread starts, a megabyte comes
 * in between the two.
 */
import { closeSync, openSync, readSync } from 'node:fs';
import { readProcBytes } from '../../shared/platform/proc.ts';
import { PAGE_BYTES } from './mappings.ts';

const ROLLUP_BYTES = 4096;

export class ResidentMemory {
  readonly #folder: string;
  readonly #read: (path: string) => Buffer;
  readonly #statm = Buffer.alloc(128);
  #file = -1;
  /** What statm leaves out, negative where it has too much. */
  #offsetBytes = 0;

  constructor(folder = '/proc/self', read = (path: string): Buffer => readProcBytes(path, ROLLUP_BYTES)) {
    this.#folder = folder;
    this.#read = read;
  }

  /** To within some pages. Never throws; 0 where it cannot be told, so that nothing then looks like too much. */
  bytes(): number {
    const counted = this.#counted();
    return counted === null ? 0 : Math.max(0, counted + this.#offsetBytes);
  }

  /** Sets bytes() right. Where the exact figure is not to be had, or something came in meanwhile, it stays as it is. */
  compare(): void {
    const before = this.#counted();
    const exact = this.#exact();
    const counted = this.#counted();
    if (exact !== null && counted !== null && counted === before) this.#offsetBytes = exact - counted;
  }

  #exact(): number | null {
    try {
      const text = this.#read(`${this.#folder}/smaps_rollup`).toString('latin1');
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
