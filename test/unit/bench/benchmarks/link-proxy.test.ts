import { once } from 'node:events';
import { type AddressInfo, connect, createServer } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { LinkProxy } from '../../../../bench/benchmarks/link-proxy.ts';
import { Scope } from '../../../../src/shared/lifecycle/scope.ts';

/** Answers each byte with two. */
async function proxied(): Promise<{ proxy: LinkProxy; scope: Scope }> {
  const server = createServer((socket) => {
    socket.on('error', () => {});
    socket.on('data', (chunk: Buffer) => socket.write(Buffer.concat([chunk, chunk])));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  const scope = new Scope();
  onTestFinished(() => scope.close());
  const { port } = server.address() as AddressInfo;
  return { proxy: await LinkProxy.open(scope, port), scope };
}

async function talk(port: number, text: string): Promise<string> {
  const socket = connect({ host: '127.0.0.1', port });
  socket.write(text);
  let answer = '';
  for await (const chunk of socket) {
    answer += chunk;
    if (answer.length === 2 * text.length) break;
  }
  return answer;
}

test('counts what passes each way, from count() on', async () => {
  const { proxy } = await proxied();
  await talk(proxy.port, 'before');
  proxy.count();
  expect(await talk(proxy.port, 'abc')).toBe('abcabc');
  const sum = (way: 'up' | 'down'): number => proxy.passed.reduce((bytes, passed) => bytes + passed[way], 0);
  expect([sum('up'), sum('down')]).toEqual([3, 6]);
});

test('while away, connections are reset, old ones and new ones; afterwards they pass', async () => {
  const { proxy } = await proxied();
  const open = connect({ host: '127.0.0.1', port: proxy.port });
  open.write('a');
  await once(open, 'data');
  const lost = new Promise((resolve) => open.once('close', resolve));
  open.on('error', () => {});
  proxy.away();
  await lost;
  await expect(talk(proxy.port, 'abc')).rejects.toThrow(/ECONNRESET|EPIPE/);
  proxy.back();
  expect(await talk(proxy.port, 'abc')).toBe('abcabc');
});

test('ends with its scope, open connections too', async () => {
  const { proxy, scope } = await proxied();
  const { port } = proxy;
  const open = connect({ host: '127.0.0.1', port });
  open.on('error', () => {});
  open.write('a');
  await once(open, 'data');
  const lost = new Promise((resolve) => open.once('close', resolve));
  await scope.close();
  await lost;
  await expect(talk(port, 'abc')).rejects.toThrow('ECONNREFUSED');
});
