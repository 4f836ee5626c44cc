/** A real terminal, by tmux, with a shell in it: what is typed, and what is then to be seen. */
import { execFile, spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { waitFor } from '../support/wait-until.ts';

const run = promisify(execFile);

export const HAS_TMUX = spawnSync('tmux', ['-V']).error === undefined;

export class TmuxTerminal {
  readonly #socket: string;

  private constructor(socket: string) {
    this.#socket = socket;
  }

  /** `folder` holds its socket. The shell's prompt is `$ `. */
  static async open(folder: string, columns: number, rows: number): Promise<TmuxTerminal> {
    const terminal = new TmuxTerminal(join(folder, 'tmux.sock'));
    const size = ['-x', String(columns), '-y', String(rows)];
    const shell = "env -u NO_COLOR PS1='$ ' LC_ALL=C.UTF-8 bash --norc --noprofile -i";
    await terminal.#tmux('-f', '/dev/null', 'new-session', '-d', ...size, shell);
    try {
      await terminal.shows(/^\$ *$/m, 'the prompt');
      return terminal;
    } catch (error) {
      await terminal.close();
      throw error;
    }
  }

  /** What is to be seen, blanks at the ends of lines left out. */
  async screen(): Promise<string> {
    const text = await this.#tmux('capture-pane', '-p');
    return text
      .split('\n')
      .map((line) => line.trimEnd())
      .join('\n')
      .trimEnd();
  }

  /** With the sequences for colours. */
  async colouredScreen(): Promise<string> {
    return this.#tmux('capture-pane', '-p', '-e');
  }

  /** Waits until it is to be seen, and gives the screen. */
  shows(what: RegExp, called: string): Promise<string> {
    const look = async (): Promise<string> => {
      const screen = await this.screen();
      if (!what.test(screen)) throw new Error(`it shows\n${screen}`);
      return screen;
    };
    return waitFor(look, { what: called, timeoutMs: 15_000, everyMs: 50 });
  }

  /** A line, as a person types it. */
  async type(line: string): Promise<void> {
    await this.#tmux('send-keys', '-l', line);
    await this.#tmux('send-keys', 'Enter');
  }

  /** Keys by tmux's names: `Down`, `C-c`, `q`. */
  async press(...keys: readonly string[]): Promise<void> {
    await this.#tmux('send-keys', ...keys);
  }

  async resize(columns: number, rows: number): Promise<void> {
    await this.#tmux('resize-window', '-x', String(columns), '-y', String(rows));
  }

  /** Whether the alternate screen is shown, and whether the cursor is. */
  async state(): Promise<{ alternate: boolean; cursor: boolean }> {
    const [alternate, cursor] = (await this.#tmux('display-message', '-p', '#{alternate_on} #{cursor_flag}'))
      .trim()
      .split(' ');
    return { alternate: alternate === '1', cursor: cursor === '1' };
  }

  /** The terminal goes, as where a connection is lost: what runs in it is hung up. */
  async close(): Promise<void> {
    await this.#tmux('kill-server').catch(() => {}); // it has gone already
  }

  async #tmux(...args: readonly string[]): Promise<string> {
    const { stdout } = await run('tmux', ['-S', this.#socket, ...args]);
    return stdout;
  }
}
