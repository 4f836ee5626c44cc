/** `top` at work: asks the daemon, draws, and does what keys ask for, until it is quit or the terminal goes. */
import type { AgentAction } from '../../shared/contracts/control.ts';
import { describe } from '../../shared/errors/daemon-error.ts';
import { askShown, UnreachableError } from '../client.ts';
import { interruptible } from '../interrupt.ts';
import { harmless } from '../text/harmless.ts';
import type { Paint } from '../text/terminal.ts';
import { keysIn } from './keys.ts';
import { onKey, START, sorted, type TopState } from './model.ts';
import { Screen } from './screen.ts';
import { renderTop, type TopData } from './view.ts';

export interface TopOptions {
  socket: string;
  /** Between two looks. */
  intervalMs: number;
  input: NodeJS.ReadStream;
  output: NodeJS.WriteStream & { fd: number };
  paint: Paint;
}

const ANSWER_MS = 5000;
const OPERATE_MS = 15 * 60_000;
const FALLBACK = { columns: 80, rows: 24 };

async function look(socket: string, signal: AbortSignal): Promise<TopData> {
  const options = { timeoutMs: ANSWER_MS, signal };
  const [status, agents, { samples }] = await Promise.all([
    askShown(socket, 'status', {}, options),
    askShown(socket, 'agents', {}, options),
    askShown(socket, 'metrics', { fresh: false }, options),
  ]);
  return { status, agents, samples, atMs: Date.now(), away: '' };
}

class Top {
  readonly #options: TopOptions;
  readonly #screen: Screen;
  readonly #ended = new AbortController();
  #data: TopData;
  #state: TopState = START;

  constructor(options: TopOptions, data: TopData) {
    this.#options = options;
    this.#screen = new Screen(options.output);
    this.#data = data;
  }

  /** Settles when it is quit, or `signal` says so; the terminal is as it was before then. */
  async run(signal: AbortSignal): Promise<void> {
    const { input, output } = this.#options;
    const over = AbortSignal.any([signal, this.#ended.signal]);
    const restore = (): void => {
      if (input.isTTY) input.setRawMode(false);
      this.#screen.close(output.fd);
    };
    const onData = (chunk: Buffer): void => this.#take(chunk.toString('utf8'));
    const onEnd = (): void => this.#ended.abort();
    const onResize = (): void => {
      this.#screen.clear();
      this.#draw();
    };
    process.once('exit', restore); // also where a fault ends the process
    input.setRawMode(true);
    input.on('data', onData).once('end', onEnd).once('error', onEnd);
    output.on('resize', onResize);
    this.#screen.open();
    this.#draw();
    try {
      await this.#refresh(over);
    } finally {
      output.off('resize', onResize);
      input.off('data', onData).off('end', onEnd).off('error', onEnd).pause();
      restore();
      process.off('exit', restore);
    }
  }

  async #refresh(over: AbortSignal): Promise<void> {
    const { socket, intervalMs } = this.#options;
    while (!over.aborted) {
      await pause(intervalMs, over);
      if (over.aborted) return;
      try {
        this.#data = await look(socket, over);
      } catch (error) {
        if (over.aborted) return;
        const away = error instanceof UnreachableError ? 'it is away' : describe(error);
        this.#data = { ...this.#data, away: harmless(away), atMs: Date.now() };
      }
      this.#draw();
    }
  }

  #take(text: string): void {
    for (const key of keysIn(text)) {
      const ids = sorted(this.#data.agents, this.#state.sort).map(({ id }) => id);
      const { state, effect } = onKey(this.#state, key, ids);
      this.#state = state;
      if (effect.kind === 'quit') this.#ended.abort();
      if (effect.kind === 'operate') void this.#operate(effect.action, effect.agentId);
    }
    this.#draw();
  }

  /** Never rejects: what became of it is shown. */
  async #operate(action: AgentAction, agentId: string): Promise<void> {
    this.#say(`${action} ${agentId}: under way`);
    try {
      const options = { timeoutMs: OPERATE_MS, signal: this.#ended.signal };
      const outcomes = await askShown(this.#options.socket, 'operate', { agentId, action }, options);
      const failed = outcomes.find(({ success }) => !success);
      this.#say(`${action} ${agentId}: ${failed ? failed.error : 'done'}`);
    } catch (error) {
      this.#say(`${action} ${agentId}: ${harmless(describe(error))}`);
    }
  }

  #say(message: string): void {
    this.#state = { ...this.#state, message };
    this.#draw();
  }

  #draw(): void {
    const { output, paint } = this.#options;
    const size = { columns: output.columns || FALLBACK.columns, rows: output.rows || FALLBACK.rows };
    this.#screen.draw(renderTop(this.#data, this.#state, size, paint));
  }
}

/** Settles early, and never rejects, when the signal comes. */
function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(done, ms);
    signal.addEventListener('abort', done, { once: true });
    function done(): void {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    }
  });
}

/** Rejects before anything is drawn where the daemon does not answer; with what ended it, where a signal did. */
export async function runTop(options: TopOptions): Promise<void> {
  const interrupt = interruptible();
  try {
    const first = await look(options.socket, interrupt.signal);
    await new Top(options, first).run(interrupt.signal);
    if (interrupt.signal.aborted) throw interrupt.signal.reason;
  } finally {
    interrupt.end();
  }
}
