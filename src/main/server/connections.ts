/**
 * The socket that the port is, with a limit to its connections: one more is closed at once, those that are there never
 * are, except one that says nothing at all. Knows nothing of what is spoken on them.
 */
import { createServer, type Server, type Socket } from 'node:net';

export interface ConnectionsOptions {
  max: number;
  /** For the first byte. */
  silenceMs: number;
  /** For answers and goodbyes that are on their way when it closes. */
  goodbyeMs: number;
  onConnection(socket: Socket): void;
  /** One was refused; told once until there is room again. */
  onFull(): void;
  /** A connection could not be taken, such as for want of descriptors; those to come are. */
  onError(error: Error): void;
  after(delayMs: number, name: string, run: () => void): () => void;
}

/** From when on a peer that says nothing is asked by TCP whether it is still there. */
const PROBE_AFTER_MS = 60_000;

export class Connections {
  readonly #options: ConnectionsOptions;
  readonly #server: Server;
  readonly #open = new Set<Socket>();
  #full = false;

  constructor(options: ConnectionsOptions) {
    this.#options = options;
    this.#server = createServer((socket) => this.#accept(socket));
  }

  /** Returns the port; `host` empty: every address. Rejects with the system's error, such as EADDRINUSE. */
  listen(host: string, port: number): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen({ port, ...(host === '' ? {} : { host }) }, () => {
        this.#server.off('error', reject).on('error', this.#options.onError);
        const address = this.#server.address();
        resolve(typeof address === 'object' && address ? address.port : port);
      });
    });
  }

  /** Takes no more; cuts what has not closed by itself in time. Settles when the port is free. */
  async close(): Promise<void> {
    const { after, goodbyeMs } = this.#options;
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    const cancel = after(goodbyeMs, 'end of connections', () => {
      for (const socket of this.#open) socket.destroy();
    });
    await closed;
    cancel();
  }

  #accept(socket: Socket): void {
    const { max, silenceMs, onConnection, onFull, after } = this.#options;
    socket.on('error', () => {}); // whoever went away without a goodbye: the 'close' that follows says it all
    if (this.#open.size >= max) {
      socket.destroy();
      // not earlier: while there is room, a way that is broken for a while costs no connection
      for (const other of this.#open) other.setKeepAlive(true, PROBE_AFTER_MS);
      if (!this.#full) onFull();
      this.#full = true;
      return;
    }
    this.#full = false;
    this.#open.add(socket);
    const cancel = after(silenceMs, 'first byte of a connection', () => {
      if (socket.bytesRead === 0) socket.destroy();
    });
    socket.once('close', () => {
      cancel();
      this.#open.delete(socket);
    });
    onConnection(socket);
  }
}
