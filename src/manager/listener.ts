/**
 * The Manager's port. Connections are accepted here and handed to gRPC, so that they can be cut at any moment: gRPC
 * itself ends connections only politely.
 */
import { createServer, type Server, type Socket } from 'node:net';

export class Listener {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  constructor(onConnection: (socket: Socket) => void) {
    this.#server = createServer((socket) => {
      this.#sockets.add(socket);
      socket.on('close', () => this.#sockets.delete(socket));
      socket.on('error', () => {}); // a peer that went away: the 'close' that follows is all there is to do
      onConnection(socket);
    });
  }

  get connections(): number {
    return this.#sockets.size;
  }

  /** Returns the port. Throws the system's error (EADDRINUSE). */
  listen(host: string, port: number): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen(port, host, () => {
        this.#server.off('error', reject);
        const address = this.#server.address();
        resolve(typeof address === 'object' && address ? address.port : port);
      });
    });
  }

  /** Resets every connection at once, without a goodbye. */
  drop(): void {
    for (const socket of this.#sockets) socket.resetAndDestroy();
  }

  /** Accepts nothing more. Settles when the connections that there were are gone too. */
  close(): Promise<void> {
    return new Promise((resolve) => this.#server.close(() => resolve()));
  }
}
