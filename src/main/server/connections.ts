/**
 * The socket that the port is, with a limit to its connections: one more is closed at once, those that are there never
 * are. Knows nothing of what is spoken on them.
 */
import { createServer, type Server, type Socket } from 'node:net';

export class Connections {
  readonly #server: Server;
  readonly #open = new Set<Socket>();
  readonly #onError: (error: Error) => void;

  /** `onError`: a connection could not be taken, such as for want of descriptors; those to come are. */
  constructor(max: number, onConnection: (socket: Socket) => void, onError: (error: Error) => void) {
    this.#server = createServer((socket) => {
      socket.on('error', () => {}); // whoever went away without a goodbye: the 'close' that follows says it all
      if (this.#open.size >= max) {
        socket.destroy();
        return;
      }
      this.#open.add(socket);
      socket.once('close', () => this.#open.delete(socket));
      onConnection(socket);
    });
    this.#onError = onError;
  }

  /** Returns the port. Rejects with the system's error, such as EADDRINUSE. */
  listen(host: string, port: number): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen(port, host, () => {
        this.#server.off('error', reject).on('error', this.#onError);
        const address = this.#server.address();
        resolve(typeof address === 'object' && address ? address.port : port);
      });
    });
  }

  /** Cuts every connection; settles when the port is free. */
  close(): Promise<void> {
    for (const socket of this.#open) socket.destroy();
    return new Promise((resolve) => this.#server.close(() => resolve()));
  }
}
