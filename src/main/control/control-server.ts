/**
 * Serves the control socket: a line in, a line out, in order. A line that is no request gets an answer that says so and
 * ends that connection; nothing that comes in here can end the daemon. What a request asks for goes on to its end
 * whether or not somebody waits for the answer.
 */
import { createServer, type Server, type Socket } from 'node:net';
import { createInterface } from 'node:readline';
import type { ControlHandlers, ControlVerb } from '../../shared/contracts/control.ts';
import { describe } from '../../shared/errors/daemon-error.ts';
import { listenOnSocket } from '../../shared/platform/unix-socket.ts';

export interface ControlServerOptions {
  path: string;
  handlers: ControlHandlers;
  log: { info(fields: object, message?: string): void; warn(fields: object, message?: string): void };
}

/** A request carries a manifest and a signature at most. */
const MAX_LINE = 256 * 1024;
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
    let length = 0;
    socket.on('data', (chunk: Buffer) => {
      const end = chunk.lastIndexOf(0x0a);
      length = end < 0 ? length + chunk.length : chunk.length - end;
      if (length > MAX_LINE) socket.destroy();
    });
    let queue = Promise.resolve();
    const lines = createInterface({ input: socket, crlfDelay: Number.POSITIVE_INFINITY });
    lines.on('line', (line) => {
      queue = queue.then(async () => {
        const answer = await this.#answer(line);
        if (!socket.destroyed) socket.write(`${JSON.stringify(answer)}\n`);
        if ('malformed' in answer) socket.end();
      });
    });
  }

  /** Never rejects. */
  async #answer(line: string): Promise<object> {
    let call: Call;
    try {
      call = this.#parse(line);
    } catch (error) {
      return { error: { code: 'internal', message: describe(error) }, malformed: true };
    }
    const { verb, input } = call;
    try {
      this.#options.log.info({ event: 'control', verb }, `asked on this host: ${verb}`);
      return { result: await this.#options.handlers[verb](input) };
    } catch (error) {
      const code = error instanceof Error && 'code' in error ? String(error.code) : 'internal';
      return { error: { code, message: describe(error) } };
    }
  }

  #parse(line: string): Call {
    const call: unknown = JSON.parse(line);
    if (typeof call !== 'object' || call === null) throw new Error('a request is a JSON object');
    const { verb, input = {} } = call as { verb?: unknown; input?: unknown };
    const { handlers } = this.#options;
    if (typeof verb !== 'string' || !Object.hasOwn(handlers, verb)) {
      throw new Error(`there is no verb ${String(verb)}; there are ${Object.keys(handlers).join(', ')}`);
    }
    if (typeof input !== 'object' || input === null) throw new Error('input is not an object');
    return { verb: verb as ControlVerb, input: input as never };
  }
}
