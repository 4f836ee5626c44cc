/** CONNECT through a proxy that is a real socket, and says what it is told to. */
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { openTunnel } from '../../../../src/shared/platform/proxy-tunnel.ts';
import { waitFor } from '../../../support/wait-until.ts';

const NEVER = new AbortController().signal;

/** Answers in these pieces, each a write of its own, once it was asked. */
async function proxy(...pieces: string[]): Promise<{ socket: Socket; asked: () => string; end: () => void }> {
  let asked = '';
  let peer: Socket | undefined;
  const server = createServer((socket) => {
    peer = socket;
    socket.on('error', () => {});
    socket.on('data', (chunk) => {
      asked += chunk;
      if (!asked.endsWith('\r\n\r\n')) return;
      const [next, ...rest] = pieces;
      socket.write(next ?? '');
      for (const [n, piece] of rest.entries()) setTimeout(() => socket.write(piece), 5 * (n + 1));
    });
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
  await once(socket, 'connect');
  onTestFinished(() => {
    socket.destroy();
    peer?.destroy();
    server.close();
  });
  return { socket, asked: () => asked, end: () => peer?.end() };
}

const PLAIN = { address: 'proxy:1', authorization: '' };
const OK = 'HTTP/1.1 200 Connection established\r\nVia: x\r\n\r\n';

test('asks for the target, with credentials where there are some', async () => {
  const one = await proxy(OK);
  await openTunnel(one.socket, 'm.example:9090', PLAIN, NEVER);
  expect(one.asked()).toBe('CONNECT m.example:9090 HTTP/1.1\r\nHost: m.example:9090\r\n\r\n');
  const other = await proxy(OK);
  await openTunnel(other.socket, '[::1]:9090', { ...PLAIN, authorization: 'Basic eA==' }, NEVER);
  expect(other.asked()).toContain('\r\nProxy-Authorization: Basic eA==\r\n');
});

test.each([
  ['in one piece', [`${OK}first bytes`]],
  ['in pieces', [...(OK.match(/.{1,9}/gs) ?? []), 'first bytes']],
])('what the Manager sends behind the answer is left to whoever reads next: %s', async (_, pieces) => {
  const { socket } = await proxy(...pieces);
  await openTunnel(socket, 'm:1', PLAIN, NEVER);
  let read = '';
  socket.on('data', (chunk) => {
    read += chunk;
  });
  socket.resume();
  await waitFor(() => read.length >= 11, { what: 'what came behind the answer' });
  expect(read).toBe('first bytes');
});

test.each([
  ['HTTP/1.1 407 Proxy Authentication Required\r\n\r\n', 'PROXY_AUTH', /407/],
  ['HTTP/1.1 403 Forbidden\r\n\r\n', 'PROXY_REFUSED', /403 Forbidden/],
  ['HTTP/1.0 302 Found\r\nLocation: /\r\n\r\n', 'PROXY_REFUSED', /302/],
  ['SSH-2.0-OpenSSH\r\n\r\n', 'PROXY_REFUSED', /SSH/],
  [`HTTP/1.1 200 OK\r\n${'X: y\r\n'.repeat(4000)}`, 'PROXY_REFUSED', /no end/],
])('an answer %j is %s', async (answer, code, message) => {
  const { socket } = await proxy(answer);
  await expect(openTunnel(socket, 'm:1', PLAIN, NEVER)).rejects.toMatchObject({
    code,
    message: expect.stringMatching(message),
  });
  expect(socket.listenerCount('data')).toBe(0);
});

test('a proxy that goes without an answer, and a caller that gives up', async () => {
  const gone = await proxy('HTTP/1.1 200');
  const opening = openTunnel(gone.socket, 'm:1', PLAIN, NEVER);
  gone.end();
  await expect(opening).rejects.toMatchObject({ code: 'PROXY_REFUSED' });
  const silent = await proxy();
  const abort = new AbortController();
  const waiting = openTunnel(silent.socket, 'm:1', PLAIN, abort.signal);
  abort.abort(new Error('given up'));
  await expect(waiting).rejects.toThrow('given up');
  await expect(openTunnel(silent.socket, 'm:1', PLAIN, abort.signal)).rejects.toThrow('given up');
});
