/**
 * Draws a picture of some lines in place, over the one before, in one write. No alternate screen: the last picture
 * stays when the demo ends.
 */
export interface Terminal {
  write(text: string): unknown;
  columns?: number;
  rows?: number;
}

const HIDE_CURSOR = '\u001b[?25l';
const SHOW_CURSOR = '\u001b[?25h';
const CLEAR_SCREEN = '\u001b[2J\u001b[H';
const CLEAR_LINE = '\u001b[2K';
const CLEAR_BELOW = '\u001b[J';

export class Screen {
  readonly #terminal: Terminal;
  #drawn = 0;
  #hidden = false;

  constructor(terminal: Terminal) {
    this.#terminal = terminal;
  }

  /** Lines that the terminal has no room for are left out: a picture that scrolls cannot be drawn over. */
  draw(lines: readonly string[]): void {
    const shown = lines.slice(0, Math.max(1, (this.#terminal.rows ?? lines.length + 1) - 1));
    const up = this.#drawn > 0 ? `\u001b[${this.#drawn}A\r` : '';
    const start = this.#hidden ? '' : HIDE_CURSOR;
    this.#hidden = true;
    this.#terminal.write(`${start}${up}${shown.map((line) => `${CLEAR_LINE}${line}\n`).join('')}${CLEAR_BELOW}`);
    this.#drawn = shown.length;
  }

  /** After a change of the terminal's size nothing is where it was. */
  clear(): void {
    if (this.#drawn > 0) this.#terminal.write(CLEAR_SCREEN);
    this.#drawn = 0;
  }

  /** Leaves the picture and gives the cursor back. */
  end(): void {
    if (this.#hidden) this.#terminal.write(SHOW_CURSOR);
    this.#hidden = false;
    this.#drawn = 0;
  }
}
