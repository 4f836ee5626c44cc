/**
 * A TCP proxy on loopback in front of the Manager, which counts the bytes of each way and can be told that the Manager
 * is away: then open connections are reset, and so is each new one.
 */
import { connect, type Socket } from 'node:net';
import type { Scope } from '../../src/shared/lifecycle/scope.ts';
import { listenOnLoopback } from '../loopback-server.ts';
import type { Passed } from './link-bytes.ts';

export class LinkProxy {
  readonly #sockets = new Set<Socket>();
  readonly #targetPort: number;
  #port = 0;
  #passed: Passed[] | null = null;
  #away = false;

  private constructor(targetPort: number) {
    this.#targetPort = targetPort;
  }

  /** Listens on a free port until the scope ends. */
  static async open(scope: Scope, targetPort: number): Promise<LinkProxy> {
    const proxy = new LinkProxy(targetPort);
    const accept = (client: Socket): void => proxy.#accept(client);
    proxy.#port = await listenOnLoopback(scope, { accept, sockets: proxy.#sockets });
    return proxy;
  }

  get port(): number {
    return this.#port;
  }

  /** Forgets what was counted before, and counts from now on. */
  count(): void {
    this.#passed = [];
  }

  get passed(): readonly Passed[] {
    return this.#passed ?? [];
  }

  away(): void {
    this.#away = true;
    for (const socket of this.#sockets) socket.resetAndDestroy();
  }

  back(): void {
    this.#away = false;
  }

  #accept(client: Socket): void {
    client.on('error', () => {}); // 'close' follows
    if (this.#away) {
      client.resetAndDestroy();
      return;
    }
    const target = connect({ host: '127.0.0.1', port: this.#targetPort, noDelay: true });
    target.on('error', () => {});
    this.#pass(client, target, (bytes) => ({ up: bytes, down: 0 }));
    this.#pass(target, client, (bytes) => ({ up: 0, down: bytes }));
  }

  #pass(from: Socket, to: Socket, counted: (bytes: number) => Omit<Passed, 'atMs'>): void {
    this.#sockets.add(from);
    from.on('data', (chunk: Buffer) => {
      this.#passed?.push({ atMs: Date.now(), ...counted(chunk.length) });
    });
    from.pipe(to);
    from.on('close', () => {
      this.#sockets.delete(from);
      to.destroy();
    });
  }
}
