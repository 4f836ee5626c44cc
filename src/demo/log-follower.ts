/** Reads what is appended to the daemon's log, line by line. Polls, since the file may not be there yet. */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import type { LogLine } from './state.ts';

const POLL_MS = 200;
const PIECE_BYTES = 64 * 1024;
/** A line without an end is no log line: it is given up rather than kept for ever. */
const MAX_LINE_BYTES = 1024 * 1024;

function parse(line: string): LogLine | null {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as LogLine) : null;
  } catch {
    return null; // a line cut by a crash
  }
}

export class LogFollower {
  readonly #path: string;
  readonly #onLine: (line: LogLine) => void;
  readonly #timer: NodeJS.Timeout;
  #position = 0;
  #rest: Buffer = Buffer.alloc(0);

  constructor(path: string, onLine: (line: LogLine) => void, pollMs = POLL_MS) {
    this.#path = path;
    this.#onLine = onLine;
    this.#timer = setInterval(() => this.read(), pollMs);
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  /** Takes in what there is now. A file that has become shorter was rotated: read from its beginning. */
  read(): void {
    let descriptor: number;
    try {
      descriptor = openSync(this.#path, 'r');
    } catch (error) {
      if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return;
      throw error;
    }
    try {
      if (fstatSync(descriptor).size < this.#position) {
        this.#position = 0;
        this.#rest = Buffer.alloc(0);
      }
      const piece = Buffer.allocUnsafe(PIECE_BYTES);
      for (;;) {
        const count = readSync(descriptor, piece, 0, PIECE_BYTES, this.#position);
        if (count === 0) return;
        this.#position += count;
        this.#take(piece.subarray(0, count));
      }
    } finally {
      closeSync(descriptor);
    }
  }

  #take(piece: Buffer): void {
    let bytes = Buffer.concat([this.#rest, piece]);
    for (let end = bytes.indexOf(10); end >= 0; end = bytes.indexOf(10)) {
      const line = parse(bytes.toString('utf8', 0, end));
      if (line) this.#onLine(line);
      bytes = bytes.subarray(end + 1);
    }
    this.#rest = bytes.length > MAX_LINE_BYTES ? Buffer.alloc(0) : bytes;
  }
}
