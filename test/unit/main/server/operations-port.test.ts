/** The port as such: its limits, plaintext, what its end tells those who wait, and new certificates. */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { credentials, Metadata, type ServiceError, status } from '@grpc/grpc-js';
import { describe, expect, onTestFinished, test } from 'vitest';
import { createAuthority, type KeyPair, LOOPBACK_HOSTS } from '../../../../src/demo/certificates.ts';
import { LIMITS, OperationsServer, SERVER_OPTIONS } from '../../../../src/main/server/operations-server.ts';
import type { Identity, IdentitySource } from '../../../../src/shared/contracts/identity.ts';
import type { DaemonServiceClient, ListAgentsResponse } from '../../../../src/shared/gen/daemon.ts';
import { tls13Context } from '../../../../src/shared/platform/tls-files.ts';
import { waitFor } from '../../../support/wait-until.ts';
import { frame, rawCall, rawSession, SERVICE } from './raw-call.ts';
import { servedHost } from './served.ts';

const host = servedHost();
const LIST = frame(Buffer.alloc(0));
const ownTls = () => ({ ca: host.read('ca.crt'), cert: host.read('client.crt'), key: host.read('client.key') });

/** A connection below everything else. */
async function plain(port: number): Promise<{ socket: Socket; closed: () => boolean }> {
  const socket = connect(port, '127.0.0.1');
  let closed = false;
  socket.on('error', () => {});
  socket.on('close', () => {
    closed = true;
  });
  onTestFinished(() => {
    socket.destroy();
  });
  await once(socket, 'connect');
  socket.resume();
  return { socket, closed: () => closed };
}

describe('limits', () => {
  test('one connection more is closed at once, told once, and those that are there never are', async () => {
    const { port } = await host.serve();
    const raw = rawSession(port, ownTls());
    await rawCall(raw, `${SERVICE}/ListAgents`, LIST);
    const others = await Promise.all(Array.from({ length: LIMITS.connections - 1 }, () => plain(port)));
    for (let n = 0; n < 3; n++) {
      const more = await plain(port);
      await waitFor(more.closed, { what: 'its end' });
    }
    expect(others.filter(({ closed }) => closed())).toEqual([]);
    expect(await rawCall(raw, `${SERVICE}/ListAgents`, LIST)).toMatchObject({ status: status.OK });
    expect(host.log.lines.filter(({ level }) => level === 'warn')).toHaveLength(1);
    others[0]?.socket.destroy();
    const again = async (): Promise<boolean> => {
      const next = rawSession(port, ownTls());
      const answer = await rawCall(next, `${SERVICE}/ListAgents`, LIST).finally(() => next.destroy());
      return answer.status === status.OK;
    };
    await waitFor(again, { what: 'room for another' });
  });

  test('a handshake that is begun and not ended is cut', async () => {
    const { port } = await host.serve({ handshakeMs: 300 });
    const { socket, closed } = await plain(port);
    socket.write(Buffer.from([0x16, 3, 1, 2, 0, 1])); // the beginning of a ClientHello
    await waitFor(closed, { what: 'its end' });
  });

  test('calls beyond those at a time wait for their turn', async () => {
    let finish: () => void = () => {};
    const held = new Promise<void>((resolve) => {
      finish = resolve;
    });
    const { port } = await host.serve({ operate: () => held });
    const made = host.client(port);
    const held32 = Array.from({ length: LIMITS.streams }, () =>
      host.ask(made, 'operateAgent', { agentId: 'one', operation: 'stop' }),
    );
    const waiting = host.ask(made, 'listAgents', {});
    // another connection is not held up
    await host.ask(port, 'listAgents', {});
    finish();
    expect(await Promise.all(held32)).toHaveLength(LIMITS.streams);
    expect(await waiting).toHaveProperty('agents');
  });

  test('neither idleness nor age ends a connection', () => {
    const longest = 2 ** 31 - 1;
    expect(SERVER_OPTIONS).toMatchObject({
      'grpc.max_connection_idle_ms': longest,
      'grpc.max_connection_age_ms': longest,
    });
    expect(Object.keys(SERVER_OPTIONS).filter((name) => name.includes('keepalive'))).toEqual([]);
  });

  test('pings are answered', async () => {
    const { port } = await host.serve();
    const raw = rawSession(port, ownTls());
    await once(raw, 'connect');
    for (let n = 0; n < 5; n++) {
      await new Promise<void>((resolve, reject) => {
        raw.ping((error) => (error ? reject(error) : resolve()));
      });
    }
    expect(await rawCall(raw, `${SERVICE}/ListAgents`, LIST)).toMatchObject({ status: status.OK });
  });
});

describe('plaintext', () => {
  test('serves, and is warned of at each start', async () => {
    const { port } = await host.serve({ tls: 'off' });
    const made = host.client(port, credentials.createInsecure());
    expect(await host.ask(made, 'listAgents', {})).toHaveProperty('agents');
    expect(host.log.events('plaintext')).toMatchObject([{ level: 'warn', key: 'server.tls' }]);
    expect(host.log.events('operation')).toMatchObject([{ caller: [] }]);
  });

  test('with names asked for lets nobody in', async () => {
    const { port } = await host.serve({ tls: 'off', access: { allowedNames: ['daemon'] } });
    const made = host.client(port, credentials.createInsecure());
    await expect(host.ask(made, 'listAgents', {})).rejects.toMatchObject({ code: status.PERMISSION_DENIED });
  });

  test('is not there where TLS is', async () => {
    const { port } = await host.serve();
    const made = host.client(port, credentials.createInsecure());
    await expect(host.ask(made, 'listAgents', {})).rejects.toMatchObject({ code: status.UNAVAILABLE });
  });
});

describe('in time', () => {
  const stop = { agentId: 'one', operation: 'restart' };

  test('before its deadline a caller is told that the operation goes on, and by its next call how it ended', async () => {
    let finish: () => void = () => {};
    let begun = 0;
    const operate = (): Promise<void> =>
      new Promise((resolve) => {
        begun++;
        finish = resolve;
      });
    const { port } = await host.serve({ operate });
    const made = host.client(port);
    const late = await new Promise<ServiceError | null>((resolve) => {
      made.operateAgent(stop, new Metadata(), { deadline: Date.now() + 3000 }, (error) => resolve(error));
    });
    expect(late).toMatchObject({ code: status.INTERNAL, details: expect.stringMatching(/it goes on/) });
    finish();
    await waitFor(() => host.log.events('operation').length > 0, { what: 'its end' });
    expect(host.log.events('operation')).toMatchObject([{ outcome: 'done' }]);
    expect(await host.ask(made, 'operateAgent', stop)).toEqual({ success: true, errorMessage: '' });
    expect(begun).toBe(1);
    const another = host.ask(made, 'operateAgent', stop);
    await waitFor(() => begun === 2, { what: 'another operation' });
    finish();
    await another;
  });

  test('when the port closes a caller is told, and the operation goes on', async () => {
    let finish: () => void = () => {};
    const operate = (): Promise<void> =>
      new Promise((resolve) => {
        finish = resolve;
      });
    const server = await host.serve({ operate });
    const made = host.client(server.port);
    const outcome = host.ask(made, 'operateAgent', stop).then(
      () => null,
      (error: ServiceError) => error,
    );
    await host.ask(made, 'listAgents', {});
    await server.close();
    expect(await outcome).toMatchObject({ code: status.INTERNAL, details: expect.stringMatching(/daemon ends/) });
    finish();
    await waitFor(() => host.log.events('operation').length > 1, { what: 'its end' });
  });
});

describe('a restart', () => {
  test('has the same port at once, with a connection that its peer still holds', async () => {
    const first = await host.serve();
    const raw = rawSession(first.port, ownTls());
    await rawCall(raw, `${SERVICE}/ListAgents`, LIST);
    const silent = await plain(first.port);
    silent.socket.pause();
    await first.close();
    const second = await host.serve({ port: first.port });
    expect(second.port).toBe(first.port);
    expect(await host.ask(second.port, 'listAgents', {})).toHaveProperty('agents');
  });

  test('an end before the first attempt has ended leaves nothing', async () => {
    let give: (error: Error) => void = () => {};
    const current = (): Promise<Identity> =>
      new Promise((_, reject) => {
        give = reject;
      });
    const opened: Promise<unknown>[] = [];
    const server = new OperationsServer({
      port: 0,
      host: '127.0.0.1',
      tls: { current, onChange: () => () => {} },
      dispatcher: { call: async () => ({ status: status.INTERNAL, message: '' }) },
      after: () => expect.unreachable('nothing is to be tried again'),
      random: () => 0,
      log: host.log,
    });
    opened.push(server.open());
    const closed = server.close();
    give(new Error('too late'));
    await Promise.all([closed, ...opened]);
    expect([server.port, host.log.lines]).toEqual([0, []]);
  });
});

/** An identity that a test replaces. */
class Source implements IdentitySource {
  readonly #listeners = new Set<(identity: Identity) => void>();
  #identity: Identity;

  constructor(identity: Identity) {
    this.#identity = identity;
  }

  current = async (): Promise<Identity> => this.#identity;

  onChange(listener: (identity: Identity) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  get listeners(): number {
    return this.#listeners.size;
  }

  replace(identity: Identity): void {
    this.#identity = identity;
    for (const listener of this.#listeners) listener(identity);
  }
}

async function authority(name: string) {
  const ca = await createAuthority(name);
  const hosts = LOOPBACK_HOSTS;
  const [server, client] = [await ca.issue({ name: 'host', hosts }), await ca.issue({ name: 'manager' })];
  const identity = (pair: KeyPair = server): Identity => {
    const pem = { ca: Buffer.from(ca.cert), cert: Buffer.from(pair.cert), key: Buffer.from(pair.key), passphrase: '' };
    const certificate = { subject: '', issuer: '', names: [], notBeforeMs: 0, notAfterMs: 0 };
    return {
      context: tls13Context({ ...pem, key: Buffer.from(server.key), cert: Buffer.from(server.cert) }),
      pem,
      digest: '',
      certificate,
    };
  };
  return { ca, server, client, identity };
}
type Made = Awaited<ReturnType<typeof authority>>;

/** Trusts `server`, shows what `client` issued. */
function callers(port: number, client: Made, server: Made): DaemonServiceClient {
  const channel = credentials.createSsl(
    Buffer.from(server.ca.cert),
    Buffer.from(client.client.key),
    Buffer.from(client.client.cert),
  );
  return host.client(port, channel);
}

const list = (made: DaemonServiceClient): Promise<ListAgentsResponse> => host.ask(made, 'listAgents', {});

describe('new certificates', () => {
  test('are for new connections: an old CA is let in no more, live connections go on', async () => {
    const [old, fresh] = [await authority('old CA'), await authority('new CA')];
    const source = new Source(old.identity());
    const server = await host.serve({ tls: source });
    const live = callers(server.port, old, old);
    await list(live);
    source.replace(fresh.identity());
    expect(await list(callers(server.port, fresh, fresh))).toHaveProperty('agents');
    await expect(list(callers(server.port, old, fresh))).rejects.toThrow();
    expect(await list(live)).toHaveProperty('agents');
    await server.close();
    expect(source.listeners).toBe(0);
  });

  test('that do not fit are thrown back to their source, and change nothing', async () => {
    const [old, fresh] = [await authority('old CA'), await authority('new CA')];
    const source = new Source(old.identity());
    const { port } = await host.serve({ tls: source });
    expect(() => source.replace(fresh.identity({ ...fresh.server, key: old.server.key }))).toThrow();
    expect(await list(callers(port, old, old))).toHaveProperty('agents');
  });

  test('a session of before is not resumed', async () => {
    const [old, fresh] = [await authority('old CA'), await authority('new CA')];
    const source = new Source(old.identity());
    const { port } = await host.serve({ tls: source });
    const handshake = (trusted: Made, session?: Buffer) => {
      const socket = connectTls({
        ...{ port, host: '127.0.0.1', servername: 'localhost', ALPNProtocols: ['h2'] },
        ...{ ca: trusted.ca.cert, cert: old.client.cert, key: old.client.key },
        ...(session ? { session } : {}),
      });
      onTestFinished(() => {
        socket.destroy();
      });
      socket.on('error', () => {}); // 'close' follows
      socket.resume();
      return socket;
    };
    const first = handshake(old);
    const [ticket] = await once(first, 'session');
    const second = handshake(old, ticket);
    await once(second, 'secureConnect');
    expect(second.isSessionReused()).toBe(true);
    source.replace(fresh.identity());
    const third = handshake(fresh, ticket);
    const refused = once(third, 'close');
    await once(third, 'secureConnect');
    expect(third.isSessionReused()).toBe(false);
    await refused; // the server looks at the certificate after the client has had its part of the handshake
    expect([first.destroyed, second.destroyed]).toEqual([false, false]);
  });
});
