/** A daemon's control socket without the daemon: answers as it is told, on a real Unix socket. */
import { createServer, type Server, type Socket } from 'node:net';
import type { ControlHandlers, ControlVerb } from '../../../src/shared/contracts/control.ts';
import { JsonFrames } from '../../../src/shared/platform/json-frames.ts';

export interface Question {
  verb: ControlVerb;
  input: unknown;
}

/** An error with a code, as the daemon answers one. */
export class Refusal extends Error {
  readonly code: string;

  constructor(code: string, message: string) {
    super(message);
    this.code = code;
  }
}

export class FakeDaemon {
  readonly path: string;
  /** In the order of their coming. */
  readonly asked: Question[] = [];
  /** May be changed at any time; a verb that is not there is an internal error. */
  handlers: Partial<ControlHandlers>;
  readonly #sockets = new Set<Socket>();
  #server: Server | null = null;

  private constructor(path: string, handlers: Partial<ControlHandlers>) {
    this.path = path;
    this.handlers = handlers;
  }

  static async listen(path: string, handlers: Partial<ControlHandlers>): Promise<FakeDaemon> {
    const daemon = new FakeDaemon(path, handlers);
    await daemon.comeBack();
    return daemon;
  }

  /** Cuts whoever is connected off; nobody listens then. */
  goAway(): Promise<void> {
    const server = this.#server;
    this.#server = null;
    for (const socket of this.#sockets) socket.destroy();
    return new Promise((resolve) => (server ? server.close(() => resolve()) : resolve()));
  }

  async comeBack(): Promise<void> {
    const server = createServer((socket) => this.#serve(socket));
    await new Promise<void>((resolve, reject) => server.once('error', reject).listen(this.path, resolve));
    this.#server = server;
  }

  askedFor(verb: ControlVerb): unknown[] {
    return this.asked.filter((question) => question.verb === verb).map(({ input }) => input);
  }

  #serve(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on('close', () => this.#sockets.delete(socket));
    socket.on('error', () => {}); // whoever asked has gone
    const frames = new JsonFrames(1024 * 1024);
    socket.on('data', (chunk: Buffer) => {
      for (const question of frames.push(chunk) as Question[]) void this.#answer(socket, question);
    });
  }

  async #answer(socket: Socket, question: Question): Promise<void> {
    this.asked.push(question);
    const handler = this.handlers[question.verb] as ((input: unknown) => Promise<unknown>) | undefined;
    let answer: object;
    try {
      if (!handler) throw new Error(`the fake has no ${question.verb}`);
      answer = { result: await handler(question.input) };
    } catch (error) {
      const code = error instanceof Refusal ? error.code : 'internal';
      answer = { error: { code, message: error instanceof Error ? error.message : String(error) } };
    }
    if (!socket.destroyed) socket.write(`${JSON.stringify(answer)}\n`);
  }
}
