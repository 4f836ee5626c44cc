/**
 * A TCP proxy in front of a target, for faults of the network: late, slow, silent, cut. What is set applies to connections
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
  /** The same, but only what comes from the target counts: its answers; null: never. */
  cutAnswerAfterBytes: number | null;
  /** Each way of each connection; the sender is held up when much waits. null: as fast as it goes. */
  bytesPerSecond: number | null;
}

/** A slow way passes so many pieces a second, and keeps at most so many bytes waiting. */
const PIECES_PER_SECOND = 20;
const MAX_WAITING_BYTES = 64 * 1024;

interface Step {
  dueMs: number;
  bytes: number;
  act: () => void;
}

/** One direction of a connection: things to do, in order, each when its delay is over and the way is free. */
class Way {
  readonly #faults: () => ProxyFaults;
  readonly #onRoom: () => void;
  readonly #queue: Step[] = [];
  #waitingBytes = 0;
  #freeAtMs = 0;
  #timer: NodeJS.Timeout | undefined;

  /** `onRoom`: told when it is not full any more. */
  constructor(faults: () => ProxyFaults, onRoom: () => void) {
    this.#faults = faults;
    this.#onRoom = onRoom;
  }

  get full(): boolean {
    return this.#faults().bytesPerSecond !== null && this.#waitingBytes >= MAX_WAITING_BYTES;
  }

  push(act: () => void): void {
    this.#add(0, act);
  }

  pass(chunk: Buffer, write: (piece: Buffer) => void): void {
    const { bytesPerSecond } = this.#faults();
    const size = bytesPerSecond === null ? chunk.length : Math.max(1, Math.floor(bytesPerSecond / PIECES_PER_SECOND));
    for (let at = 0; at < chunk.length; at += size) {
      const piece = chunk.subarray(at, at + size);
      this.#add(piece.length, () => write(piece));
    }
  }

  #add(bytes: number, act: () => void): void {
    this.#queue.push({ dueMs: performance.now() + this.#faults().delayMs, bytes, act });
    this.#waitingBytes += bytes;
    this.wake();
  }

  /** Does what is due; called again when the faults have changed. */
  wake(): void {
    clearTimeout(this.#timer);
    const { frozen, bytesPerSecond } = this.#faults();
    if (frozen) return;
    const wasFull = this.full;
    for (let next = this.#queue[0]; next; next = this.#queue[0]) {
      const nowMs = performance.now();
      const leftMs = Math.max(next.dueMs, bytesPerSecond === null ? 0 : this.#freeAtMs) - nowMs;
      if (leftMs > 0) {
        this.#timer = setTimeout(() => this.wake(), leftMs);
        break;
      }
      this.#queue.shift();
      this.#waitingBytes -= next.bytes;
      if (bytesPerSecond !== null) {
        this.#freeAtMs = Math.max(this.#freeAtMs, nowMs) + (next.bytes * 1000) / bytesPerSecond;
      }
      next.act();
    }
    if (wasFull && !this.full) this.#onRoom();
  }

  end(): void {
    clearTimeout(this.#timer);
    this.#queue.length = 0;
    this.#waitingBytes = 0;
  }
}

interface Pair {
  client: Socket;
  target: Socket;
  ways: Way[];
  bytes: number;
  answerBytes: number;
}

const WHOLE: ProxyFaults = {
  delayMs: 0,
  frozen: false,
  refusing: false,
  cutAfterBytes: null,
  cutAnswerAfterBytes: null,
  bytesPerSecond: null,
};

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
    const pair: Pair = { client, target, bytes: 0, answerBytes: 0, ways: [] };
    this.#pairs.add(pair);
    target.on('error', () => {});
    this.#forward(pair, client, target);
    this.#forward(pair, target, client);
  }

  #forward(pair: Pair, from: Socket, to: Socket): void {
    const goOn = (): void => {
      if (!this.#faults.frozen) from.resume();
    };
    const way = new Way(() => this.#faults, goOn);
    pair.ways.push(way);
    from.on('data', (chunk: Buffer) => {
      pair.bytes += chunk.length;
      if (from === pair.target) pair.answerBytes += chunk.length;
      const { cutAfterBytes, cutAnswerAfterBytes } = this.#faults;
      const over = (bytes: number, limit: number | null): boolean => limit !== null && bytes > limit;
      const answer = from === pair.target && over(pair.answerBytes, cutAnswerAfterBytes);
      if (answer || over(pair.bytes, cutAfterBytes)) {
        this.#reset(pair);
        return;
      }
      way.pass(chunk, (piece) => to.writable && to.write(piece));
      if (way.full) from.pause();
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
