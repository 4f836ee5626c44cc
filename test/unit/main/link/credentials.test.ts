/** Against real OpenSSL peers through node:tls, as grpc-js uses the credentials: by a channel of its own. */

import { createServer as createPlainHttp2, createSecureServer, type ServerHttp2Session } from 'node:http2';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { createSecureContext, createServer as createTls, type SecureContext, type TlsOptions } from 'node:tls';
import { Client, connectivityState } from '@grpc/grpc-js';
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { type Authority, createAuthority, type KeyPair } from '../../../../src/demo/certificates.ts';
import { DialCredentials, type DialCredentialsOptions } from '../../../../src/main/link/credentials.ts';
import { HandshakeError } from '../../../../src/main/link/handshake-error.ts';
import { TcpProxy } from '../../../support/tcp-proxy.ts';
import { waitFor } from '../../../support/wait-until.ts';

const LONG_MS = 20_000;
const HOUR_MS = 3_600_000;
const ONLY_1_3 = { minVersion: 'TLSv1.3', maxVersion: 'TLSv1.3' } as const;
const ONLY_1_2 = { minVersion: 'TLSv1.2', maxVersion: 'TLSv1.2' } as const;

let authority: Authority;
let other: Authority;
let client: KeyPair;
let server: KeyPair;

beforeAll(async () => {
  authority = await createAuthority('test CA');
  other = await createAuthority('another CA');
  client = await authority.issue({ name: 'daemon', usages: ['client'] });
  server = await authority.issue({
    name: 'manager',
    hosts: ['manager.example', '127.0.0.1'],
    uris: ['spiffe://x/manager'],
    usages: ['server'],
  });
});

const context = (over: Parameters<typeof createSecureContext>[0] = {}): SecureContext =>
  createSecureContext({ ...ONLY_1_3, ...client, ca: authority.cert, ...over });

interface Listening {
  port: number;
  /** Those that are open. */
  sockets: Set<Socket>;
  accepted(): number;
}

interface Listener {
  listen(port: number, host: string, done: () => void): unknown;
  close(done: () => void): unknown;
  address(): AddressInfo | string | null;
  on(event: 'connection', listener: (socket: Socket) => void): unknown;
}

async function listening(listener: Listener): Promise<Listening> {
  const sockets = new Set<Socket>();
  let accepted = 0;
  listener.on('connection', (socket) => {
    accepted++;
    sockets.add(socket);
    socket.on('error', () => {}).on('close', () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve));
  onTestFinished(async () => {
    const closed = new Promise<void>((resolve) => listener.close(resolve));
    for (const socket of sockets) socket.destroy();
    await closed;
  });
  const address = listener.address();
  return { port: typeof address === 'object' && address ? address.port : 0, sockets, accepted: () => accepted };
}

/** A TLS server that keeps whatever a client sends inside TLS. */
async function recording(over: TlsOptions = {}): Promise<Listening & { received: Buffer[] }> {
  const received: Buffer[] = [];
  const listener = createTls({ ...server, ALPNProtocols: ['h2'], ...over }, (socket) => {
    socket.on('error', () => {}).on('data', (chunk: Buffer) => received.push(chunk));
  });
  listener.on('tlsClientError', () => {});
  return { ...(await listening(listener)), received };
}

async function http2(over: object = {}): Promise<Listening & { sessions: Set<ServerHttp2Session> }> {
  const asking = { requestCert: true, rejectUnauthorized: true, ca: authority.cert };
  const listener = createSecureServer({ ...server, ...ONLY_1_3, ...asking, ...over });
  return served(listener);
}

async function served(listener: ReturnType<typeof createPlainHttp2> | ReturnType<typeof createSecureServer>) {
  const sessions = new Set<ServerHttp2Session>();
  listener.on('session', (session: ServerHttp2Session) => sessions.add(session));
  listener.on('sessionError', () => {});
  return { ...(await listening(listener)), sessions };
}

interface Dialled {
  credentials: DialCredentials;
  client: Client;
  /** Settles with the state that the attempt came to. */
  attempt: Promise<'ready' | 'failed'>;
}

function dial({ port }: { port: number }, over: Partial<DialCredentialsOptions> = {}): Dialled {
  const host = 'manager.example';
  const credentials = new DialCredentials({ context: context(), handshakeMs: LONG_MS, host, ...over });
  const dialling = new Client(`127.0.0.1:${port}`, credentials, {
    'grpc.initial_reconnect_backoff_ms': 1e9,
    'grpc.max_reconnect_backoff_ms': 1e9,
    'grpc.use_local_subchannel_pool': 1,
    'grpc.enable_http_proxy': 0,
  });
  onTestFinished(() => {
    dialling.close();
    credentials.destroy();
  });
  const channel = dialling.getChannel();
  const attempt = new Promise<'ready' | 'failed'>((resolve) => {
    const look = (): void => {
      const state = channel.getConnectivityState(true);
      if (state === connectivityState.READY) resolve('ready');
      else if (state === connectivityState.TRANSIENT_FAILURE) resolve('failed');
      else channel.watchConnectivityState(state, Number.POSITIVE_INFINITY, look);
    };
    look();
  });
  return { credentials, client: dialling, attempt };
}

async function refusal(dialled: Dialled): Promise<HandshakeError> {
  expect(await dialled.attempt).toBe('failed');
  const { error, open, secured } = dialled.credentials;
  expect({ open, secured }).toEqual({ open: false, secured: false });
  if (!(error instanceof HandshakeError)) throw new Error('no error of the handshake', { cause: error });
  return error;
}

describe('a peer that is who it should be', () => {
  test('is connected to, by the name that was given and not by the target', async () => {
    const peer = await http2();
    const { attempt, credentials } = dial(peer);
    expect(credentials).toMatchObject({ secured: false, open: false, localAddress: '', peerNames: [] });
    expect(await attempt).toBe('ready');
    expect(credentials).toMatchObject({ secured: true, open: true, localAddress: '127.0.0.1', error: null });
    expect(credentials.peerNames).toEqual(['manager', 'manager.example', 'spiffe://x/manager']);
    expect(credentials._isSecure()).toBe(true);
  });

  test('is connected to by its address', async () => {
    expect(await dial(await http2(), { host: '127.0.0.1' }).attempt).toBe('ready');
  });

  test('destroy ends the connection', async () => {
    const peer = await http2();
    const { attempt, credentials } = dial(peer);
    await attempt;
    credentials.destroy();
    await waitFor(() => peer.sockets.size === 0, { what: 'the end of the connection' });
    expect(credentials.open).toBe(false);
  });

  test('equals only itself', () => {
    const [one, two] = [1, 2].map(() => new DialCredentials({ context: null, handshakeMs: 1, host: '' }));
    expect(one && two && [one._equals(one), one._equals(two)]).toEqual([true, false]);
  });
});

describe('once it is connected', () => {
  interface Standing extends Dialled {
    peer: Awaited<ReturnType<typeof served>>;
    proxy: TcpProxy;
    /** Whether the connection was still open when the channel left it. */
    left: Promise<boolean>;
  }

  async function standing(plain: boolean): Promise<Standing> {
    const peer = plain ? await served(createPlainHttp2()) : await http2();
    const proxy = await TcpProxy.listen(peer);
    onTestFinished(() => proxy.close());
    const dialled = dial(proxy, plain ? { context: null } : {});
    expect(await dialled.attempt).toBe('ready');
    const left = new Promise<boolean>((resolve) => {
      const watch = (): void => resolve(dialled.credentials.open);
      dialled.client.getChannel().watchConnectivityState(connectivityState.READY, Number.POSITIVE_INFINITY, watch);
    });
    return { ...dialled, peer, proxy, left };
  }

  describe.each([
    ['TLS', false],
    ['plaintext', true],
  ])('%s', (_, plain) => {
    test('a goodbye leaves the connection open', async () => {
      const { peer, left, credentials } = await standing(plain);
      for (const session of peer.sessions) session.close();
      expect(await left).toBe(true);
      expect(credentials.error).toBeNull();
    });

    test('a cut does not', async () => {
      const { proxy, left } = await standing(plain);
      await proxy.close();
      expect(await left).toBe(false);
    });

    test('a reset does not', async () => {
      const { proxy, left } = await standing(plain);
      proxy.drop();
      expect(await left).toBe(false);
    });
  });
});

describe('no byte of HTTP/2 goes to a peer', () => {
  const hosts = ['manager.example'];
  const later = new Date(Date.now() + 3 * HOUR_MS);
  const [from, until] = [new Date(Date.now() - 5 * HOUR_MS), new Date(Date.now() - HOUR_MS)];
  const seconds = (date: Date): number => Math.floor(date.getTime() / 1000) * 1000;

  test.each<[string, () => Promise<KeyPair>, string, object]>([
    [
      'of another name',
      () => authority.issue({ name: 'm', hosts: ['other.example', '10.0.0.1'] }),
      'ERR_TLS_CERT_ALTNAME_INVALID',
      { names: ['m', 'other.example', '10.0.0.1'] },
    ],
    ['of another CA', () => other.issue({ name: 'm', hosts }), 'UNABLE_TO_VERIFY_LEAF_SIGNATURE', {}],
    [
      'that has expired',
      () => authority.issue({ name: 'm', hosts, notBefore: from, notAfter: until }),
      'CERT_HAS_EXPIRED',
      { notBeforeMs: seconds(from), notAfterMs: seconds(until) },
    ],
    [
      'that is not valid yet',
      () => authority.issue({ name: 'm', hosts, notBefore: later }),
      'CERT_NOT_YET_VALID',
      { notBeforeMs: seconds(later) },
    ],
    ['for clients', () => authority.issue({ name: 'm', hosts, usages: ['client'] }), 'INVALID_PURPOSE', {}],
  ])('%s', async (_, issue, code, facts) => {
    const peer = await recording(await issue());
    const error = await refusal(dial(peer));
    expect(error.code).toBe(code);
    expect(error.peer).toMatchObject(facts);
    await waitFor(() => peer.accepted() === 1 && peer.sockets.size === 0, { what: 'the end of the connection' });
    expect(peer.received).toEqual([]);
  });

  test('but to the right one: what is kept would show it', async () => {
    const peer = await recording();
    dial(peer);
    await waitFor(() => Buffer.concat(peer.received).includes('PRI * HTTP/2.0'), { what: 'the preface' });
  });

  test('of another name, where it is an address that is looked for', async () => {
    const peer = await recording(await authority.issue({ name: 'm', hosts: ['localhost'] }));
    expect(await refusal(dial(peer, { host: '127.0.0.1' }))).toMatchObject({ code: 'ERR_TLS_CERT_ALTNAME_INVALID' });
    expect(peer.received).toEqual([]);
  });

  test('that does not speak HTTP/2', async () => {
    const peer = await recording({ ALPNProtocols: undefined });
    expect(await refusal(dial(peer))).toMatchObject({ code: 'NO_HTTP2' });
    expect(peer.received).toEqual([]);
  });

  test('that speaks no TLS above 1.2', async () => {
    const peer = await recording({ ...ONLY_1_2 });
    const dialled = dial(peer);
    expect(await dialled.attempt).toBe('failed');
    expect(dialled.credentials.error).toMatchObject({ code: 'ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION' });
    expect(peer.received).toEqual([]);
  });

  test('in TLS 1.2, even where the context would', async () => {
    const peer = await recording({ ...ONLY_1_2 });
    const loose = context({ minVersion: 'TLSv1.2' });
    expect(await refusal(dial(peer, { context: loose }))).toMatchObject({ code: 'ERR_SSL_UNSUPPORTED_PROTOCOL' });
    await waitFor(() => peer.sockets.size === 0, { what: 'the end of the connection' });
    expect(peer.received).toEqual([]);
  });

  test('whatever the environment says', async () => {
    const before = process.env['NODE_TLS_REJECT_UNAUTHORIZED'];
    process.env['NODE_TLS_REJECT_UNAUTHORIZED'] = '0';
    onTestFinished(() => {
      if (before === undefined) delete process.env['NODE_TLS_REJECT_UNAUTHORIZED'];
      else process.env['NODE_TLS_REJECT_UNAUTHORIZED'] = before;
    });
    const peer = await recording(await other.issue({ name: 'm', hosts }));
    expect(await refusal(dial(peer))).toMatchObject({ code: 'UNABLE_TO_VERIFY_LEAF_SIGNATURE' });
    expect(peer.received).toEqual([]);
  });
});

describe('what else a peer may do', () => {
  const silent = (act: (socket: Socket) => void): Promise<Listening> =>
    listening(createServer((socket) => act(socket.resume())));

  test('it says nothing: given up in time, and no socket stays', async () => {
    const peer = await silent(() => {});
    expect(await refusal(dial(peer, { handshakeMs: 50 }))).toMatchObject({ code: 'HANDSHAKE_TIMEOUT' });
    await waitFor(() => peer.sockets.size === 0, { what: 'the end of the connection' });
  });

  test('it says nothing, and the attempt is given up from here', async () => {
    const peer = await silent(() => {});
    const { attempt, credentials } = dial(peer);
    await waitFor(() => peer.sockets.size === 1, { what: 'the connection' });
    credentials.destroy();
    expect(await attempt).toBe('failed');
    await waitFor(() => peer.sockets.size === 0, { what: 'the end of the connection' });
    expect(credentials.error).toBeNull();
  });

  test.each<[string, (socket: Socket) => unknown]>([
    ['ends', (socket) => socket.once('data', () => socket.end())],
    ['resets', (socket) => socket.once('data', () => socket.resetAndDestroy())],
  ])('it %s the connection in the handshake', async (_, act) => {
    expect(await refusal(dial(await silent(act)))).toMatchObject({ code: 'CLOSED_IN_HANDSHAKE', peer: null });
  });

  test('it speaks plaintext', async () => {
    const dialled = dial(await served(createPlainHttp2()));
    expect(await dialled.attempt).toBe('failed');
    expect(dialled.credentials.error).toMatchObject({ code: expect.stringMatching(/^ERR_SSL_/) });
  });

  test('it does not take the client certificate, which shows after the handshake', async () => {
    const peer = await http2({ ca: other.cert });
    const dialled = dial(peer);
    expect(await dialled.attempt).toBe('failed');
    expect(dialled.credentials).toMatchObject({ secured: true, open: false });
  });

  test('it wants a client certificate and gets none: it says so', async () => {
    const bare = createSecureContext({ ...ONLY_1_3, ca: authority.cert });
    const dialled = dial(await http2(), { context: bare });
    expect(await dialled.attempt).toBe('failed');
    expect(dialled.credentials.error).toMatchObject({ code: 'ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED' });
  });
});

describe('plaintext', () => {
  test('is HTTP/2 from the first byte', async () => {
    const peer = await served(createPlainHttp2());
    const { attempt, credentials } = dial(peer, { context: null });
    expect(await attempt).toBe('ready');
    expect(credentials).toMatchObject({ secured: true, open: true, localAddress: '127.0.0.1', peerNames: [] });
    expect(credentials._isSecure()).toBe(false);
  });

  test('a peer that wants TLS ends it', async () => {
    const { attempt, credentials } = dial(await http2(), { context: null });
    expect(await attempt).toBe('failed');
    expect(credentials.secured).toBe(true);
  });
});

describe('what comes first on the connection', () => {
  /** Asked with a line, says a line, and then is the peer behind it: with what that says first in the same packet. */
  async function behind({ port }: Listening, withFirstBytes: boolean): Promise<Listening> {
    const front = createServer((socket) => {
      socket.once('data', (asked: Buffer) => {
        expect(asked.toString()).toBe('go\n');
        const onward = connect(port, '127.0.0.1');
        onward.on('error', () => {}).on('close', () => socket.destroy());
        socket.on('close', () => onward.destroy());
        const goOn = (first: Buffer): void => {
          socket.write(Buffer.concat([Buffer.from('ready\n'), first]));
          socket.pipe(onward).pipe(socket);
        };
        if (withFirstBytes) onward.once('data', goOn);
        else onward.once('connect', () => goOn(Buffer.alloc(0)));
      });
    });
    return listening(front);
  }

  const upToLine = async (socket: Socket): Promise<void> => {
    socket.write('go\n');
    let said = Buffer.alloc(0);
    while (!said.includes('\n'))
      said = Buffer.concat([said, await new Promise<Buffer>((resolve) => socket.once('data', resolve))]);
    socket.pause();
    const rest = said.subarray(said.indexOf('\n') + 1);
    if (rest.length > 0) socket.unshift(rest);
  };

  test('goes before plaintext, and what came right behind it is not lost', async () => {
    const peer = await behind(await served(createPlainHttp2()), true);
    expect(await dial(peer, { context: null, prepare: upToLine }).attempt).toBe('ready');
  });

  test('goes before TLS', async () => {
    const { attempt, credentials } = dial(await behind(await http2(), false), { prepare: upToLine });
    expect(await attempt).toBe('ready');
    expect(credentials.peerNames).toContain('manager.example');
  });

  test('what it fails with is the error of the attempt', async () => {
    const peer = await http2();
    const failure = Object.assign(new Error('no'), { code: 'PROXY_REFUSED' });
    const { attempt, credentials } = dial(peer, { prepare: () => Promise.reject(failure) });
    expect(await attempt).toBe('failed');
    expect(credentials.error).toBe(failure);
    expect(credentials.secured).toBe(false);
    await waitFor(() => peer.sockets.size === 0, { what: 'the end of the connection' });
  });

  test('what is thrown and is no error becomes one', async () => {
    const { attempt, credentials } = dial(await http2(), { prepare: () => Promise.reject('no') });
    expect(await attempt).toBe('failed');
    expect(credentials.error?.message).toBe('no');
  });

  test('it has no more time than all together', async () => {
    const peer = await http2();
    let cut: unknown;
    const prepare = (_: Socket, signal: AbortSignal): Promise<void> =>
      new Promise(() =>
        signal.addEventListener('abort', () => {
          cut = signal.reason;
        }),
      );
    expect(await refusal(dial(peer, { handshakeMs: 50, prepare }))).toMatchObject({ code: 'HANDSHAKE_TIMEOUT' });
    expect(cut).toMatchObject({ code: 'HANDSHAKE_TIMEOUT' });
    await waitFor(() => peer.sockets.size === 0, { what: 'the end of the connection' });
  });

  test('it is cut when the attempt is given up', async () => {
    let cut = false;
    const prepare = (_: Socket, signal: AbortSignal): Promise<void> =>
      new Promise(() =>
        signal.addEventListener('abort', () => {
          cut = true;
        }),
      );
    const peer = await http2();
    const { attempt, credentials } = dial(peer, { prepare });
    await waitFor(() => peer.sockets.size === 1, { what: 'the connection' });
    credentials.destroy();
    expect(await attempt).toBe('failed');
    expect(cut).toBe(true);
  });
});
