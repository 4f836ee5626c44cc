/**
 * A TCP proxy in front of a target, for faults of the network: late, silent, cut. What is set applies to connections
 * that are open and to those to come, both ways. A frozen proxy neither reads nor closes, so that neither side hears
 * anything, not even a FIN: a cable that was pulled. Put in again, what was on its way goes on, as TCP would have it.
 */
import { connect, createServer, type Server, type Socket } from 'node:net';

export interface ProxyFaults {
  /** Held back each way, ms. */
  delayMs: number;
  /** Nothing passes, nothing is closed. */
  frozen: boolean;
  /** New connections are reset. */
  refusing: boolean;
  /** A connection is reset once this many bytes have passed, both ways together; null: never. */
  cutAfterBytes: number | null;
}

/** One direction of a connection: things to do, in order, each when its delay is over. */
class Way {
  readonly #faults: () => ProxyFaults;
  readonly #queue: { dueMs: number; act: () => void }[] = [];
  #timer: NodeJS.Timeout | undefined;

  constructor(faults: () => ProxyFaults) {
    this.#faults = faults;
  }

  push(act: () => void): void {
    this.#queue.push({ dueMs: performance.now() + this.#faults().delayMs, act });
    this.wake();
  }

  /** Does what is due; called again when the faults have changed. */
  wake(): void {
    clearTimeout(this.#timer);
    if (this.#faults().frozen) return;
    for (let next = this.#queue[0]; next; next = this.#queue[0]) {
      const leftMs = next.dueMs - performance.now();
      if (leftMs > 0) {
        this.#timer = setTimeout(() => this.wake(), leftMs);
        return;
      }
      this.#queue.shift();
      next.act();
    }
  }

  end(): void {
    clearTimeout(this.#timer);
    this.#queue.length = 0;
  }
}

interface Pair {
  client: Socket;
  target: Socket;
  ways: Way[];
  bytes: number;
}

const WHOLE: ProxyFaults = { delayMs: 0, frozen: false, refusing: false, cutAfterBytes: null };

export class TcpProxy {
  readonly #server: Server;
  readonly #target: { host: string; port: number };
  readonly #pairs = new Set<Pair>();
  #faults: ProxyFaults = WHOLE;
  #accepted = 0;
  #port = 0;

  private constructor(target: { host: string; port: number }) {
    this.#target = target;
    this.#server = createServer({ allowHalfOpen: true }, (client) => this.#accept(client));
  }

  /** Listens on a free port of 127.0.0.1. */
  static async listen(target: { host?: string; port: number }): Promise<TcpProxy> {
    const proxy = new TcpProxy({ host: '127.0.0.1', ...target });
    await new Promise<void>((resolve, reject) => {
      proxy.#server.once('error', reject);
      proxy.#server.listen(0, '127.0.0.1', resolve);
    });
    const address = proxy.#server.address();
    proxy.#port = typeof address === 'object' && address ? address.port : 0;
    return proxy;
  }

  get port(): number {
    return this.#port;
  }

  /** Connections that are open now. */
  get connections(): number {
    return this.#pairs.size;
  }

  /** Connections that were ever accepted, refused ones not counted. */
  get accepted(): number {
    return this.#accepted;
  }

  /** Sets some faults and leaves the others. */
  set(faults: Partial<ProxyFaults>): void {
    this.#faults = { ...this.#faults, ...faults };
    for (const { client, target, ways } of this.#pairs) {
      for (const socket of [client, target]) {
        if (this.#faults.frozen) socket.pause();
        else socket.resume();
      }
      for (const way of ways) way.wake();
    }
  }

  /** Everything passes again. */
  pass(): void {
    this.set(WHOLE);
  }

  /** Resets the connections that are open. */
  drop(): void {
    for (const pair of this.#pairs) this.#reset(pair);
  }

  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    for (const { client, target, ways } of this.#pairs) {
      for (const way of ways) way.end();
      client.destroy();
      target.destroy();
    }
    await closed;
  }

  #accept(client: Socket): void {
    client.on('error', () => {}); // the 'close' that follows says it all
    if (this.#faults.refusing) {
      client.resetAndDestroy();
      return;
    }
    this.#accepted++;
    const target = connect({ ...this.#target, allowHalfOpen: true });
    const pair: Pair = { client, target, bytes: 0, ways: [] };
    this.#pairs.add(pair);
    target.on('error', () => {});
    this.#forward(pair, client, target);
    this.#forward(pair, target, client);
  }

  #forward(pair: Pair, from: Socket, to: Socket): void {
    const way = new Way(() => this.#faults);
    pair.ways.push(way);
    from.on('data', (chunk) => {
      pair.bytes += chunk.length;
      const { cutAfterBytes } = this.#faults;
      if (cutAfterBytes !== null && pair.bytes > cutAfterBytes) this.#reset(pair);
      else way.push(() => to.writable && to.write(chunk));
    });
    from.on('end', () => way.push(() => to.end()));
    from.on('close', () => {
      if (pair.client.destroyed && pair.target.destroyed) this.#pairs.delete(pair);
      else way.push(() => to.destroy());
    });
    if (this.#faults.frozen) from.pause();
  }

  #reset({ client, target, ways }: Pair): void {
    for (const way of ways) way.end();
    client.resetAndDestroy();
    target.resetAndDestroy();
  }
}
