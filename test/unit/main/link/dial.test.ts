/** Connections as they are made and lost, below the link. */
import { promises as dns } from 'node:dns';
import type { AddressInfo } from 'node:net';
import { createSecureContext, createServer, type TLSSocket } from 'node:tls';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { createAuthority } from '../../../../src/demo/certificates.ts';
import { type Connection, dial } from '../../../../src/main/link/dial.ts';
import { ReferenceManager } from '../../../../src/manager/manager.ts';
import { TcpProxy } from '../../../support/tcp-proxy.ts';

async function plainManager(): Promise<number> {
  const manager = new ReferenceManager({ stopGraceMs: 50 });
  const port = await manager.start({ tlsFolder: null });
  onTestFinished(() => manager.stop());
  return port;
}

async function connected(address: string, keepaliveMs = 30_000): Promise<Connection> {
  const connection = await dial({
    ...{ address, context: null, files: { caFile: '', certFile: '' }, proxy: null },
    ...{ timeoutMs: 10_000, keepaliveMs, signal: new AbortController().signal },
  });
  onTestFinished(() => connection.close());
  return connection;
}

describe('a connection', () => {
  test('that goes silent without a goodbye is found by its pings, with no call on it', async () => {
    const proxy = await TcpProxy.listen({ port: await plainManager() });
    onTestFinished(() => proxy.close());
    const connection = await connected(`127.0.0.1:${proxy.port}`, 200);
    proxy.set({ frozen: true });
    expect(await connection.lost).toMatchObject({ planned: false, error: expect.any(Error) });
  });

  test('that the Manager gives up by plan is told as such, whatever came before', async () => {
    const manager = new ReferenceManager({ stopGraceMs: 50 });
    const port = await manager.start({ tlsFolder: null });
    onTestFinished(() => manager.stop());
    const connection = await connected(`127.0.0.1:${port}`, 100);
    const since = performance.now();
    await vi.waitFor(() => expect(performance.now() - since).toBeGreaterThan(300), { timeout: 5000 });
    manager.sendGoaway();
    expect(await connection.lost).toEqual({ planned: true, error: null });
  });

  test('that rests answers its pings and stays', async () => {
    const connection = await connected(`127.0.0.1:${await plainManager()}`, 50);
    let lost = false;
    void connection.lost.then(() => {
      lost = true;
    });
    const since = performance.now();
    await vi.waitFor(() => expect(performance.now() - since).toBeGreaterThan(500), { timeout: 5000 });
    expect(lost).toBe(false);
  });
});

test.each<[string, (socket: TLSSocket, proxy: TcpProxy) => unknown]>([
  ['ended', (socket) => socket.destroy()],
  ['reset', (_, proxy) => proxy.drop()],
])('one that is %s right after the handshake: the certificate is what it did not take', async (_, act) => {
  const authority = await createAuthority('test CA');
  const [own, peer] = await Promise.all(
    ['daemon', 'manager'].map((name) => authority.issue({ name, hosts: ['127.0.0.1'] })),
  );
  const server = createServer({ ...peer, ALPNProtocols: ['h2'] }, (socket) =>
    act(
      socket.on('error', () => {}),
      proxy,
    ),
  );
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  const proxy = await TcpProxy.listen(server.address() as AddressInfo);
  onTestFinished(() => proxy.close());
  const attempt = dial({
    ...{ address: `127.0.0.1:${proxy.port}`, context: createSecureContext({ ...own, ca: authority.cert }) },
    ...{ files: { caFile: '/ca', certFile: '/crt' }, proxy: null, timeoutMs: 10_000, keepaliveMs: 30_000 },
    signal: new AbortController().signal,
  });
  await expect(attempt).rejects.toMatchObject({
    code: 'D2001',
    message: expect.stringMatching(/does not accept \/crt \(check: client certificate\)/),
  });
});

test('names are resolved anew at each attempt', async () => {
  const port = await plainManager();
  let answer = '127.0.0.9'; // nothing listens there
  const lookup = vi
    .spyOn(dns, 'lookup')
    .mockImplementation((async () => [{ address: answer, family: 4 }]) as unknown as typeof dns.lookup);
  onTestFinished(() => lookup.mockRestore());
  const address = `manager.test:${port}`;
  await expect(connected(address)).rejects.toMatchObject({
    code: 'D2001',
    message: expect.stringMatching(/nothing listens at manager\.test/),
  });
  answer = '127.0.0.1';
  expect((await connected(address)).localAddress).toBe('127.0.0.1');
});
