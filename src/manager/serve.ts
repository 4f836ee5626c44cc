/**
 * A Manager that serves until it is told to end: events to standard output, orders from standard input and the control
 * socket, certificates anew on SIGHUP, the end on SIGTERM or SIGINT. The end of standard input means nothing.
 */
import { tmpdir } from 'node:os';
import { createInterface, type Interface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import type { ManagerLine } from '../shared/contracts/manager-events.ts';
import { describe } from '../shared/errors/daemon-error.ts';
import { Scope } from '../shared/lifecycle/scope.ts';
import { systemClock } from '../shared/platform/clock.ts';
import type { Command } from './commands.ts';
import { ControlSocket, defaultControlPath } from './control-socket.ts';
import { type ManagerOptions, ReferenceManager } from './manager.ts';
import { carryOut, execute, isObject } from './orders.ts';
import { renderEvent } from './render.ts';

export interface ServeSettings {
  manager: ManagerOptions;
  host: string;
  port: number;
  /** Null: plaintext. */
  tlsFolder: string | null;
  json: boolean;
  /** Null: named by port and user, in the folder for temporary files; none for a port that nobody knows before (0). */
  controlPath: string | null;
  faults: Command[];
}

type Say = (text: string) => void;

/** The process that serves, or what stands for it in a test. */
export type ServingProcess = Pick<NodeJS.Process, 'on' | 'off' | 'once'> & {
  stdin: Readable;
  stdout: Writable;
  stderr: Writable;
};

export async function serve(
  { manager: options, json, faults, ...settings }: ServeSettings,
  io: ServingProcess = process,
): Promise<void> {
  const say: Say = (text) => io.stderr.write(`manager: ${text}\n`);
  const show = (line: ManagerLine): void => {
    io.stdout.write(`${json ? JSON.stringify(line) : renderEvent(line)}\n`);
  };
  const scope = new Scope();
  const stopped = new Promise<void>((resolve) => {
    // before it listens: a signal that comes early must find its handler
    for (const signal of ['SIGTERM', 'SIGINT'] as const) io.once(signal, () => resolve());
  });
  // whoever read the lines has gone; serving goes on
  io.stdout.on('error', () => {});
  const manager = new ReferenceManager({ ...options, onEvent: show, onNotice: show });
  const onHangup = (): void => {
    manager.reloadTls().catch(() => {}); // the Manager has told it
  };
  io.on('SIGHUP', onHangup);
  try {
    await scope.add(() => manager.stop());
    await scope.add(() => {
      io.off('SIGHUP', onHangup);
    });
    const { host, tlsFolder } = settings;
    if (tlsFolder === null) say('TLS is off: whoever is on the way reads and changes what is said, and may be anybody');
    for (const command of faults) await execute(manager, command);
    const port = await manager.start({ host, port: settings.port, tlsFolder });
    const order = (json: unknown): Promise<unknown> => controlled(manager, json, show);
    const named = settings.controlPath;
    const control =
      settings.port === 0 && named === null ? null : await listenForOrders(named, port, order, scope, say);
    show({ event: 'listening', port, ...(control === null ? {} : { control }) });
    const lines = readOrders(manager, io.stdin, show);
    await scope.add(() => {
      lines.close();
      io.stdin.destroy();
    });
    await stopped;
  } finally {
    await scope.close();
  }
}

/** Returns the socket's path; null where there is none: only one that was named must be had. */
async function listenForOrders(
  named: string | null,
  port: number,
  order: (json: unknown) => Promise<unknown>,
  scope: Scope,
  say: Say,
): Promise<string | null> {
  const path = named ?? defaultControlPath(tmpdir(), port);
  const control = new ControlSocket(order);
  try {
    await control.listen(path);
  } catch (cause) {
    const error = new Error(`the control socket ${path} is not to be had`, { cause });
    if (named !== null) throw error;
    say(`${describe(error)}; it serves without one`);
    return null;
  }
  await scope.add(() => control.close());
  return path;
}

/** As the control socket answers it: operations' outcomes and events alike. */
async function controlled(
  manager: ReferenceManager,
  order: unknown,
  show: (line: ManagerLine) => void,
): Promise<unknown> {
  const answer = await carryOut(manager, order, systemClock);
  if ('outcome' in answer) return answer.outcome;
  if (answer.event.event !== 'nodes') show(answer.event);
  return answer.event;
}

/** Orders of standard input: one after another, but for operations, for which nobody waits. */
function readOrders(manager: ReferenceManager, input: Readable, show: (line: ManagerLine) => void): Interface {
  const lines = createInterface({ input });
  lines.on('error', () => {}); // of the input: as its end, no more orders come
  const refused = (error: unknown): void => show({ event: 'fault', fault: '', error: describe(error) });
  const obey = async (order: unknown): Promise<void> => {
    try {
      const answer = await carryOut(manager, order, systemClock);
      if ('event' in answer) show(answer.event);
    } catch (error) {
      refused(error);
    }
  };
  let before = Promise.resolve();
  lines.on('line', (line) => {
    if (line.trim() === '') return;
    let order: unknown;
    try {
      order = JSON.parse(line);
    } catch (error) {
      refused(error);
      return;
    }
    if (isObject(order) && 'op' in order) void obey(order);
    else before = before.then(() => obey(order));
  });
  return lines;
}
