/**
 * One connection, one channel: grpc-js has no limit on connecting and its own retries know nothing of ours, so a
 * channel serves one attempt and is replaced, never reused. Ends with a ready channel or throws D2001.
 */
import { type ChannelOptions, Client, connectivityState, status } from '@grpc/grpc-js';
import { DaemonError } from '../../shared/errors/daemon-error.ts';
import { DialCredentials, loadSecureContext, type TlsFiles } from './credentials.ts';
import { CLOSED_AFTER_HANDSHAKE, connectError, type DialFacts } from './tls-failure.ts';

export interface DialOptions {
  /** HOST:PORT. */
  address: string;
  tls: TlsFiles;
  timeoutMs: number;
  /** Time between two pings of an idle connection; the Manager punishes less than 20 s. */
  keepaliveMs?: number;
  signal: AbortSignal;
}

export interface Connection {
  /** For the generated clients' calls: they share its channel. */
  client: Client;
  localAddress: string;
  /**
   * Settles when the channel has left the connection: `planned` when the Manager asked for it (GOAWAY) while the
   * connection was whole.
   */
  lost: Promise<{ planned: boolean; error: Error | null }>;
  /** The first error of the connection, or null: says more than what a call that failed by it has to say. */
  error(): Error | null;
  close(): void;
}

const KEEPALIVE_MS = 30_000;
const KEEPALIVE_TIMEOUT_MS = 10_000;
const MAX_MESSAGE_BYTES = 10 * 1024 * 1024;
/** Switches grpc-js's own reconnection off. Not larger: its jitter must not pass what a timer can hold. */
const NEVER_MS = 1e9;
const NETWORK_ERROR_MS = 1000;

function channelOptions(keepaliveMs: number): ChannelOptions {
  return {
    'grpc.keepalive_time_ms': keepaliveMs,
    'grpc.keepalive_timeout_ms': KEEPALIVE_TIMEOUT_MS,
    'grpc.keepalive_permit_without_calls': 1, // an idle half-open connection is found no other way
    'grpc.initial_reconnect_backoff_ms': NEVER_MS,
    'grpc.max_reconnect_backoff_ms': NEVER_MS,
    'grpc.client_idle_timeout_ms': 2 ** 31 - 1,
    'grpc.use_local_subchannel_pool': 1,
    'grpc.service_config_disable_resolution': 1,
    'grpc.enable_http_proxy': 0,
    'grpc.enable_channelz': 0,
    'grpc.enable_retries': 0,
    'grpc.max_receive_message_length': MAX_MESSAGE_BYTES,
    'grpc.max_send_message_length': MAX_MESSAGE_BYTES,
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
  const { address, tls, timeoutMs, signal } = options;
  const facts: DialFacts = { address, caFile: tls.caFile, certFile: tls.certFile };
  const credentials = new DialCredentials(await loadSecureContext(tls), timeoutMs);
  const client = new Client(address, credentials, channelOptions(options.keepaliveMs ?? KEEPALIVE_MS));
  const close = (): void => {
    client.close();
    credentials.destroy();
  };
  const channel = client.getChannel();
  try {
    await Promise.race([ready(client, timeoutMs, signal), refused(channel)]);
  } catch (error) {
    const cause =
      error instanceof DaemonError ? error : (credentials.error ?? (await networkError(client, credentials.secured)));
    close();
    throw cause instanceof DaemonError ? cause : connectError(cause, facts);
  }
  const lost = new Promise<{ planned: boolean; error: Error | null }>((resolve) => {
    const gone = (): void => resolve({ planned: credentials.open, error: credentials.error });
    // it may be lost already: a channel that is watched too late would connect again by itself, unregistered
    if (channel.getConnectivityState(false) !== connectivityState.READY) gone();
    else channel.watchConnectivityState(connectivityState.READY, Number.POSITIVE_INFINITY, gone);
  });
  return { client, localAddress: credentials.localAddress, lost, error: () => credentials.error, close };
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

/**
 * Why there is no connection, where TLS was never reached: grpc-js tells it to nobody but a call that fails by it,
 * and as a text that holds the system's code.
 */
function networkError(client: Client, secured: boolean): Promise<Error> {
  return new Promise((resolve) => {
    const nothing = (): Buffer => Buffer.alloc(0);
    const options = { deadline: Date.now() + NETWORK_ERROR_MS };
    client.makeUnaryRequest('/none/None', nothing, nothing, null, options, (error) => {
      const failure = new Error(error?.details || 'it does not answer');
      const system = /\b(E[A-Z_]{4,})\b/.exec(failure.message)?.[1];
      const late = error?.code === status.DEADLINE_EXCEEDED ? 'ETIMEDOUT' : undefined;
      const unnamed = failure.message.startsWith('Name resolution failed') ? 'NAME_RESOLUTION' : undefined;
      const code = system ?? unnamed ?? late ?? (secured ? CLOSED_AFTER_HANDSHAKE : undefined);
      resolve(code ? Object.assign(failure, { code }) : failure);
    });
  });
}
