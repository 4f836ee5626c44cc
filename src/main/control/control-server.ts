/**
 * Serves the control socket: a request in, an answer out, in order. What is not JSON gets an answer that says so and
 * ends that connection; nothing that comes in here can end the daemon. What a request asks for goes on to its end
 * whether or not somebody waits for the answer.
 */
import { createServer, type Server, type Socket } from 'node:net';
import type { ControlHandlers, ControlVerb } from '../../shared/contracts/control.ts';
import { describe } from '../../shared/errors/daemon-error.ts';
import { JsonFrames } from '../../shared/platform/json-frames.ts';
import { listenOnSocket } from '../../shared/platform/unix-socket.ts';

export interface ControlServerOptions {
  path: string;
  handlers: ControlHandlers;
  log: { info(fields: object, message?: string): void; warn(fields: object, message?: string): void };
}

/** A request carries a manifest and a signature at most. */
const MAX_REQUEST_BYTES = 256 * 1024;
const MAX_CONNECTIONS = 32;

interface Call {
  verb: ControlVerb;
  input: never;
}

export class ControlServer {
  readonly #options: ControlServerOptions;
  readonly #server: Server;
  readonly #connections = new Set<Socket>();

  private constructor(options: ControlServerOptions) {
    this.#options = options;
    this.#server = createServer((socket) => this.#serve(socket));
    this.#server.maxConnections = MAX_CONNECTIONS;
  }

  static async listen(options: ControlServerOptions): Promise<ControlServer> {
    const control = new ControlServer(options);
    await listenOnSocket(control.#server, options.path);
    control.#server.on('error', (err) =>
      options.log.warn({ event: 'control-socket', err }, 'the control socket failed'),
    );
    return control;
  }

  /** Ends the connections and removes the socket file. */
  close(): Promise<void> {
    for (const socket of this.#connections) socket.destroy();
    return new Promise((resolve) => this.#server.close(() => resolve()));
  }

  #serve(socket: Socket): void {
    this.#connections.add(socket);
    socket.on('close', () => this.#connections.delete(socket));
    socket.on('error', (err) =>
      this.#options.log.warn({ event: 'control-socket', err }, 'a control connection failed'),
    );
    const frames = new JsonFrames(MAX_REQUEST_BYTES);
    let queue = Promise.resolve();
    const answer = (work: () => Promise<object>, last = false): void => {
      queue = queue.then(async () => {
        const text = `${JSON.stringify(await work())}\n`;
        // nothing more is read from it, so its end would not be seen: it is ended here
        if (last) socket.end(text, () => socket.destroy());
        else if (!socket.destroyed) socket.write(text);
      });
    };
    socket.on('data', (chunk: Buffer) => {
      try {
        for (const request of frames.push(chunk)) answer(() => this.#answer(request));
      } catch (error) {
        socket.pause();
        answer(async () => refusal(error), true);
      }
    });
  }

  /** Never rejects. */
  async #answer(request: unknown): Promise<object> {
    try {
      const { verb, input } = this.#parse(request);
      this.#options.log.info({ event: 'control', verb }, `asked on this host: ${verb}`);
      return { result: await this.#options.handlers[verb](input) };
    } catch (error) {
      return refusal(error);
    }
  }

  #parse(request: unknown): Call {
    const { verb, input = {} } = request as { verb?: unknown; input?: unknown };
    const { handlers } = this.#options;
    if (typeof verb !== 'string' || !Object.hasOwn(handlers, verb)) {
      throw new Error(`there is no verb ${String(verb)}; there are ${Object.keys(handlers).join(', ')}`);
    }
    if (typeof input !== 'object' || input === null) throw new Error('input is not an object');
    return { verb: verb as ControlVerb, input: input as never };
  }
}

function refusal(error: unknown): object {
  const code = error instanceof Error && 'code' in error ? String(error.code) : 'internal';
  return { error: { code, message: describe(error) } };
}
