import { connect, createServer, type Server, type Socket } from 'node:net';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { TcpProxy } from '../../support/tcp-proxy.ts';
import { waitFor } from '../../support/wait-until.ts';

interface Peer {
  socket: Socket;
  received: string;
  ended: boolean;
  closed: string | null;
}

function peer(socket: Socket): Peer {
  const self: Peer = { socket, received: '', ended: false, closed: null };
  let code = 'closed';
  socket.setEncoding('utf8');
  socket.on('data', (text) => {
    self.received += text;
  });
  socket.on('end', () => {
    self.ended = true;
  });
  socket.on('error', (error: NodeJS.ErrnoException) => {
    code = error.code ?? error.message;
  });
  socket.on('close', () => {
    self.closed = code;
  });
  return self;
}

let server: Server;
let served: Peer[];
let proxy: TcpProxy;
let clients: Peer[];

beforeEach(async () => {
  served = [];
  clients = [];
  server = createServer((socket) => served.push(peer(socket)));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  proxy = await TcpProxy.listen({ port: typeof address === 'object' && address ? address.port : 0 });
});

afterEach(async () => {
  for (const { socket } of [...clients, ...served]) socket.destroy();
  await proxy.close();
  await new Promise((resolve) => server.close(resolve));
});

function dial(): Peer {
  const client = peer(connect(proxy.port, '127.0.0.1'));
  clients.push(client);
  return client;
}

/** A connection through the proxy on which each side has heard the other. */
async function open(): Promise<{ client: Peer; target: Peer }> {
  const client = dial();
  client.socket.write('hello ');
  const target = await waitFor(() => served.find((one) => one.received === 'hello '), { what: 'the greeting' });
  target.socket.write('welcome ');
  await waitFor(() => client.received === 'welcome ', { what: 'the answer' });
  return { client, target };
}

test('passes both ways, and the end of either side', async () => {
  const { client, target } = await open();
  expect([proxy.connections, proxy.accepted]).toEqual([1, 1]);
  client.socket.end('bye');
  await waitFor(() => target.received === 'hello bye' && target.ended, { what: 'the end' });
  await waitFor(() => client.closed === 'closed' && proxy.connections === 0, { what: 'the close' });
});

test('delay: later, and in order', async () => {
  const { client, target } = await open();
  proxy.set({ delayMs: 40 });
  const startedMs = performance.now();
  client.socket.write('a');
  await waitFor(() => client.socket.bytesWritten >= 7, { what: 'the write' });
  await waitFor(() => target.received.endsWith('a'), { what: 'the late byte' });
  expect(performance.now() - startedMs).toBeGreaterThanOrEqual(39);
  client.socket.write('b');
  proxy.set({ delayMs: 0 });
  client.socket.write('c');
  await waitFor(() => target.received.endsWith('bc'), { what: 'the rest in order' });
});

test('freeze: nothing arrives, nobody is told; then it goes on where it was', async () => {
  const { client, target } = await open();
  proxy.set({ frozen: true });
  client.socket.end('more');
  target.socket.write('news');
  const other = dial();
  await waitFor(() => proxy.accepted === 2, { what: 'a connection to the frozen proxy' });
  expect([target.received, client.received, target.ended, client.closed, other.closed]).toEqual([
    'hello ',
    'welcome ',
    false,
    null,
    null,
  ]);
  proxy.pass();
  await waitFor(() => target.received === 'hello more' && target.ended, { what: 'what was held, with its end' });
  await waitFor(() => client.received === 'welcome news', { what: 'what was held on the other way' });
});

test('cut after so many bytes: both sides are reset', async () => {
  const { client, target } = await open();
  proxy.set({ cutAfterBytes: 20 });
  client.socket.write('123456');
  await waitFor(() => target.received === 'hello 123456', { what: 'what fits' });
  client.socket.write('7');
  await waitFor(() => client.closed === 'ECONNRESET' && target.closed === 'ECONNRESET', { what: 'the cut' });
});

test('cut after so many bytes of answers: what the client sends does not count', async () => {
  const { client, target } = await open();
  proxy.set({ cutAnswerAfterBytes: 10 });
  client.socket.write('x'.repeat(1000));
  await waitFor(() => target.received.length === 1006, { what: 'what the client sent' });
  target.socket.write('12');
  await waitFor(() => client.received === 'welcome 12', { what: 'what fits' });
  target.socket.write('3');
  await waitFor(() => client.closed === 'ECONNRESET' && target.closed === 'ECONNRESET', { what: 'the cut' });
});

test('throttle: no faster than it says, each way, and nothing is lost or out of order', async () => {
  const { client, target } = await open();
  proxy.set({ bytesPerSecond: 10_000 });
  const text = Array.from({ length: 400 }, (_, at) => `${at}`.padStart(5, '.')).join('');
  const startedMs = performance.now();
  client.socket.write(text);
  target.socket.write(text);
  await waitFor(() => target.received.endsWith(text) && client.received.endsWith(text), { what: 'all of it' });
  // the first piece goes at once, each later one when those before it have had their time
  expect(performance.now() - startedMs).toBeGreaterThanOrEqual(149);
});

test('throttle: the sender is held up, and goes on at once when it is lifted', async () => {
  const { client, target } = await open();
  proxy.set({ bytesPerSecond: 1000 });
  const bytes = 16 * 1024 * 1024;
  client.socket.write(Buffer.alloc(bytes, 'x'));
  await waitFor(() => client.socket.writableLength > 0 && target.received.length > 6, { what: 'the first bytes' });
  expect(target.received.length).toBeLessThan(bytes / 2);
  proxy.pass();
  await waitFor(() => target.received.length === bytes + 6, { what: 'the rest', timeoutMs: 30_000 });
});

test('drop: what is open is reset, what comes later passes', async () => {
  const { client, target } = await open();
  proxy.drop();
  await waitFor(() => client.closed === 'ECONNRESET' && target.closed === 'ECONNRESET', { what: 'the reset' });
  served = [];
  await open();
  expect(proxy.accepted).toBe(2);
});

test('refuse: new ones are reset, open ones go on', async () => {
  const { client, target } = await open();
  proxy.set({ refusing: true });
  const refused = dial();
  await waitFor(() => refused.closed, { what: 'the refusal' });
  client.socket.write('still here');
  await waitFor(() => target.received.endsWith('still here'), { what: 'what is open' });
  expect(proxy.accepted).toBe(1);
});

test('a target that is not there closes the client', async () => {
  await new Promise((resolve) => server.close(resolve));
  const client = dial();
  await waitFor(() => client.closed, { what: 'the close' });
});
