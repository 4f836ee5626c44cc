/**
 * A connection with somebody on the line: each chunk is shown to a watcher before it passes, who may end the connection
 * there. Only put around a socket where something is to be watched, since it costs a copy of every byte's way.
 */
import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';

/** `pass`: on its way; `reset`: the connection ends here, as in a crash; `last`: these bytes, then the end. */
export type Verdict = 'pass' | 'reset' | { last: Uint8Array };

export interface Watcher {
  /** From the peer. */
  received(chunk: Buffer): Verdict;
  /** To the peer. */
  sent(chunk: Buffer): Verdict;
}

export class Carrier extends Duplex {
  readonly #socket: Socket;
  readonly #watcher: Watcher;

  constructor(socket: Socket, watcher: Watcher) {
    super({ allowHalfOpen: true });
    this.#socket = socket;
    this.#watcher = watcher;
    socket.on('data', (chunk: Buffer) => {
      if (!this.#allowed(watcher.received(chunk))) return;
      if (!this.push(chunk)) socket.pause();
    });
    socket.on('end', () => this.push(null));
    socket.on('close', () => this.destroy());
  }

  override _read(): void {
    this.#socket.resume();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    if (this.#allowed(this.#watcher.sent(chunk))) this.#socket.write(chunk, done);
    else done(); // the connection is over: what is left to write goes nowhere
  }

  override _final(done: (error?: Error | null) => void): void {
    this.#socket.end(() => done());
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#socket.destroy();
    done(error);
  }

  #allowed(verdict: Verdict): boolean {
    if (this.#socket.destroyed || this.#socket.writableEnded) return false;
    if (verdict === 'pass') return true;
    if (verdict === 'reset') this.#socket.resetAndDestroy();
    else this.#socket.end(verdict.last);
    return false;
  }
}
