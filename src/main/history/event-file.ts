/**
 * The events of this host on disk: `events.jsonl` is written to and, once it holds 500, becomes `events.old.jsonl` in
 * place of the one before, so that between 500 and 1,000 are kept. Written at once and in one call, as the log is: what
 * happened is there after a kill -9. Lines that power or a full disk cut short are cut off. Errors of the system pass
 * through.
 */
import { closeSync, fstatSync, ftruncateSync, mkdirSync, openSync, readFileSync, renameSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { EVENT_FILES, type FoundLines, findLines } from './event-lines.ts';

const LINES_PER_FILE = 500;

export class EventFile {
  readonly #folder: string;
  readonly #linesPerFile: number;
  #fd: number | null = null;
  #bytes = 0;
  #lines = 0;
  /** Whether what is on disk has been looked at, so that a line can be added to it. */
  #known = false;

  constructor(folder: string, linesPerFile = LINES_PER_FILE) {
    this.#folder = folder;
    this.#linesPerFile = linesPerFile;
  }

  get known(): boolean {
    return this.#known;
  }

  /**
   * What is there, by the newest file that says something. To be called before anything is written, and again after an
   * error: the folder may be another one by then.
   */
  open(): Pick<FoundLines, 'last' | 'lastTurn'> {
    const [old, present] = EVENT_FILES.map((name) => join(this.#folder, name)) as [string, string];
    const found = findLines(contentOf(present));
    const before = found.last && found.lastTurn ? found : findLines(contentOf(old));
    this.#lines = found.lines;
    this.#bytes = found.bytes;
    this.#known = true;
    return { last: found.last ?? before.last, lastTurn: found.lastTurn ?? before.lastTurn };
  }

  /** `line` ends with a line feed. It is in the file afterwards, or nothing of it is, as far as the disk allows. */
  append(line: string): void {
    if (this.#lines >= this.#linesPerFile) this.#switch();
    this.#fd ??= this.#openPresent();
    const bytes = Buffer.from(line);
    const written = writeSync(this.#fd, bytes);
    if (written < bytes.length) {
      ftruncateSync(this.#fd, this.#bytes);
      throw new Error(`${written} of ${bytes.length} bytes were written: is the disk full?`);
    }
    this.#bytes += written;
    this.#lines++;
  }

  /** Nothing is added to it any more before it has been opened anew. */
  close(): void {
    this.#known = false;
    this.#closeFile();
  }

  #closeFile(): void {
    if (this.#fd !== null) closeSync(this.#fd);
    this.#fd = null;
  }

  #switch(): void {
    this.#closeFile();
    const [old, present] = EVENT_FILES.map((name) => join(this.#folder, name)) as [string, string];
    try {
      renameSync(present, old);
    } catch (error) {
      if (!isAbsent(error)) throw error; // somebody has removed it
    }
    this.#lines = 0;
    this.#bytes = 0;
  }

  #openPresent(): number {
    mkdirSync(this.#folder, { recursive: true, mode: 0o750 });
    const fd = openSync(join(this.#folder, EVENT_FILES[1]), 'a', 0o640);
    try {
      // longer: a line was cut short; shorter: somebody has emptied it
      const { size } = fstatSync(fd);
      if (size > this.#bytes) ftruncateSync(fd, this.#bytes);
      this.#bytes = Math.min(size, this.#bytes);
    } catch (error) {
      closeSync(fd);
      throw error;
    }
    return fd;
  }
}

function contentOf(path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (error) {
    if (isAbsent(error)) return Buffer.alloc(0);
    throw error;
  }
}

function isAbsent(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT';
}
