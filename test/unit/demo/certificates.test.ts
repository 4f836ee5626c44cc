import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { type ConnectionOptions, connect, createServer, type TLSSocket } from 'node:tls';
import { beforeAll, describe, expect, test } from 'vitest';
import { type Authority, createAuthority, createCertificates, type KeyPair } from '../../../src/demo/certificates.ts';
import { testFolder } from '../../support/temp-folder.ts';

const DAY_MS = 24 * 60 * 60 * 1000;
const HOSTS = ['localhost', '127.0.0.1'];

interface Handshake {
  server: KeyPair;
  /** What the server asks of clients. */
  clientCa?: string;
  client?: KeyPair;
  trust: string;
  servername?: string;
}

/** `accepted` when a byte came through both ways, else the code of what refused. */
async function handshake({ server, clientCa, client, trust, servername }: Handshake): Promise<string> {
  const listener = createServer(
    {
      ...server,
      minVersion: 'TLSv1.3',
      ...(clientCa ? { ca: clientCa, requestCert: true, rejectUnauthorized: true } : {}),
    },
    (socket) => socket.on('error', () => {}).end('x'),
  );
  listener.on('tlsClientError', () => {});
  await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve));
  const address = listener.address();
  const port = typeof address === 'object' && address ? address.port : 0;
  const options: ConnectionOptions = {
    host: '127.0.0.1',
    port,
    ca: trust,
    ...client,
    ...(servername ? { servername } : {}),
  };
  let socket: TLSSocket | undefined;
  try {
    return await new Promise<string>((resolve) => {
      socket = connect(options);
      socket.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
      // only data says that the server took the client's certificate: in TLS 1.3 the client is done before that
      socket.on('data', () => resolve('accepted'));
      socket.on('close', () => resolve('closed')); // a certificate that it does not trust is no more than this in Node
    });
  } finally {
    socket?.destroy();
    await new Promise((resolve) => listener.close(resolve));
  }
}

describe('what an authority issues', () => {
  let authority: Authority;
  let other: Authority;
  let server: KeyPair;
  beforeAll(async () => {
    authority = await createAuthority('test CA');
    other = await createAuthority('another CA');
    server = await authority.issue({ name: 'server', hosts: HOSTS, usages: ['server'] });
  });

  const past = { notBefore: new Date(Date.now() - 2 * DAY_MS), notAfter: new Date(Date.now() - DAY_MS) };
  const future = { notBefore: new Date(Date.now() + DAY_MS), notAfter: new Date(Date.now() + 2 * DAY_MS) };

  test.each<[string, () => Promise<Partial<Handshake>>, string]>([
    ['a server by address', async () => ({}), 'accepted'],
    ['a server by name', async () => ({ servername: 'localhost' }), 'accepted'],
    [
      'a name that it does not carry',
      async () => ({ servername: 'elsewhere.example' }),
      'ERR_TLS_CERT_ALTNAME_INVALID',
    ],
    ['another authority', async () => ({ trust: other.cert }), 'UNABLE_TO_VERIFY_LEAF_SIGNATURE'],
    [
      'one that has expired',
      async () => ({ server: await authority.issue({ name: 's', hosts: HOSTS, ...past }) }),
      'CERT_HAS_EXPIRED',
    ],
    [
      'one that is not valid yet',
      async () => ({ server: await authority.issue({ name: 's', hosts: HOSTS, ...future }) }),
      'CERT_NOT_YET_VALID',
    ],
    [
      'only an end given, in the past',
      async () => ({ server: await authority.issue({ name: 's', hosts: HOSTS, notAfter: past.notAfter }) }),
      'CERT_HAS_EXPIRED',
    ],
    [
      'only a beginning given, to come',
      async () => ({ server: await authority.issue({ name: 's', hosts: HOSTS, notBefore: future.notBefore }) }),
      'CERT_NOT_YET_VALID',
    ],
    [
      "a client's certificate as server",
      async () => ({ server: await authority.issue({ name: 's', hosts: HOSTS, usages: ['client'] }) }),
      'INVALID_PURPOSE',
    ],
    [
      'a client',
      async () => ({ clientCa: authority.cert, client: await authority.issue({ name: 'c', usages: ['client'] }) }),
      'accepted',
    ],
    ['no client certificate', async () => ({ clientCa: authority.cert }), 'ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED'],
    [
      'a client of another authority',
      async () => ({ clientCa: authority.cert, client: await other.issue({ name: 'c' }) }),
      'closed',
    ],
  ])('%s', async (_, change, expected) => {
    expect(await handshake({ server, trust: authority.cert, ...(await change()) })).toBe(expected);
  });

  test('IPv6 addresses are named', async () => {
    const { cert } = await authority.issue({ name: 'six', hosts: ['::1'] });
    expect(new X509Certificate(cert).checkIP('::1')).toBe('::1');
  });

  test('a name that would change the subject is refused', async () => {
    await expect(authority.issue({ name: 'a,O=b' })).rejects.toThrow('not a common name');
  });
});

test('a folder of certificates: all there, keys for the owner only, signed by the CA beside them', async () => {
  const folder = await testFolder('certificates');
  await createCertificates(folder);
  const read = (name: string) => readFile(join(folder, name), 'utf8');
  const ca = new X509Certificate(await read('ca.crt'));
  expect(ca.ca).toBe(true);
  for (const name of ['ca', 'server', 'client']) {
    const certificate = new X509Certificate(await read(`${name}.crt`));
    expect(certificate.verify(ca.publicKey)).toBe(true);
    expect(certificate.checkPrivateKey(createPrivateKey(await read(`${name}.key`)))).toBe(true);
    expect((await stat(join(folder, `${name}.key`))).mode & 0o777).toBe(0o600);
  }
  const server = new X509Certificate(await read('server.crt'));
  expect(server.checkHost('localhost')).toBe('localhost');
  expect(server.checkIP('127.0.0.1')).toBe('127.0.0.1');
  expect(server.checkIP('::1')).toBe('::1');
});
