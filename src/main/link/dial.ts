/**
 * One connection, one channel: grpc-js has no limit on connecting and its own retries know nothing of ours, so a
 * channel serves one attempt and is replaced, never reused; names are resolved anew with it. Ends with a ready channel
 * or throws D2001.
 */

import type { Socket } from 'node:net';
import type { SecureContext } from 'node:tls';
import { type ChannelOptions, Client, connectivityState, status } from '@grpc/grpc-js';
import { DaemonError } from '../../shared/errors/daemon-error.ts';
import { hostOf } from '../../shared/platform/address.ts';
import type { HttpProxy } from '../../shared/platform/proxy-choice.ts';
import { openTunnel, ProxyError } from '../../shared/platform/proxy-tunnel.ts';
import { DialCredentials } from './credentials.ts';
import { CLOSED_AFTER_HANDSHAKE, codeOf, connectError, type DialFacts } from './tls-failure.ts';

export interface DialOptions {
  /** HOST:PORT. */
  address: string;
  /** Mutual TLS 1.3 with this identity; null: plaintext. */
  context: SecureContext | null;
  /** Of the identity, for messages. */
  files: { caFile: string; certFile: string };
  proxy: HttpProxy | null;
  timeoutMs: number;
  /** Time between two pings of a connection; the Manager punishes less than 20 s. */
  keepaliveMs: number;
  signal: AbortSignal;
}

export interface Connection {
  /** For the generated clients' calls: they share its channel. */
  client: Client;
  localAddress: string;
  /** Names in the Manager's certificate; none without TLS. */
  peerNames: readonly string[];
  /**
   * Settles when the channel has left the connection: `planned` when the Manager asked for it (GOAWAY) while the
   * connection was whole. Calls under way then still come to their end.
   */
  lost: Promise<{ planned: boolean; error: Error | null }>;
  /** The first error of the connection, or null: says more than what a call that failed by it has to say. */
  error(): Error | null;
  close(): void;
}

const KEEPALIVE_TIMEOUT_MS = 10_000;
const MAX_MESSAGE_BYTES = 10 * 1024 * 1024;
/** Switches grpc-js's own reconnection off. Not larger: its jitter must not pass what a timer can hold. */
const NEVER_MS = 1e9;
const NETWORK_ERROR_MS = 1000;
/** Of the time for connecting: a handshake that hangs is told as such, before the whole has taken too long. */
const HANDSHAKE_SHARE = 0.9;

/** How long the answer to a ping may take: with pings each 30 s a silent connection is found within 45 s. */
function pingTimeoutMs(keepaliveMs: number): number {
  return Math.min(KEEPALIVE_TIMEOUT_MS, keepaliveMs / 2);
}

function channelOptions({ address, proxy, keepaliveMs }: DialOptions): ChannelOptions {
  return {
    'grpc.keepalive_time_ms': keepaliveMs,
    'grpc.keepalive_timeout_ms': pingTimeoutMs(keepaliveMs),
    'grpc.keepalive_permit_without_calls': 1, // an idle half-open connection is found no other way
    'grpc.initial_reconnect_backoff_ms': NEVER_MS,
    'grpc.max_reconnect_backoff_ms': NEVER_MS,
    'grpc.client_idle_timeout_ms': 2 ** 31 - 1,
    'grpc.use_local_subchannel_pool': 1,
    'grpc.service_config_disable_resolution': 1,
    'grpc.enable_http_proxy': 0, // ours says why it failed, and takes its settings from the configuration too
    'grpc.enable_channelz': 0,
    'grpc.enable_retries': 0,
    'grpc.max_receive_message_length': MAX_MESSAGE_BYTES,
    'grpc.max_send_message_length': MAX_MESSAGE_BYTES,
    ...(proxy ? { 'grpc.default_authority': address } : {}),
  };
}

function ready(client: Client, timeoutMs: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => reject(new DaemonError('D2001', 'connecting was cancelled', { cause: signal.reason }));
    signal.addEventListener('abort', onAbort, { once: true });
    if (signal.aborted) onAbort();
    client.waitForReady(Date.now() + timeoutMs, (error) => {
      signal.removeEventListener('abort', onAbort);
      if (error) reject(error);
      else resolve();
    });
  });
}

export async function dial(options: DialOptions): Promise<Connection> {
  const { address, context, files, proxy, timeoutMs, keepaliveMs, signal } = options;
  let through = proxy === null;
  const tunnel = async (socket: Socket, ended: AbortSignal): Promise<void> => {
    if (proxy) await openTunnel(socket, address, proxy, ended);
    through = true;
  };
  const credentials = new DialCredentials({
    context,
    handshakeMs: HANDSHAKE_SHARE * timeoutMs,
    host: hostOf(address),
    ...(proxy ? { prepare: tunnel } : {}),
  });
  const client = new Client(proxy?.address ?? address, credentials, channelOptions(options));
  let stopWatching = (): void => {};
  const close = (): void => {
    stopWatching();
    client.close();
    credentials.destroy();
  };
  const channel = client.getChannel();
  try {
    await Promise.race([ready(client, timeoutMs, signal), refused(channel)]);
  } catch (error) {
    const cause = error instanceof DaemonError ? error : await causeOf(client, credentials);
    close();
    if (cause instanceof DaemonError) throw cause;
    const facts: DialFacts = { address, ...files, nowMs: Date.now(), plaintext: context === null };
    throw connectError(through ? cause : asProxys(cause), proxy ? { ...facts, proxy: proxy.address } : facts);
  }
  // a goodbye has just been heard; a connection that is given up for its silence has said nothing for a while
  let heard = credentials.bytesRead;
  const watch = setInterval(() => {
    heard = credentials.bytesRead;
  }, pingTimeoutMs(keepaliveMs) / 2).unref();
  stopWatching = () => clearInterval(watch);
  const lost = new Promise<{ planned: boolean; error: Error | null }>((resolve) => {
    const gone = (): void => {
      stopWatching();
      const silent = credentials.open && credentials.bytesRead === heard;
      const error = credentials.error ?? (silent ? new Error('it has not answered for a while') : null);
      resolve({ planned: credentials.open && !silent, error });
    };
    // it may be lost already: a channel that is watched too late would connect again by itself, unregistered
    if (channel.getConnectivityState(false) !== connectivityState.READY) gone();
    else channel.watchConnectivityState(connectivityState.READY, Number.POSITIVE_INFINITY, gone);
  });
  const { localAddress, peerNames } = credentials;
  return { client, localAddress, peerNames, lost, error: () => credentials.error, close };
}

/** What the network says before there is a tunnel is about the proxy, not about the Manager behind it. */
function asProxys(error: Error): Error {
  if (error instanceof ProxyError) return error;
  return Object.assign(new Error(error.message, { cause: error }), { code: 'PROXY_UNREACHABLE' });
}

/** Rejects as soon as the one attempt has failed: waitForReady alone would wait for its deadline. */
function refused(channel: ReturnType<Client['getChannel']>): Promise<never> {
  return new Promise((_, reject) => {
    const look = (): void => {
      const state = channel.getConnectivityState(true);
      if (state === connectivityState.TRANSIENT_FAILURE || state === connectivityState.SHUTDOWN) {
        reject(new Error('the connection attempt failed'));
        return;
      }
      if (state === connectivityState.READY) return;
      channel.watchConnectivityState(state, Number.POSITIVE_INFINITY, look);
    };
    look();
  });
}

/** Of what grpc-js says, the part that is about the connection. */
function plainWords(details: string): string {
  const last = details
    .replace(/^No connection established\. Last error: ?/, '')
    .replace(/\.?\s*Resolution note:.*$/s, '');
  return last.trim() || 'it does not answer';
}

/** A server may reset instead of closing: with TLS 1.3 right after the handshake, where it takes no certificate of ours. */
const RESETS = ['ECONNRESET', 'EPIPE'];

/** What the sockets had to say counts more, that of a moment later too. */
async function causeOf(client: Client, credentials: DialCredentials): Promise<Error> {
  const late = credentials.error ?? (await networkError(client, credentials.secured));
  const cause = credentials.error ?? late;
  if (!credentials.secured || !RESETS.includes(codeOf(cause))) return cause;
  return Object.assign(new Error(cause.message, { cause }), { code: CLOSED_AFTER_HANDSHAKE });
}

/**
 * Why there is no connection, where TLS was never reached: grpc-js tells it to nobody but a call that fails by it,
 * and as a text that holds the system's code.
 */
function networkError(client: Client, secured: boolean): Promise<Error> {
  return new Promise((resolve) => {
    const nothing = (): Buffer => Buffer.alloc(0);
    const options = { deadline: Date.now() + NETWORK_ERROR_MS };
    client.makeUnaryRequest('/none/None', nothing, nothing, null, options, (error) => {
      const failure = new Error(plainWords(error?.details ?? ''));
      const system = /\b(E[A-Z_]{4,})\b/.exec(failure.message)?.[1];
      const late = error?.code === status.DEADLINE_EXCEEDED ? 'ETIMEDOUT' : undefined;
      const unnamed = failure.message.startsWith('Name resolution failed') ? 'NAME_RESOLUTION' : undefined;
      const closed = secured && system === undefined && !late;
      const code = closed ? CLOSED_AFTER_HANDSHAKE : (system ?? unnamed ?? late);
      resolve(code ? Object.assign(failure, { code }) : failure);
    });
  });
}
