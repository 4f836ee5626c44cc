/**
 * A TCP proxy on loopback that stands for a longer way: each direction takes half of the round trip that it is told,
 * and keeps its order. What is under way does not wait for what went before, as on a real line. It delays bytes only:
 * connecting to it takes no time, and no window of a real network's TCP has to grow.
 */
import { connect, type Socket } from 'node:net';
import type { Scope } from '../src/shared/lifecycle/scope.ts';
import { listenOnLoopback } from './loopback-server.ts';

/** Does things in their order, each as long after it was handed over as the line is told. */
export class DelayLine {
  readonly #delayMs: number;
  readonly #under: { dueMs: number; act: () => void }[] = [];
  #timer: NodeJS.Timeout | null = null;
  #closed = false;

  constructor(delayMs: number) {
    this.#delayMs = delayMs;
  }

  push(act: () => void): void {
    if (this.#closed) return;
    this.#under.push({ dueMs: performance.now() + this.#delayMs, act });
    if (this.#under.length === 1) this.#wait();
  }

  /** What is under way is lost. */
  close(): void {
    this.#closed = true;
    this.#under.length = 0;
    if (this.#timer) clearTimeout(this.#timer);
  }

  #wait(): void {
    const [next] = this.#under;
    if (!next) return;
    const leftMs = next.dueMs - performance.now();
    // a timer counts whole milliseconds and comes late rather than early: the last one goes by turns of the event loop
    if (leftMs >= 2) this.#timer = setTimeout(() => this.#run(), Math.floor(leftMs) - 1);
    else setImmediate(() => this.#run());
  }

  #run(): void {
    for (let next = this.#under[0]; next && next.dueMs <= performance.now(); next = this.#under[0]) {
      this.#under.shift();
      next.act();
    }
    this.#wait();
  }
}

/** `delayMs` is what a round trip takes longer. Listens until the scope ends; gives the port. */
export function openDelayProxy(scope: Scope, targetPort: number, delayMs: number): Promise<number> {
  const sockets = new Set<Socket>();
  const pass = (from: Socket, to: Socket): void => {
    sockets.add(from);
    const line = new DelayLine(delayMs / 2);
    from.on('data', (chunk: Buffer) => line.push(() => to.write(chunk)));
    from.on('end', () => line.push(() => to.end()));
    from.on('error', () => line.push(() => to.destroy()));
    from.on('close', () => sockets.delete(from));
    to.on('close', () => line.close()); // nobody is there any more to bring the rest to
  };
  const accept = (client: Socket): void => {
    const target = connect({ host: '127.0.0.1', port: targetPort, noDelay: true, allowHalfOpen: true });
    pass(client, target);
    pass(target, client);
  };
  // each direction ends by itself, once what is under way has come through
  return listenOnLoopback(scope, { accept, sockets, allowHalfOpen: true });
}
