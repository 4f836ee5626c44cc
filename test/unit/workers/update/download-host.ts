/** Hosts on loopback that a download is tried against: each does what its test says, and tells what it was asked. */
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createSecureServer, type ServerOptions } from 'node:https';
import { type AddressInfo, createServer as createRawServer, type Server, type Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import { expect, onTestFinished } from 'vitest';
import type { DownloadInput, TaskContext } from '../../../../src/shared/contracts/pool-tasks.ts';
import { DaemonError } from '../../../../src/shared/errors/daemon-error.ts';
import { type DownloadDeps, downloadPackage } from '../../../../src/workers/update/download.ts';
import { waitFor } from '../../../support/wait-until.ts';

export interface Asked {
  path: string;
  headers: IncomingHttpHeaders;
  /** Common name of the client's certificate; empty without one. */
  client: string;
}

/** `nth` counts from 0. */
export type Handler = (request: IncomingMessage, response: ServerResponse, nth: number) => void;

export class TestHost {
  readonly asked: Asked[] = [];
  readonly #server: Server;
  readonly #protocol: string;

  constructor(server: Server, protocol: string) {
    this.#server = server;
    this.#protocol = protocol;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  url(path = '/a.tar.gz', host = '127.0.0.1'): string {
    return `${this.#protocol}//${host}:${this.port}${path}`;
  }

  /** Listens no longer. */
  close(done: () => void): void {
    this.#server.close(done);
  }

  /** No socket of a download may outlive it. */
  async expectNoConnection(): Promise<void> {
    const count = (): Promise<number> =>
      new Promise((resolve, reject) => this.#server.getConnections((e, open) => (e ? reject(e) : resolve(open))));
    await waitFor(async () => (await count()) === 0, { what: 'the end of all connections' });
  }
}

async function listen(server: Server): Promise<void> {
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.on('error', () => {}); // the download has gone
    socket.on('close', () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
}

function answering(host: () => TestHost, handler: Handler) {
  return (request: IncomingMessage, response: ServerResponse): void => {
    const { asked } = host();
    const { socket } = request;
    const client = socket instanceof TLSSocket ? String(socket.getPeerCertificate().subject?.CN ?? '') : '';
    asked.push({ path: request.url ?? '', headers: request.headers, client });
    handler(request, response, asked.length - 1);
  };
}

export async function plainHost(handler: Handler): Promise<TestHost> {
  const server = createServer(answering(() => host, handler));
  const host = new TestHost(server, 'http:');
  await listen(server);
  return host;
}

export async function secureHost(options: ServerOptions, handler: Handler): Promise<TestHost> {
  const server = createSecureServer(
    options,
    answering(() => host, handler),
  );
  server.on('tlsClientError', () => {}); // some handshakes are meant to fail
  const host = new TestHost(server, 'https:');
  await listen(server);
  return host;
}

/** Speaks no HTTP but what the test writes. */
export async function rawHost(onConnection: (socket: Socket) => void, protocol = 'http:'): Promise<TestHost> {
  const server = createRawServer(onConnection);
  await listen(server);
  return new TestHost(server, protocol);
}

/** Generous limits; what a test is about it sets. */
export function inputFor(host: TestHost, to: string, over: Partial<DownloadInput> = {}): DownloadInput {
  return {
    url: host.url(),
    to,
    trustedHosts: ['127.0.0.1'],
    allowHttpLoopback: true,
    identityHosts: [],
    tls: { certFile: '/nowhere/cert', keyFile: '/nowhere/key', caFile: '/nowhere/ca' },
    maxBytes: 10_000_000,
    expectedBytes: null,
    minBytesPerSecond: 0,
    speedWindowMs: 20_000,
    timeoutMs: 20_000,
    rateLimit: 0,
    retries: { max: 3, baseMs: 1, maxMs: 5 },
    reserveBytes: 0,
    ...over,
  };
}

export const NO_CONTEXT: TaskContext = { progress: () => {} };

/** The error that a download ends with. */
export async function failureOf(input: DownloadInput, deps: DownloadDeps = {}): Promise<DaemonError> {
  const error = await downloadPackage(input, NO_CONTEXT, deps).then(
    () => expect.unreachable('it should have failed'),
    (reason: unknown) => reason,
  );
  if (error instanceof DaemonError) return error;
  throw error;
}
