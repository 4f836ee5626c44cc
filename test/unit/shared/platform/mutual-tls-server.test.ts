/** The server's credentials with a real gRPC server: 1.3 and nothing below, before and after a replacement. */
import { createPrivateKey } from 'node:crypto';
import { once } from 'node:events';
import { connect, type SecureVersion } from 'node:tls';
import { Server, ServerCredentials } from '@grpc/grpc-js';
import { describe, expect, onTestFinished, test } from 'vitest';
import { type Authority, createAuthority, LOOPBACK_HOSTS } from '../../../../src/demo/certificates.ts';
import { MutualTlsCredentials, type ServerIdentity } from '../../../../src/shared/platform/mutual-tls-server.ts';

async function made(name: string): Promise<{ authority: Authority; identity: ServerIdentity }> {
  const authority = await createAuthority(name);
  const { cert, key } = await authority.issue({ name: 'host', hosts: LOOPBACK_HOSTS });
  return {
    authority,
    identity: { ca: Buffer.from(authority.cert), cert: Buffer.from(cert), key: Buffer.from(key) },
  };
}

async function serve(credentials: MutualTlsCredentials): Promise<number> {
  const server = new Server();
  onTestFinished(() => server.forceShutdown());
  return new Promise((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', credentials, (error, port) => (error ? reject(error) : resolve(port)));
  });
}

/** What became of a handshake with a certificate of the same authority: the version, or the error. */
async function handshake(port: number, { authority, identity }: Awaited<ReturnType<typeof made>>, at?: SecureVersion) {
  const socket = connect({
    ...{ port, host: '127.0.0.1', servername: 'localhost', ALPNProtocols: ['h2'], ca: authority.cert },
    ...{ cert: identity.cert, key: identity.key, ...(at ? { minVersion: at, maxVersion: at } : {}) },
  });
  onTestFinished(() => {
    socket.destroy();
  });
  let failure = '';
  socket.on('error', (error: NodeJS.ErrnoException) => {
    failure = error.code ?? error.message;
  });
  await Promise.race([once(socket, 'secureConnect'), once(socket, 'close')]).catch(() => {}); // told in `failure`
  return failure || socket.getProtocol();
}

describe('MutualTlsCredentials', () => {
  test('speaks 1.3 and nothing below, and so after a replacement', async () => {
    const [first, second] = [await made('first'), await made('second')];
    const credentials = new MutualTlsCredentials(first.identity);
    const port = await serve(credentials);
    expect(await handshake(port, first)).toBe('TLSv1.3');
    expect(await handshake(port, first, 'TLSv1.2')).toMatch(/PROTOCOL_VERSION/);
    credentials.replace(second.identity);
    expect(await handshake(port, second)).toBe('TLSv1.3');
    expect(await handshake(port, second, 'TLSv1.2')).toMatch(/PROTOCOL_VERSION/);
    expect(await handshake(port, first)).toMatch(/SELF_SIGNED|UNABLE_TO_VERIFY|signature failure/i);
  });

  test('a set that does not fit is thrown, and changes nothing', async () => {
    const [first, second] = [await made('first'), await made('second')];
    const mixed = { ...second.identity, key: first.identity.key };
    expect(() => new MutualTlsCredentials(mixed)).toThrow(/key values mismatch/i);
    const credentials = new MutualTlsCredentials(first.identity);
    const port = await serve(credentials);
    expect(() => credentials.replace(mixed)).toThrow(/key values mismatch/i);
    expect(() =>
      credentials.replace({ ...second.identity, ca: Buffer.from('no PEM'), cert: Buffer.alloc(0) }),
    ).toThrow();
    expect(await handshake(port, first)).toBe('TLSv1.3');
  });

  test('a key with a passphrase serves, at first and as a replacement; without it, it is thrown', async () => {
    const [first, second] = [await made('first'), await made('second')];
    const locked = ({ identity }: typeof first): ServerIdentity => {
      const key = createPrivateKey(identity.key).export({
        ...{ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'open sesame' },
      });
      return { ...identity, key: Buffer.from(key), passphrase: 'open sesame' };
    };
    const credentials = new MutualTlsCredentials(locked(first));
    const port = await serve(credentials);
    expect(await handshake(port, first)).toBe('TLSv1.3');
    credentials.replace(locked(second));
    expect(await handshake(port, second)).toBe('TLSv1.3');
    const { passphrase: _, ...without } = locked(first);
    expect(() => credentials.replace(without)).toThrow();
    expect(await handshake(port, second)).toBe('TLSv1.3');
  });

  test('are equal to themselves only', async () => {
    const { identity } = await made('first');
    const credentials = new MutualTlsCredentials(identity);
    expect(credentials._equals(credentials)).toBe(true);
    expect(credentials._equals(new MutualTlsCredentials(identity))).toBe(false);
    expect(credentials._equals(ServerCredentials.createInsecure())).toBe(false);
  });
});
