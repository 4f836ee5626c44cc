import { existsSync, statSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ask } from '../../../../src/ctl/client.ts';
import { ControlServer } from '../../../../src/main/control/control-server.ts';
import type { ControlHandlers } from '../../../../src/shared/contracts/control.ts';
import { DaemonError } from '../../../../src/shared/errors/daemon-error.ts';
import { FakeLog } from '../../../fakes/log.ts';
import { testFolder } from '../../../support/temp-folder.ts';
import { waitFor } from '../../../support/wait-until.ts';

const EMPTY = { underWay: [], results: [], refused: [] };
const ERROR = { code: 'internal' };

let path: string;
let server: ControlServer;
let log: FakeLog;
/** Verbs that are being carried out, by what lets them go on. */
let held: (() => void)[];
let done: string[];
const open: Socket[] = [];

beforeEach(async () => {
  path = join(await testFolder('control'), 'control.sock');
  log = new FakeLog();
  held = [];
  done = [];
  const handlers: ControlHandlers = {
    link: () => Promise.reject(new Error('not asked for here')),
    update: () => Promise.reject(new DaemonError('D4002', 'no', { cause: new Error('really') })),
    updateStatus: async () => EMPTY,
    updateAcknowledge: () => Promise.reject('a text'),
    backups: async () => {
      await new Promise<void>((resolve) => held.push(resolve));
      done.push('backups');
      return [];
    },
    rollback: async (input) => {
      done.push(`rollback ${input.agentId}`);
      return { id: 'u1', state: 'begun', message: '' };
    },
  };
  server = await ControlServer.listen({ path, handlers, log });
});
afterEach(async () => {
  for (const socket of open.splice(0)) socket.destroy();
  await server.close();
});

/** A peer that writes what the test says, and keeps what it is told. */
function peer(text = ''): { socket: Socket; told: () => unknown[]; ended: () => boolean } {
  const socket = connect({ path, allowHalfOpen: true });
  open.push(socket);
  let heard = '';
  let ended = false;
  socket.on('data', (chunk) => {
    heard += chunk;
  });
  socket.on('end', () => {
    ended = true;
  });
  socket.on('error', () => {
    ended = true; // the server has ended it while we were writing
  });
  if (text) socket.write(text);
  const told = (): unknown[] =>
    heard
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line));
  return { socket, told, ended: () => ended };
}
const serves = async (): Promise<void> => expect(await ask(path, 'updateStatus', {})).toEqual(EMPTY);

test('only the owner and the group may connect; the file goes with the server', async () => {
  expect(statSync(path).mode & 0o777).toBe(0o660);
  await serves();
  const { ended } = peer();
  await serves();
  await server.close();
  await waitFor(ended, { what: 'the end of the connection' });
  expect(existsSync(path)).toBe(false);
});

test('several requests of one connection are answered in order', async () => {
  const { told } = peer(
    '{"verb":"backups","input":{}}\n{"verb":"updateStatus"}{"verb":"rollback","input":{"agentId":"a"}}',
  );
  await waitFor(() => held.length === 1, { what: 'the first one' });
  expect(told()).toEqual([]);
  held[0]?.();
  await waitFor(() => told().length === 3, { what: 'all answers' });
  expect(told()).toEqual([{ result: [] }, { result: EMPTY }, { result: { id: 'u1', state: 'begun', message: '' } }]);
  expect(done).toEqual(['backups', 'rollback a']);
});

test('a request in pieces', async () => {
  const { socket, told } = peer();
  for (const piece of ['{"ver', 'b":"upd', 'ateStatus"', '}']) {
    await new Promise((written) => socket.write(piece, written));
    expect(told()).toEqual([]);
  }
  await waitFor(() => told().length === 1, { what: 'the answer' });
});

test('an error keeps its code and says its causes', async () => {
  await expect(ask(path, 'update', {} as never)).rejects.toMatchObject({ code: 'D4002', message: 'no: really' });
  await expect(ask(path, 'updateAcknowledge', {})).rejects.toMatchObject({ code: 'internal', message: 'a text' });
});

describe('refused, and the connection goes on', () => {
  test.each([
    ['{"verb":"shutdown"}', 'there is no verb shutdown; there are link, update, '],
    ['{"verb":"constructor"}', 'there is no verb constructor'],
    ['{"verb":7}', 'there is no verb 7'],
    ['{}', 'there is no verb undefined'],
    ['{"verb":"updateStatus","input":7}', 'input is not an object'],
    ['{"verb":"updateStatus","input":null}', 'input is not an object'],
  ])('%s', async (request, message) => {
    const { told } = peer(`${request}\n{"verb":"updateStatus"}\n`);
    await waitFor(() => told().length === 2, { what: 'both answers' });
    expect(told()).toEqual([{ error: { ...ERROR, message: expect.stringContaining(message) } }, { result: EMPTY }]);
  });
});

describe('refused, and the connection is ended', () => {
  test.each([
    ['no JSON', 'GET / HTTP/1.1\r\n\r\n', 'between two objects'],
    ['broken JSON', '{"verb": updateStatus}', 'JSON'],
    ['a list', '[]', 'between two objects'],
    ['too large', `{"verb":"${'x'.repeat(300_000)}`, 'a frame is larger than 262144 bytes'],
    ['noise', '\u0000\u0001\u0002', 'between two objects'],
  ])('%s', async (_, text, message) => {
    const { told, ended } = peer(text);
    await waitFor(ended, { what: 'the end' });
    expect(told()).toEqual([{ error: { ...ERROR, message: expect.stringContaining(message) } }]);
    await serves();
  });

  test('a hundred times: none of them holds a place for ever', async () => {
    for (let round = 0; round < 100; round++) {
      const { ended } = peer('nonsense');
      await waitFor(ended, { what: 'the end' }); // this end stays open
    }
    await serves();
  });

  test('what came before it is answered first', async () => {
    const { told, ended } = peer('{"verb":"updateStatus"}\n');
    open.at(-1)?.write('nonsense');
    await waitFor(ended, { what: 'the end' });
    expect(told().at(-1)).toMatchObject({ error: ERROR });
  });
});

describe('a client that goes away', () => {
  test.each<[string, (socket: Socket) => void]>([
    ['ends', (socket) => socket.end()],
    ['is gone', (socket) => socket.destroy()],
  ])('before its answer: it %s, and what it asked for is done all the same', async (_, leave) => {
    const { socket } = peer('{"verb":"backups","input":{}}');
    await waitFor(() => held.length === 1, { what: 'the request' });
    leave(socket);
    await serves();
    held[0]?.();
    await waitFor(() => done.length === 1, { what: 'its end' });
    await serves();
  });

  test('in the middle of a request', async () => {
    const { socket } = peer('{"verb":"upda');
    await new Promise((connected) => socket.once('connect', connected));
    socket.destroy();
    await serves();
  });

  test('while it is being refused', async () => {
    for (let round = 0; round < 20; round++) {
      const { socket } = peer(`{"verb":"${'x'.repeat(300_000)}`);
      await new Promise((connected) => socket.once('connect', connected));
      socket.destroy();
    }
    await serves();
  });
});

test('two servers at one place: the second one is refused', async () => {
  const again = ControlServer.listen({ path, handlers: {} as ControlHandlers, log });
  await expect(again).rejects.toThrow('is served by another program');
  await serves();
});
