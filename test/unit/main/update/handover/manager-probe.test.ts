import { readFileSync, writeFileSync } from 'node:fs';
import { createSecureServer, type Http2SecureServer } from 'node:http2';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { createServer as createTlsServer } from 'node:tls';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { createCertificates } from '../../../../../src/demo/certificates.ts';
import { managerAnswers } from '../../../../../src/main/update/handover/manager-probe.ts';
import type { TlsFilePaths } from '../../../../../src/shared/contracts/pool-tasks.ts';
import { temporaryFolder } from '../../../../support/temp-folder.ts';

const LONG_MS = 20_000;

let folder: string;
let other: string;
const removals: (() => Promise<void>)[] = [];

beforeAll(async () => {
  for (const name of ['manager', 'other']) {
    const made = await temporaryFolder(name);
    removals.push(made.remove);
    await createCertificates(made.path);
    if (name === 'manager') folder = made.path;
    else other = made.path;
  }
});
afterAll(async () => {
  for (const remove of removals) await remove();
});

const files = (from = folder): TlsFilePaths => ({
  certFile: join(from, 'client.crt'),
  keyFile: join(from, 'client.key'),
  caFile: join(from, 'ca.crt'),
});
const pem = (name: string, from = folder): Buffer => readFileSync(join(from, name));
const identity = (): object => ({
  key: pem('server.key'),
  cert: pem('server.crt'),
  ca: pem('ca.crt'),
  requestCert: true,
  rejectUnauthorized: true,
});

async function listening(server: Server | Http2SecureServer, host = '127.0.0.1'): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, host, resolve));
  onTestFinished(() => new Promise<void>((resolve) => void server.close(() => resolve())));
  return (server.address() as AddressInfo).port;
}

async function serving(over: object = {}, host = '127.0.0.1'): Promise<number> {
  const server = createSecureServer({ ...identity(), minVersion: 'TLSv1.3', ...over });
  server.on('sessionError', () => {});
  return listening(server, host);
}

describe('it answers', () => {
  test.each([['127.0.0.1'], ['localhost']])('as %s', async (host) => {
    expect(await managerAnswers(`${host}:${await serving()}`, files(), LONG_MS)).toBe(true);
  });

  test('at an IPv6 address', async () => {
    expect(await managerAnswers(`[::1]:${await serving({}, '::1')}`, files(), LONG_MS)).toBe(true);
  });
});

describe('it does not answer', () => {
  test('where nobody listens', async () => {
    const server = createServer();
    const port = await listening(server);
    await new Promise<void>((resolve) => void server.close(() => resolve()));
    expect(await managerAnswers(`127.0.0.1:${port}`, files(), LONG_MS)).toBe(false);
  });

  test('with the certificate of another', async () => {
    const port = await serving();
    expect(await managerAnswers(`127.0.0.1:${port}`, { ...files(), caFile: join(other, 'ca.crt') }, LONG_MS)).toBe(
      false,
    );
  });

  test('to an identity that it does not trust', async () => {
    const port = await serving();
    const strange = { ...files(other), caFile: join(folder, 'ca.crt') };
    expect(await managerAnswers(`127.0.0.1:${port}`, strange, LONG_MS)).toBe(false);
  });

  test('below TLS 1.3', async () => {
    const port = await serving({ minVersion: 'TLSv1.2', maxVersion: 'TLSv1.2' });
    expect(await managerAnswers(`127.0.0.1:${port}`, files(), LONG_MS)).toBe(false);
  });

  test('where it closes at once after its first bytes', async () => {
    const server = createTlsServer({ ...identity(), ALPNProtocols: ['h2'] }, (socket) => {
      socket.on('error', () => {});
      socket.resume().end('x');
    });
    expect(await managerAnswers(`127.0.0.1:${await listening(server)}`, files(), LONG_MS)).toBe(false);
  });

  test('where it takes the connection and says nothing', async () => {
    const sockets = new Set<{ destroy(): void }>();
    const server = createServer((socket) => {
      sockets.add(socket);
      socket.on('error', () => {});
    });
    const port = await listening(server);
    expect(await managerAnswers(`127.0.0.1:${port}`, files(), 100)).toBe(false);
    for (const socket of sockets) socket.destroy();
  });

  test.each(['certFile', 'keyFile', 'caFile'] as const)('without %s', async (name) => {
    const port = await serving();
    expect(await managerAnswers(`127.0.0.1:${port}`, { ...files(), [name]: '/nowhere' }, LONG_MS)).toBe(false);
  });

  test('with files that make no identity', async () => {
    const key = join(folder, 'no.key');
    writeFileSync(key, 'not a key');
    expect(await managerAnswers(`127.0.0.1:${await serving()}`, { ...files(), keyFile: key }, LONG_MS)).toBe(false);
  });
});
