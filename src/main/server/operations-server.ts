/**
 * The port on which the Manager calls the daemon (`proto.DaemonService`), over mutual TLS 1.3, or in plaintext where
 * that is spelled out. A port that is taken, or certificates that are not there yet, are told once and tried again: the
 * daemon does its other work meanwhile. It never closes a connection for its idleness or age, and no answer of it has a
 * status on which the existing Manager stops calling. What an operation does is the dispatcher's.
 */
import { X509Certificate } from 'node:crypto';
import { type ConnectionInjector, type handleUnaryCall, Server, ServerCredentials } from '@grpc/grpc-js';
import type { Identity, IdentitySource } from '../../shared/contracts/identity.ts';
import type { RemoteCallName, RemoteCalls, RemoteDispatcher } from '../../shared/contracts/remote.ts';
import { describe } from '../../shared/errors/daemon-error.ts';
import { DaemonServiceService } from '../../shared/gen/daemon.ts';
import { HealthService as HealthDefinition } from '../../shared/gen/health.ts';
import { backoffMs } from '../../shared/lifecycle/backoff.ts';
import { certificateFacts } from '../../shared/platform/certificate-facts.ts';
import { MutualTlsCredentials, type ServerIdentity } from '../../shared/platform/mutual-tls-server.ts';
import { CallsUnderWay } from './calls-under-way.ts';
import { Connections } from './connections.ts';
import { harmlessStatus, withoutEcho } from './harmless-status.ts';
import { HealthService } from './health-service.ts';

export interface OperationsServerOptions {
  dispatcher: RemoteDispatcher;
  /** Default: every address of the host. */
  host?: string;
  port: number;
  tls: IdentitySource | 'off';
  /** How long a handshake, and the first byte, may take, ms. Default: 10 s. */
  handshakeMs?: number;
  after(delayMs: number, name: string, run: () => void): () => void;
  random: () => number;
  log: {
    debug(fields: object, message?: string): void;
    info(fields: object, message?: string): void;
    warn(fields: object, message?: string): void;
    error(fields: object, message?: string): void;
  };
}

export const LIMITS = { messageBytes: 10 * 1024 * 1024, connections: 16, streams: 32, headerBytes: 16 * 1024 } as const;
/** Of one connection: what has come and is not done with, and answers that nobody fetches. */
const SESSION_MEGABYTES = 64;
const HANDSHAKE_MS = 10_000;
/** For the answers that go out when it closes. */
const GOODBYE_MS = 500;
const RETRY = { baseMs: 1000, maxMs: 30_000 };
const NEVER_MS = 2 ** 31 - 1;

/** Keepalive is the caller's: what it pings for is answered, and nothing is closed for its idleness or age. */
export const SERVER_OPTIONS = {
  'grpc.max_receive_message_length': LIMITS.messageBytes,
  'grpc.max_send_message_length': LIMITS.messageBytes,
  'grpc.max_concurrent_streams': LIMITS.streams,
  'grpc.max_connection_idle_ms': NEVER_MS,
  'grpc.max_connection_age_ms': NEVER_MS,
  'grpc-node.max_session_memory': SESSION_MEGABYTES,
  'grpc.enable_channelz': 0,
  interceptors: [harmlessStatus],
};

type Handler<N extends RemoteCallName> = handleUnaryCall<RemoteCalls[N]['request'], RemoteCalls[N]['response']>;

export class OperationsServer {
  readonly #options: OperationsServerOptions;
  readonly #health = new HealthService();
  readonly #calls: CallsUnderWay;
  readonly #server: Server;
  #credentials: MutualTlsCredentials | null = null;
  #injector: ConnectionInjector | null = null;
  #connections: Connections | null = null;
  #stopListening: () => void = () => {};
  #cancelRetry: () => void = () => {};
  #opening: Promise<void> = Promise.resolve();
  #port = 0;
  #failures = 0;
  #told = '';
  #closed = false;

  constructor(options: OperationsServerOptions) {
    this.#options = options;
    this.#calls = new CallsUnderWay(options.after);
    this.#server = withoutEcho(new Server(SERVER_OPTIONS));
    this.#addServices();
  }

  /** The port that it listens on; 0 before it does. */
  get port(): number {
    return this.#port;
  }

  /** Settles after the first attempt, whether it listens then or not. */
  open(): Promise<void> {
    this.#opening = this.#open();
    return this.#opening;
  }

  /** Answers those who still wait; what they began goes on. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#cancelRetry();
    await this.#opening;
    this.#stopListening();
    this.#health.stop();
    this.#calls.end();
    const cut = this.#connections?.close();
    this.#injector?.destroy();
    await cut;
    this.#server.forceShutdown();
  }

  async #open(): Promise<void> {
    const { host = '', port, tls, log, after, random, handshakeMs: silenceMs = HANDSHAKE_MS } = this.#options;
    try {
      const credentials = tls === 'off' ? ServerCredentials.createInsecure() : await this.#secured(tls);
      this.#injector ??= this.#server.createConnectionInjector(credentials);
      const { injectConnection: onConnection } = this.#injector;
      const { connections: max } = LIMITS;
      const connections = new Connections({
        ...{ max, silenceMs, goodbyeMs: GOODBYE_MS, after, onConnection },
        onFull: () => log.warn({ event: 'operations-port' }, `there are ${max} connections: one more was closed`),
        onError: (err) => log.warn({ event: 'operations-port', err }, 'a connection was not taken'),
      });
      this.#port = await connections.listen(host, port);
      this.#connections = connections;
    } catch (err) {
      if (this.#closed) return;
      const why = describe(err);
      const message = "the Manager's operations cannot be served yet";
      log[why === this.#told ? 'debug' : 'error']({ event: 'operations-port', port, err }, message);
      this.#told = why;
      const delayMs = backoffMs(++this.#failures, RETRY, random);
      this.#cancelRetry = after(delayMs, 'operations port', () => void this.open());
      return;
    }
    const fields = { event: 'operations-port', port: this.#port, plaintext: tls === 'off' };
    log.info(fields, `serving the Manager's operations on port ${this.#port}`);
    if (tls === 'off') {
      log.warn({ event: 'plaintext', key: 'server.tls' }, 'server.tls is off: whoever reaches the port may operate');
    }
  }

  /** With the identity that is in use; what takes its place later is taken over. */
  async #secured(source: IdentitySource): Promise<MutualTlsCredentials> {
    if (this.#credentials) return this.#credentials;
    const identity = await source.current();
    const { streams: maxConcurrentStreams, headerBytes: maxHeaderListSize } = LIMITS;
    const settings = { maxConcurrentStreams, maxHeaderListSize };
    const { handshakeMs: handshakeTimeout = HANDSHAKE_MS } = this.#options;
    const credentials = new MutualTlsCredentials(pemOf(identity), { handshakeTimeout, settings });
    this.#credentials = credentials;
    this.#stopListening = source.onChange((next) => {
      credentials.replace(pemOf(next));
      this.#options.log.debug({ event: 'operations-port' }, 'new connections get the new certificate');
    });
    return credentials;
  }

  #addServices(): void {
    const { listAgents, operateAgent, getAgentMetrics, getConfig, pushUpdate } = DaemonServiceService;
    this.#server.addService(
      { listAgents, operateAgent, getAgentMetrics, getConfig, pushUpdate },
      {
        listAgents: this.#handler('ListAgents'),
        operateAgent: this.#handler('OperateAgent'),
        getAgentMetrics: this.#handler('GetAgentMetrics'),
        getConfig: this.#handler('GetConfig'),
        pushUpdate: this.#handler('PushUpdate'),
      },
    );
    this.#server.addService(HealthDefinition, { check: this.#health.check, watch: this.#health.watch });
  }

  #handler<N extends RemoteCallName>(name: N): Handler<N> {
    return (call, callback) => {
      const raw = call.getAuthContext()?.sslPeerCertificate?.raw;
      const names = raw ? certificateFacts(new X509Certificate(raw)).names : [];
      this.#calls.add(call, callback, (gone) =>
        this.#options.dispatcher.call(name, call.request, { via: 'port', names, gone }),
      );
    };
  }
}

function pemOf({ pem: { ca, cert, key, passphrase } }: Identity): ServerIdentity {
  return { ca, cert, key, ...(passphrase === '' ? {} : { passphrase }) };
}
