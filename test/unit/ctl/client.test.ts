import { chmodSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { ask, UnreachableError } from '../../../src/ctl/client.ts';
import { testFolder } from '../../support/temp-folder.ts';

let path: string;

beforeEach(async () => {
  path = join(await testFolder('client'), 'control.sock');
});

async function daemon(serve: (socket: Socket) => void): Promise<Server> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    serve(socket);
  });
  await new Promise<void>((listening) => server.listen(path, listening));
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return server;
}

test('one line there, one line back', async () => {
  let heard = '';
  await daemon((socket) =>
    socket.on('data', (chunk) => {
      heard += chunk;
      socket.write('{"result": {"underWay": [], ');
      setImmediate(() => socket.write('"results": [], "refused": []}}\n{"result": "of nobody"}'));
    }),
  );
  expect(await ask(path, 'updateStatus', {})).toEqual({ underWay: [], results: [], refused: [] });
  expect(heard).toBe('{"verb":"updateStatus","input":{}}\n');
});

test('an error comes with its code', async () => {
  await daemon((socket) => socket.write('{"error": {"code": "D4003", "message": "under way"}}'));
  await expect(ask(path, 'updateStatus', {})).rejects.toMatchObject({ code: 'D4003', message: 'under way' });
});

describe('unreachable', () => {
  const why = async (): Promise<string> => {
    const error = await ask(path, 'updateStatus', {}).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(UnreachableError);
    return error instanceof Error ? error.message : '';
  };
  const place = (): string => `the daemon at ${path} cannot be asked: `;

  test('no socket', async () => {
    expect(await why()).toBe(`${place()}does the daemon run, and is this its work_dir?`);
  });

  test('nobody listens', async () => {
    const server = createServer().listen(path);
    await new Promise((listening) => server.once('listening', listening));
    // closed without its file being removed, as by a kill
    const { spawnSync } = await import('node:child_process');
    server.close();
    rmSync(path, { force: true });
    spawnSync(process.execPath, [
      '-e',
      `require('net').createServer().listen(${JSON.stringify(path)}, () => process.kill(process.pid, 'SIGKILL'))`,
    ]);
    expect(await why()).toBe(`${place()}the daemon does not run`);
  });

  test('another kind of file', async () => {
    writeFileSync(path, '');
    chmodSync(path, 0o600);
    expect(await why()).toMatch(/cannot be asked: (the daemon does not run|connect)/);
  });

  test.each<[string, (socket: Socket) => void, string]>([
    ['it says goodbye', (socket) => socket.end(), 'it ended the connection'],
    ['in the middle of its answer', (socket) => socket.end('{"resu'), 'it ended the connection'],
    ['it speaks another language', (socket) => socket.end('HTTP/1.1 400 Bad Request\r\n'), 'not to be understood'],
    ['its answer is broken', (socket) => socket.end('{result}'), 'not to be understood'],
  ])('%s', async (_, serve, says) => {
    await daemon(serve);
    expect(await why()).toContain(says);
  });
});
