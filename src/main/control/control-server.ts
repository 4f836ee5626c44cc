/**
 * Serves the control socket: a request in, an answer out, in order, one at a time a connection. What is not JSON gets an
 * answer that says so and ends that connection; nothing that comes in here can end the daemon, or make it grow: nothing
 * more is read of a connection that does not read its answers. What a request changes goes on to its end whether or not
 * somebody waits for the answer.
 */
import { chownSync, statSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { dirname } from 'node:path';
import type { ControlHandlers, ControlVerb } from '../../shared/contracts/control.ts';
import { describe } from '../../shared/errors/daemon-error.ts';
import { JsonFrames } from '../../shared/platform/json-frames.ts';
import { listenOnSocket } from '../../shared/platform/unix-socket.ts';
import { ControlRefusal } from './refusal.ts';

export interface ControlServerOptions {
  path: string;
  handlers: ControlHandlers;
  log: {
    debug(fields: object, message?: string): void;
    info(fields: object, message?: string): void;
    warn(fields: object, message?: string): void;
  };
  /** How long a connection may do nothing, or not read its answer. Default: five minutes. */
  idleMs?: number;
}

/** A request carries a manifest and a signature at most. */
const MAX_REQUEST_BYTES = 256 * 1024;
const MAX_CONNECTIONS = 32;
/** Requests of one connection that wait: then it is not read on. */
const MAX_WAITING = 8;
const IDLE_MS = 5 * 60_000;
/** Those that change something are told in the log. */
const ACTS: readonly ControlVerb[] = ['operate', 'reload', 'update', 'updateAcknowledge', 'rollback'];
/** It went away; that is its own business. */
const GONE = ['EPIPE', 'ECONNRESET'];

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
    // one that has said all that it wants to say still gets its answers: `echo … | nc -U`
    this.#server = createServer({ allowHalfOpen: true }, (socket) => this.#serve(socket));
  }

  static async listen(options: ControlServerOptions): Promise<ControlServer> {
    const control = new ControlServer(options);
    await listenOnSocket(control.#server, options.path);
    control.#giveToGroupOfFolder();
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

  /** Whose folder it is may ask: a new socket is of the daemon's own group. */
  #giveToGroupOfFolder(): void {
    const { path, log } = this.#options;
    const { gid } = statSync(dirname(path));
    if (statSync(path).gid === gid) return;
    try {
      chownSync(path, -1, gid);
    } catch (err) {
      log.warn({ event: 'control-socket', path, gid, err }, 'the control socket stays with the daemon’s own group');
    }
  }

  #serve(socket: Socket): void {
    const { log, idleMs = IDLE_MS } = this.#options;
    const gone = new AbortController();
    this.#connections.add(socket);
    socket.on('close', () => {
      this.#connections.delete(socket);
      gone.abort();
    });
    socket.on('error', (err) => {
      const level = 'code' in err && GONE.includes(String(err.code)) ? 'debug' : 'warn';
      log[level]({ event: 'control-socket', err }, 'a control connection failed');
    });
    const frames = new JsonFrames(MAX_REQUEST_BYTES);
    let waiting = 0;
    let working = false;
    let refused = false;
    let queue = Promise.resolve();
    // as long as it waits for us it may; while we wait for it, that has an end
    socket.setTimeout(idleMs, () => {
      if (!working) socket.destroy();
    });
    const answer = (work: () => Promise<object>, last = false): void => {
      waiting++;
      queue = queue.then(async () => {
        working = true;
        const text = `${JSON.stringify(await work())}\n`;
        working = false;
        socket.setTimeout(idleMs); // counted from here
        // nothing more is read from it, so its end would not be seen: it is ended here
        if (last) socket.end(text, () => socket.destroy());
        else if (!socket.destroyed && !socket.write(text)) await drained(socket);
        if (--waiting < MAX_WAITING && !refused) socket.resume();
      });
    };
    const refuse = (error: unknown): void => {
      refused = true;
      socket.pause();
      answer(async () => refusal(error), true);
    };
    if (this.#connections.size > MAX_CONNECTIONS) {
      refuse(new ControlRefusal('busy', `${MAX_CONNECTIONS} connections are open already: ask again later`));
      return;
    }
    socket.on('end', () => {
      gone.abort(); // whether it still reads cannot be known: nothing is waited for any more
      queue = queue.then(() => void socket.end());
    });
    socket.on('data', (chunk: Buffer) => {
      try {
        for (const request of frames.push(chunk)) answer(() => this.#answer(request, socket, gone.signal));
        if (waiting >= MAX_WAITING) socket.pause();
      } catch (error) {
        refuse(new ControlRefusal('invalid', describe(error)));
      }
    });
  }

  /** Never rejects. */
  async #answer(request: unknown, socket: Socket, signal: AbortSignal): Promise<object> {
    try {
      const { verb, input } = this.#parse(request);
      const acts = ACTS.includes(verb);
      if (socket.destroyed && !acts) return {}; // nobody will see it
      const level = acts ? 'info' : 'debug';
      this.#options.log[level]({ event: 'control', verb }, `asked on this host: ${verb}`);
      return { result: await this.#options.handlers[verb](input, { signal }) };
    } catch (error) {
      return refusal(error);
    }
  }

  #parse(request: unknown): Call {
    const { verb, input = {} } = request as { verb?: unknown; input?: unknown };
    const { handlers } = this.#options;
    if (typeof verb !== 'string' || !Object.hasOwn(handlers, verb)) {
      const known = Object.keys(handlers).join(', ');
      throw new ControlRefusal('invalid', `there is no verb ${String(verb).slice(0, 100)}; there are ${known}`);
    }
    if (typeof input !== 'object' || input === null) throw new ControlRefusal('invalid', 'input is not an object');
    return { verb: verb as ControlVerb, input: input as never };
  }
}

/** Until it has read what was written, or is gone. */
function drained(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    const finish = (): void => {
      socket.off('drain', finish);
      socket.off('close', finish);
      resolve();
    };
    socket.once('drain', finish);
    socket.once('close', finish);
  });
}

/** The system's own codes say nothing to whoever asks. */
function refusal(error: unknown): object {
  return { error: { code: codeOf(error), message: describe(error) } };
}

/** By its form: the class of an error that comes out of another bundle (an update's) is not the one known here. */
function codeOf(error: unknown): string {
  if (error instanceof ControlRefusal) return error.code;
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  return /^D\d{4}$/.test(code) ? code : 'internal';
}
