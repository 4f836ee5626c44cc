/**
 * The daemon's own log file: appended line by line, rotated by size within the process (FILE → FILE.1 → FILE.2 …),
 * opened anew on request, for those who rotate it from outside. A line that cannot be written is counted and the
 * count is told in the next line that can; the daemon never fails because of its log.
 */
import { closeSync, fstatSync, mkdirSync, openSync, renameSync, rmSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';

export interface RotatingFileOptions {
  path: string;
  maxBytes: number;
  /** Rotated files kept beside the current one. */
  maxFiles: number;
}

export class RotatingFile {
  readonly #options: RotatingFileOptions;
  #fd: number;
  #size = 0;
  #lost = 0;

  /** Throws where the file cannot be opened: at start that is the operator's to know. */
  constructor(options: RotatingFileOptions) {
    this.#options = options;
    mkdirSync(dirname(options.path), { recursive: true, mode: 0o750 });
    this.#fd = this.#open();
  }

  /** `line` ends with a line feed. False where it could not be written. */
  write(line: string): boolean {
    const note = this.#lost > 0 ? `{"level":50,"event":"log-lost","lines":${this.#lost}}\n` : '';
    const bytes = Buffer.from(note + line);
    try {
      if (this.#size > 0 && this.#size + bytes.length > this.#options.maxBytes) this.#rotate();
      for (let at = 0; at < bytes.length; ) at += writeSync(this.#fd, bytes, at);
      this.#size += bytes.length;
      this.#lost = 0;
      return true;
    } catch {
      this.#lost++; // a full disk, most often: told as soon as there is room again
      return false;
    }
  }

  /** Opens the path anew. The open file stays in use where that fails. */
  reopen(): void {
    const old = this.#fd;
    this.#fd = this.#open();
    closeSync(old);
  }

  close(): void {
    closeSync(this.#fd);
  }

  #open(): number {
    const fd = openSync(this.#options.path, 'a', 0o640);
    this.#size = fstatSync(fd).size;
    return fd;
  }

  #rotate(): void {
    const { path, maxFiles } = this.#options;
    if (maxFiles === 0) {
      rmSync(path, { force: true });
    } else {
      for (let n = maxFiles - 1; n >= 1; n--) renameIfThere(`${path}.${n}`, `${path}.${n + 1}`);
      renameIfThere(path, `${path}.1`);
    }
    this.reopen();
  }
}

function renameIfThere(from: string, to: string): void {
  try {
    renameSync(from, to);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error;
  }
}
