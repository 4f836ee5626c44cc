import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { DelayLine, openDelayProxy } from '../../../bench/delay-proxy.ts';
import { Scope } from '../../../src/shared/lifecycle/scope.ts';

/** Gives back what comes in. */
async function echo(): Promise<number> {
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    socket.on('error', () => {});
    socket.pipe(socket);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  return (server.address() as AddressInfo).port;
}

async function proxied(delayMs: number): Promise<{ port: number; scope: Scope }> {
  const scope = new Scope();
  const targetPort = await echo();
  onTestFinished(() => scope.close());
  return { port: await openDelayProxy(scope, targetPort, delayMs), scope };
}

async function open(port: number): Promise<Socket> {
  const socket = connect({ host: '127.0.0.1', port, noDelay: true });
  onTestFinished(() => void socket.destroy());
  await once(socket, 'connect');
  return socket;
}

/** The shortest of some round trips: a machine that is busy only makes them longer. */
async function roundTripMs(port: number): Promise<number> {
  const socket = await open(port);
  const took: number[] = [];
  for (let n = 0; n < 5; n++) {
    const startedMs = performance.now();
    socket.write('x');
    await once(socket, 'data');
    took.push(performance.now() - startedMs);
  }
  return Math.min(...took);
}

test('a round trip takes the delay longer, once', async () => {
  const [direct, short, long] = [
    await roundTripMs((await proxied(0)).port),
    await roundTripMs((await proxied(40)).port),
    await roundTripMs((await proxied(160)).port),
  ];
  expect((long - direct) / (short - direct)).toBeGreaterThan(2);
  expect((short - direct) / 40).toBeGreaterThan(0.95);
  expect((long - direct) / 160).toBeLessThan(1.5);
});

test('what is under way does not wait for what went before', async () => {
  const { port } = await proxied(100);
  const alone = await roundTripMs(port);
  const socket = await open(port);
  const startedMs = performance.now();
  let answer = '';
  socket.on('data', (chunk) => {
    answer += chunk;
  });
  for (const letter of 'abcdefgh') {
    socket.write(letter);
    await new Promise((resolve) => setImmediate(resolve));
  }
  while (answer.length < 8) await once(socket, 'data');
  expect(answer).toBe('abcdefgh');
  // eight in a row would take eight times as long
  expect((performance.now() - startedMs) / alone).toBeLessThan(4);
});

test('the end of a connection comes after its last byte', async () => {
  const { port } = await proxied(20);
  const socket = await open(port);
  const sent = 'x'.repeat(1_000_000);
  socket.end(sent);
  let answer = '';
  for await (const chunk of socket) answer += chunk;
  expect(answer).toHaveLength(sent.length);
});

test('ends with its scope, open connections and what is under way too', async () => {
  const { port, scope } = await proxied(60_000);
  const socket = await open(port);
  socket.on('error', () => {});
  socket.write('x');
  const lost = new Promise((resolve) => socket.once('close', resolve));
  await scope.close();
  await lost;
  await expect(open(port)).rejects.toThrow('ECONNREFUSED');
});

test('a line keeps its order, and does nothing any more once it is closed', async () => {
  const line = new DelayLine(5);
  const done: number[] = [];
  await new Promise<void>((resolve) => {
    for (let n = 0; n < 100; n++) line.push(() => done.push(n));
    line.push(resolve);
  });
  expect(done).toEqual(Array.from({ length: 100 }, (_, n) => n));
  line.push(() => done.push(-1));
  line.close();
  line.push(() => done.push(-2));
  await new Promise((resolve) => new DelayLine(20).push(() => resolve(null)));
  expect(done).not.toContain(-1);
  expect(done).not.toContain(-2);
});
