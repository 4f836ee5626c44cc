/**
 * Calls on the daemons' own ports: one channel a node, kept from call to call and replaced after a failure. It dials
 * `<ip of the registration>:<port>`, over mutual TLS 1.3 or in plaintext, and repeats nothing. A peer that accepts and
 * then says nothing keeps a socket of grpc-js until it ends it or this process ends.
 */
import {
  type CallOptions,
  ChannelCredentials,
  type ClientUnaryCall,
  connectivityState,
  Metadata,
  type ServiceError,
  status,
} from '@grpc/grpc-js';
import { DaemonServiceClient } from '../shared/gen/daemon.ts';
import type { ServerIdentity } from '../shared/platform/mutual-tls-server.ts';
import { callerCredentials, callerObjection } from './credentials.ts';
import type { RemoteCall, RemoteFailure, RemoteResponse } from './remote-call.ts';

export interface DiallerOptions {
  /** Asked at each new channel; null: plaintext. */
  identity(): ServerIdentity | null;
  /** Of the daemons. */
  port: number;
  /** Pings go out while no call is under way too. */
  pingsWithoutCalls: boolean;
}

export interface DialTarget {
  nodeId: string;
  ip: string;
  hostname: string;
}

interface Channel {
  client: DaemonServiceClient;
  address: string;
  identity: ServerIdentity | null;
  /** The daemon has answered over it. */
  used: boolean;
}

const MAX_MESSAGE_BYTES = 10 * 1024 * 1024;
const KEEPALIVE_MS = 45_000;
const KEEPALIVE_TIMEOUT_MS = 15_000;
/** As long as a timer can be: an idle channel stays connected. */
const NEVER_MS = 2 ** 31 - 1;

type Method<Request, Response> = (
  request: Request,
  metadata: Metadata,
  options: Partial<CallOptions>,
  callback: (error: ServiceError | null, response: Response) => void,
) => ClientUnaryCall;

export class Dialler {
  readonly #options: DiallerOptions;
  readonly #channels = new Map<string, Channel>();

  constructor(options: DiallerOptions) {
    this.#options = options;
  }

  /** Whether the node's connection was there and is closed now, whoever closed it. */
  wasClosed(nodeId: string): boolean {
    const channel = this.#channels.get(nodeId);
    if (!channel?.used) return false;
    return channel.client.getChannel().getConnectivityState(false) !== connectivityState.READY;
  }

  /** Never rejects: what keeps an answer from coming is a status. */
  async call(target: DialTarget, call: RemoteCall, timeoutMs: number): Promise<RemoteResponse | RemoteFailure> {
    let channel: Channel | null = null;
    try {
      channel = this.#channel(target);
      const response = await send(channel.client, call, Date.now() + timeoutMs);
      channel.used = true;
      return response;
    } catch (error) {
      const { code, details } = failure(error);
      if (channel && code !== status.UNAVAILABLE && code !== status.DEADLINE_EXCEEDED) {
        channel.used = true;
        return { status: code, message: details };
      }
      // a channel that is stuck in connecting stays so for good
      if (!channel?.used) this.#close(target.nodeId);
      const objection = channel?.identity && callerObjection(channel.identity);
      const where = channel?.address ?? target.ip;
      return { status: code, message: `${where}: ${details}${objection ? `; ${objection}` : ''}` };
    }
  }

  /** Calls under way end with CANCELLED. */
  close(): void {
    for (const nodeId of [...this.#channels.keys()]) this.#close(nodeId);
  }

  #channel({ nodeId, ip, hostname }: DialTarget): Channel {
    const identity = this.#options.identity();
    const address = `${ip.includes(':') ? `[${ip}]` : ip}:${this.#options.port}`;
    const known = this.#channels.get(nodeId);
    if (known && known.address === address && known.identity === identity) return known;
    this.#close(nodeId);
    const credentials = identity ? callerCredentials(identity, { ip, hostname }) : ChannelCredentials.createInsecure();
    const client = new DaemonServiceClient(address, credentials, {
      'grpc.keepalive_time_ms': KEEPALIVE_MS,
      'grpc.keepalive_timeout_ms': KEEPALIVE_TIMEOUT_MS,
      'grpc.keepalive_permit_without_calls': this.#options.pingsWithoutCalls ? 1 : 0,
      'grpc.client_idle_timeout_ms': NEVER_MS,
      'grpc.max_receive_message_length': MAX_MESSAGE_BYTES,
      'grpc.max_send_message_length': MAX_MESSAGE_BYTES,
      'grpc.enable_retries': 0,
      'grpc.enable_http_proxy': 0,
      'grpc.enable_channelz': 0,
      'grpc.service_config_disable_resolution': 1,
      'grpc.use_local_subchannel_pool': 1,
    });
    const channel = { client, address, identity, used: false };
    this.#channels.set(nodeId, channel);
    return channel;
  }

  #close(nodeId: string): void {
    this.#channels.get(nodeId)?.client.close();
    this.#channels.delete(nodeId);
  }
}

async function send(client: DaemonServiceClient, call: RemoteCall, deadline: number): Promise<RemoteResponse> {
  const unary = <Request, Response>(method: Method<Request, Response>, request: Request): Promise<Response> =>
    new Promise((resolve, reject) => {
      method.call(client, request, new Metadata(), { deadline }, (error, response) =>
        error ? reject(error) : resolve(response),
      );
    });
  switch (call.name) {
    case 'ListAgents':
      return { name: call.name, response: await unary(client.listAgents, call.request) };
    case 'OperateAgent':
      return { name: call.name, response: await unary(client.operateAgent, call.request) };
    case 'GetAgentMetrics':
      return { name: call.name, response: await unary(client.getAgentMetrics, call.request) };
    case 'GetConfig':
      return { name: call.name, response: await unary(client.getConfig, call.request) };
    case 'PushUpdate':
      return { name: call.name, response: await unary(client.pushUpdate, call.request) };
  }
}

function failure(error: unknown): { code: number; details: string } {
  if (error instanceof Error && 'code' in error && typeof error.code === 'number') {
    return { code: error.code, details: 'details' in error ? `${error.details}` : error.message };
  }
  // grpc-js itself: an address that is none, a client that was closed
  return { code: status.UNKNOWN, details: error instanceof Error ? error.message : `${error}` };
}
