import { rm } from 'node:fs/promises';
import { createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { DIST } from '../support/manager-process.ts';
import { Child } from '../support/processes.ts';
import { testFolder } from '../support/temp-folder.ts';
import { waitFor } from '../support/wait-until.ts';

const BUNDLE = join(DIST, 'sample-agent.js');

/** What the daemon's socket would receive. */
async function receiver(path: string) {
  const sockets = new Set<Socket>();
  let text = '';
  const server: Server = createServer((socket) => {
    sockets.add(socket);
    socket.setEncoding('utf8').on('data', (piece) => {
      text += piece;
    });
  });
  await new Promise<void>((resolve) => server.listen(path, resolve));
  const heartbeats = (): Record<string, unknown>[] =>
    text
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line));
  const close = async (): Promise<void> => {
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  };
  return { heartbeats, close };
}

function start(socket: string): Child {
  const child = new Child([BUNDLE, '--name', 'tiny', '--interval', '30ms'], {
    env: { DAEMON_HEARTBEAT_SOCKET: socket },
  });
  onTestFinished(() => child.signal('SIGKILL'));
  return child;
}

test('heartbeats, again when the daemon comes back, and the end at once', async () => {
  const path = join(await testFolder('agent'), 'heartbeat.sock');
  const first = await receiver(path);
  const child = start(path);
  await waitFor(() => first.heartbeats().length >= 2, { what: 'two heartbeats' });
  const beat = first.heartbeats()[1];
  expect(beat).toEqual({
    pid: child.pid,
    timestamp: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
    version: expect.stringMatching(/^\d+\.\d+\.\d+$/),
    status: 'ok',
    cpu: expect.any(Number),
    memory: expect.any(Number),
  });
  expect(beat?.['memory']).toBeGreaterThan(1_000_000);
  expect(child.stdout[0]).toContain(`runs with pid ${child.pid}`);

  await first.close();
  await rm(path, { force: true });
  await waitFor(() => child.stdout.some((line) => line.includes('no heartbeats for now')), { what: 'the complaint' });
  const second = await receiver(path);
  onTestFinished(() => second.close());
  await waitFor(() => second.heartbeats().length >= 1, { what: 'a heartbeat to the next daemon' });
  expect(await child.kill()).toEqual({ code: 0, signal: null });
});

test('without a daemon it goes on', async () => {
  const child = start(join(await testFolder('agent'), 'nobody.sock'));
  await waitFor(() => child.stdout.length >= 2, { what: 'the complaint' });
  expect(child.stdout.filter((line) => line.includes('no heartbeats'))).toHaveLength(1);
  expect(await child.kill()).toEqual({ code: 0, signal: null });
});

test.each([
  [['--version'], 0, /^sample-agent \d+\.\d+\.\d+$/],
  [['--help'], 0, /^usage: sample-agent/],
  [['--what'], 2, /^sample-agent: unknown option --what$/],
])('%j', async (args, code, line) => {
  const child = new Child([BUNDLE, ...args]);
  expect(await child.ended()).toEqual({ code, signal: null });
  await waitFor(() => child.stdout.length + child.stderr.length > 0, { what: 'the output' });
  expect((code === 0 ? child.stdout : child.stderr)[0]).toMatch(line);
});
