import { chownSync, existsSync, statSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ask } from '../../../../src/ctl/client.ts';
import { ControlServer } from '../../../../src/main/control/control-server.ts';
import type { ControlHandlers, ControlVerb } from '../../../../src/shared/contracts/control.ts';
import { FakeLog } from '../../../fakes/log.ts';
import { testFolder } from '../../../support/temp-folder.ts';
import { waitFor } from '../../../support/wait-until.ts';

const EMPTY = { underWay: [], results: [], refused: [] };
const ERROR = { code: 'invalid' };
const VERBS: ControlVerb[] = ['status', 'agents', 'operate', 'logs', 'metrics', 'health', 'reload', 'config', 'link'];

let path: string;
let server: ControlServer;
let log: FakeLog;
/** Verbs that are being carried out, by what lets them go on. */
let held: (() => void)[];
let done: string[];
let signals: AbortSignal[];
const open: Socket[] = [];

beforeEach(async () => {
  path = join(await testFolder('control'), 'control.sock');
  log = new FakeLog();
  held = [];
  done = [];
  signals = [];
  const unasked = VERBS.map((verb) => [verb, () => Promise.reject(new Error('not asked for here'))]);
  const handlers: ControlHandlers = {
    ...(Object.fromEntries(unasked) as ControlHandlers),
    config: async () => ({ effective: { text: 'x'.repeat(500_000) }, origins: [] }),
    health: () => Promise.reject(Object.assign(new Error('no such file'), { code: 'ENOENT' })),
    events: async (_, caller) => {
      const { signal } = caller ?? {};
      if (signal) signals.push(signal);
      await new Promise<void>((resolve) => signal?.addEventListener('abort', () => resolve()));
      done.push('events');
      return { events: [], newest: 0 };
    },
    // of no class that is known here: it comes out of another bundle
    update: () => Promise.reject(Object.assign(new Error('no', { cause: new Error('really') }), { code: 'D4002' })),
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
  server = await ControlServer.listen({ path, handlers, log, idleMs: 300 });
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
    ['{"verb":"shutdown"}', 'there is no verb shutdown; there are status, agents, '],
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

describe('a client that asks with `nc`', () => {
  test('and says at once that it has said all, gets its answers', async () => {
    const { socket, told, ended } = peer();
    socket.end('{"verb":"backups"}\n{"verb":"updateStatus"}\n');
    await waitFor(() => held.length === 1, { what: 'the first one' });
    held[0]?.();
    await waitFor(ended, { what: 'the end' });
    expect(told()).toEqual([{ result: [] }, { result: EMPTY }]);
  });

  test('has nothing waited for then: whether it is still there cannot be known', async () => {
    const { socket, told, ended } = peer();
    socket.end('{"verb":"events"}\n');
    await waitFor(ended, { what: 'the end' });
    expect(told()).toEqual([{ result: { events: [], newest: 0 } }]);
  });
});

describe('a question that waits', () => {
  test.each<[string, (socket: Socket) => void]>([
    ['goes away', (socket) => socket.destroy()],
    ['is ended with the server', () => void server.close()],
  ])('is let go when whoever asks %s', async (_, leave) => {
    const { socket } = peer('{"verb":"events"}');
    await waitFor(() => signals.length === 1, { what: 'the question' });
    expect(signals[0]?.aborted).toBe(false);
    leave(socket);
    await waitFor(() => done.includes('events'), { what: 'its end' });
  });

  test('may wait longer than an idle connection', async () => {
    const { ended } = peer('{"verb":"events"}');
    const idle = peer();
    await waitFor(idle.ended, { what: 'the end of the idle one' });
    expect(ended()).toBe(false);
  });
});

describe('a client that does not read', () => {
  test('is not read on: what it is told does not pile up; in the end it is let go', async () => {
    const { socket } = peer();
    socket.pause();
    const many = '{"verb":"config"}\n'.repeat(1000);
    socket.write(many.repeat(20)); // 20,000 answers of 500 kB
    const before = process.memoryUsage().rss;
    let gone = false;
    socket.on('close', () => {
      gone = true;
    });
    let most = 0;
    await waitFor(
      () => {
        most = Math.max(most, process.memoryUsage().rss - before);
        return gone || socket.destroyed || socket.errored !== null;
      },
      { what: 'the end of the connection' },
    ).finally(() => socket.resume());
    expect(most).toBeLessThan(100e6);
    await serves();
  });

  test('keeps no other from being answered', async () => {
    const { socket } = peer('{"verb":"config"}\n'.repeat(100));
    socket.pause();
    await serves();
  });
});

test('the 33rd connection is told that there are too many, and a place that is left is free again', async () => {
  const peers = Array.from({ length: 32 }, () => peer('{"verb":"events"}'));
  await waitFor(() => signals.length === 32, { what: 'all questions' });
  const { told, ended } = peer('{"verb":"updateStatus"}\n');
  await waitFor(ended, { what: 'the end' });
  expect(told()).toEqual([{ error: { code: 'busy', message: expect.stringContaining('32 connections') } }]);
  peers[0]?.socket.destroy();
  await waitFor(() => done.length === 1, { what: 'the end of one' });
  await serves();
});

test('codes of the system are not handed on; what only looks is no line of the log at level info', async () => {
  await expect(ask(path, 'health', { agentId: 'a', fresh: true })).rejects.toMatchObject({
    code: 'internal',
    message: 'no such file',
  });
  await ask(path, 'rollback', { component: 'agent', agentId: 'a', backup: '' });
  const levels = log.events('control').map(({ level, verb }) => [level, verb]);
  expect(levels).toEqual([
    ['debug', 'health'],
    ['info', 'rollback'],
  ]);
});

test.skipIf(process.getuid?.() !== 0)('the socket is of the group that its folder is of', async () => {
  const folder = await testFolder('group');
  chownSync(folder, -1, 12_345);
  const other = await ControlServer.listen({
    path: join(folder, 'control.sock'),
    handlers: {} as ControlHandlers,
    log,
  });
  expect(statSync(join(folder, 'control.sock')).gid).toBe(12_345);
  await other.close();
});

test('two servers at one place: the second one is refused', async () => {
  const again = ControlServer.listen({ path, handlers: {} as ControlHandlers, log });
  await expect(again).rejects.toThrow('is served by another program');
  await serves();
});
