import { createPrivateKey } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import {
  createServer as createPlainServer,
  createSecureServer,
  type Http2SecureServer,
  type Http2Server,
} from 'node:http2';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
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

async function listening(server: Server | Http2Server | Http2SecureServer, host = '127.0.0.1'): Promise<number> {
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

describe('in plaintext', () => {
  const off = { ...files('/nowhere'), off: true };

  test('it answers, and no files are asked for', async () => {
    const server = createPlainServer();
    server.on('sessionError', () => {});
    expect(await managerAnswers(`127.0.0.1:${await listening(server)}`, off, LONG_MS)).toBe(true);
  });

  test.each([
    ['speaks HTTP/1', (socket: Socket) => socket.write('HTTP/1.1 400 Bad Request\r\n\r\n')],
    ['ends the connection', (socket: Socket) => socket.end()],
  ])('it does not answer where what listens %s', async (_, act) => {
    const server = createServer((socket) => {
      socket.on('error', () => {}).resume();
      act(socket);
    });
    expect(await managerAnswers(`127.0.0.1:${await listening(server)}`, off, LONG_MS)).toBe(false);
  });

  test('it does not answer where it wants TLS', async () => {
    expect(await managerAnswers(`127.0.0.1:${await serving()}`, off, LONG_MS)).toBe(false);
  });
});

test('an encrypted key is opened with its passphrase', async () => {
  const [keyFile, keyPassphraseFile] = [join(folder, 'locked.key'), join(folder, 'phrase')];
  const plain = createPrivateKey(pem('client.key'));
  writeFileSync(keyFile, plain.export({ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'a phrase' }));
  writeFileSync(keyPassphraseFile, 'a phrase\n');
  const address = `127.0.0.1:${await serving()}`;
  expect(await managerAnswers(address, { ...files(), keyFile, keyPassphraseFile }, LONG_MS)).toBe(true);
  expect(await managerAnswers(address, { ...files(), keyFile }, LONG_MS)).toBe(false);
});

describe('it does not answer', () => {
  test.each(['', 'nowhere', '127.0.0.1:99999'])('at %j, which is no address', async (address) => {
    expect(await managerAnswers(address, files(), LONG_MS)).toBe(false);
  });

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
