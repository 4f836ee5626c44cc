/**
 * The way of the `op` process to the one that serves: a Unix socket for the same user only, one JSON object a
 * connection, its answer, the end. What an order is, is not its business.
 */
import { chmodSync, lstatSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { describe } from '../shared/errors/daemon-error.ts';
import { JsonFrames } from '../shared/platform/json-frames.ts';
import { listenOnSocket } from '../shared/platform/unix-socket.ts';

/** A package of 10 MiB in base64, with room. */
const MAX_FRAME_BYTES = 16 * 1024 * 1024;

export type ControlAnswer = { result: unknown } | { error: string };

/** No Manager is to be reached at the socket. */
export class NoManagerError extends Error {
  override readonly name = 'NoManagerError';
}

/** Where a Manager of this user with that port listens. */
export function defaultControlPath(folder: string, port: number, uid = userInfo().uid): string {
  return join(folder, `manager-${port}-${uid}.sock`);
}

export class ControlSocket {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  /** `carryOut` is given an object; what it rejects with is the answer too. */
  constructor(carryOut: (order: unknown) => Promise<unknown>) {
    this.#server = createServer((socket) => this.#serve(socket, carryOut));
  }

  /** Throws where the path is served by another program, or is not to be had. */
  async listen(path: string): Promise<void> {
    await listenOnSocket(this.#server, path);
    chmodSync(path, 0o600);
  }

  /** The file goes with it; who still waits is cut off. */
  close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    return new Promise((resolve) => this.#server.close(() => resolve()));
  }

  #serve(socket: Socket, carryOut: (order: unknown) => Promise<unknown>): void {
    this.#sockets.add(socket);
    socket.on('close', () => this.#sockets.delete(socket));
    socket.on('error', () => {}); // who asked has gone: what was asked for goes on
    const frames = new JsonFrames(MAX_FRAME_BYTES);
    const answer = (value: ControlAnswer): void => {
      if (socket.writable) socket.end(`${JSON.stringify(value)}\n`);
    };
    socket.on('data', (chunk: Buffer) => {
      let orders: unknown[];
      try {
        orders = frames.push(chunk);
      } catch (error) {
        answer({ error: describe(error) });
        return;
      }
      for (const order of orders) {
        carryOut(order).then(
          (result) => answer({ result }),
          (error: unknown) => answer({ error: describe(error) }),
        );
      }
    });
  }
}

/** Another user may have put a socket of that name into a folder for all. */
function checkOwner(path: string, own: number): void {
  try {
    const { uid } = lstatSync(path);
    if (uid === 0 || uid === own) return;
  } catch (cause) {
    throw new NoManagerError(`no Manager serves ${path}`, { cause });
  }
  throw new NoManagerError(`${path} belongs to another user: it is not asked`);
}

/** Rejects with NoManagerError, or with an Error that has the words of the Manager. */
export async function ask(path: string, order: unknown, uid = userInfo().uid): Promise<unknown> {
  checkOwner(path, uid);
  return new Promise((resolve, reject) => {
    const socket = connect(path);
    let connected = false;
    const frames = new JsonFrames(2 * MAX_FRAME_BYTES);
    socket.once('connect', () => {
      connected = true;
      socket.write(`${JSON.stringify(order)}\n`);
    });
    socket.once('error', (cause) => {
      if (!connected) reject(new NoManagerError(`no Manager serves ${path}`, { cause }));
      else reject(new Error('the Manager ended before it answered', { cause }));
    });
    socket.once('close', () => reject(new Error('the Manager ended before it answered')));
    socket.on('data', (chunk: Buffer) => {
      const [answer] = frames.push(chunk) as ControlAnswer[];
      if (!answer) return;
      socket.destroy();
      if ('error' in answer) reject(new Error(answer.error));
      else resolve(answer.result);
    });
  });
}
