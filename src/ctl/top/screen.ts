/**
 * The alternate screen of a terminal, given back on every end. Only lines that changed are written, in one write, so
 * that nothing flickers.
 */
import { writeSync } from 'node:fs';

export interface Terminal {
  write(text: string): unknown;
}

const ENTER = '\u001b[?1049h\u001b[?25l\u001b[2J';
const LEAVE = '\u001b[?25h\u001b[?1049l';
/** Terminals that know it show nothing in between; others leave it out. */
const BEGIN_UPDATE = '\u001b[?2026h';
const END_UPDATE = '\u001b[?2026l';
const CLEAR = '\u001b[2J';
const CLEAR_TO_END = '\u001b[K';

export class Screen {
  readonly #terminal: Terminal;
  #shown: readonly string[] = [];
  #open = false;

  constructor(terminal: Terminal) {
    this.#terminal = terminal;
  }

  open(): void {
    this.#open = true;
    this.#terminal.write(ENTER);
  }

  draw(lines: readonly string[]): void {
    if (!this.#open) return;
    const longest = Math.max(lines.length, this.#shown.length);
    let changes = '';
    for (let n = 0; n < longest; n++) {
      const line = lines[n] ?? '';
      if (line !== this.#shown[n]) changes += `\u001b[${n + 1};1H${line}${CLEAR_TO_END}`;
    }
    this.#shown = lines;
    if (changes !== '') this.#terminal.write(BEGIN_UPDATE + changes + END_UPDATE);
  }

  /** After a change of size nothing is where it was. */
  clear(): void {
    this.#shown = [];
    if (this.#open) this.#terminal.write(CLEAR);
  }

  /** At once, so that the process may end behind it. Safe to repeat. */
  close(fd: number): void {
    if (!this.#open) return;
    this.#open = false;
    try {
      writeSync(fd, LEAVE);
    } catch {
      // the terminal has gone: there is nothing to give back
    }
  }
}
