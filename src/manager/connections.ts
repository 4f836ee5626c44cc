/**
 * The Manager's port and its connections. Each has a server of gRPC to itself (an injector): so it can be cut at any
 * moment, sent away by plan without the next one hearing of it, and has the certificates of the time when it came.
 */
import { createServer, type Server as NetServer, type Socket } from 'node:net';
import type { ConnectionInjector, Server, ServerCredentials } from '@grpc/grpc-js';
import type { ConnectionEvent } from '../shared/contracts/manager-events.ts';
import { Carrier, type Watcher } from './carrier.ts';
import { watchers } from './watchers.ts';

export interface ConnectionsOptions {
  server: Server;
  /** Asked at each connection. */
  credentials(): ServerCredentials;
  /** Asked at each connection: who is to watch it. */
  watchers(): Watcher[];
  onConnection?: (event: ConnectionEvent) => void;
}

export class Connections {
  readonly #options: ConnectionsOptions;
  readonly #server: NetServer;
  readonly #open = new Map<Socket, ConnectionInjector>();
  #accepted = 0;

  constructor(options: ConnectionsOptions) {
    this.#options = options;
    this.#server = createServer((socket) => this.#accept(socket));
  }

  get count(): number {
    return this.#open.size;
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
    for (const socket of this.#open.keys()) socket.resetAndDestroy();
  }

  /** Closes every connection that there is by plan: GOAWAY, and calls under way may end within the grace. */
  sendGoaway(graceMs: number): void {
    for (const injector of this.#open.values()) injector.drain(graceMs);
  }

  /** Accepts nothing more. Settles when the connections that there were are gone too. */
  close(): Promise<void> {
    return new Promise((resolve) => this.#server.close(() => resolve()));
  }

  #accept(socket: Socket): void {
    const number = ++this.#accepted;
    const { remoteAddress = '', remotePort = 0 } = socket;
    const { server, credentials, onConnection } = this.#options;
    const injector = server.createConnectionInjector(credentials());
    this.#open.set(socket, injector);
    socket.on('error', () => {}); // a peer that went away: the 'close' that follows is all there is to do
    socket.on('close', () => {
      this.#open.delete(socket);
      injector.destroy();
      onConnection?.({ event: 'disconnected', number, remoteAddress, remotePort });
    });
    onConnection?.({ event: 'connected', number, remoteAddress, remotePort });
    const watching = this.#options.watchers();
    injector.injectConnection(watching.length === 0 ? socket : new Carrier(socket, watchers(watching)));
  }
}
