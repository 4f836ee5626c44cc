/** A plain client of the Manager's services, with none of the daemon's own code. */

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Client, type ClientDuplexStream, credentials, type ServiceError } from '@grpc/grpc-js';
import {
  type AgentState,
  DaemonServiceClient,
  type Event,
  type RegisterRequest,
  type RegisterResponse,
  type UpdateResult,
} from '../../src/shared/gen/daemon.ts';
import { type FromDaemon, type FromManager, type Hello, LinkClient, type Taken } from '../../src/shared/gen/link.ts';
import { ManagerServiceClient, type MetricData, type RegisterNodeRequest } from '../../src/shared/gen/manager.ts';

export interface Answer {
  success: boolean;
  message: string;
}

type Unary<Request, Response> = (
  request: Request,
  callback: (error: ServiceError | null, response: Response) => void,
) => unknown;

function call<Request, Response>(
  method: Unary<Request, Response>,
  client: Client,
  request: Request,
): Promise<Response> {
  return new Promise((resolve, reject) => {
    method.call(client, request, (error, response) => (error ? reject(error) : resolve(response)));
  });
}

export const REGISTRATION: RegisterNodeRequest = {
  nodeId: 'node-1',
  hostname: 'host-1',
  ip: '10.0.0.1',
  os: 'linux',
  arch: 'amd64',
  labels: new Map([['rack', '7']]),
  daemonVersion: '0.1.0',
  agentVersion: '',
};

export const AGENT_STATE: AgentState = {
  agentId: 'agent-1',
  status: 'running',
  pid: 4711,
  lastHeartbeat: 1_700_000_000,
  type: 'custom',
  version: '1.0',
  restartCount: 2,
  startTime: 1_699_999_000,
  reason: '',
  alerts: [],
};

export const HOST: RegisterRequest = {
  hostname: 'host-1',
  ip: '10.0.0.1',
  os: 'linux',
  arch: 'amd64',
  labels: new Map([['rack', '7']]),
  daemonVersion: '0.1.0',
  agentVersion: '',
};

export const HELLO: Hello = {
  nodeId: REGISTRATION.nodeId,
  daemonVersion: '0.1.0',
  operations: ['list', 'restart'],
  maxRequests: 4,
};

/** A stream as the daemon opens it, with what the Manager said on it. */
export interface OpenStream {
  call: ClientDuplexStream<FromDaemon, FromManager>;
  received: FromManager[];
  /** Settles with gRPC's status when the stream has ended. */
  ended: Promise<{ code: number; details: string }>;
  taken(): Taken[];
}

export class ManagerClient {
  readonly #manager: ManagerServiceClient;
  readonly #daemon: DaemonServiceClient;
  readonly #link: LinkClient;

  private constructor(address: string, credential: ReturnType<typeof credentials.createSsl>) {
    const options = {
      'grpc.use_local_subchannel_pool': 1,
      'grpc.max_send_message_length': -1,
      'grpc.enable_retries': 0,
    };
    this.#manager = new ManagerServiceClient(address, credential, options);
    this.#daemon = new DaemonServiceClient(address, credential, options);
    this.#link = new LinkClient(address, credential, options);
  }

  static plaintext(port: number): ManagerClient {
    return new ManagerClient(`127.0.0.1:${port}`, credentials.createInsecure());
  }

  /** With ca.crt, client.crt and client.key of the folder. */
  static async open(port: number, tlsFolder: string): Promise<ManagerClient> {
    const read = (name: string): Promise<Buffer> => readFile(join(tlsFolder, name));
    const [ca, key, cert] = await Promise.all([read('ca.crt'), read('client.key'), read('client.crt')]);
    return new ManagerClient(`127.0.0.1:${port}`, credentials.createSsl(ca, key, cert));
  }

  register(change: Partial<RegisterNodeRequest> = {}): Promise<Answer> {
    return call(this.#manager.registerNode, this.#manager, { ...REGISTRATION, ...change });
  }

  heartbeat(nodeId = REGISTRATION.nodeId, timestamp = 1_700_000_000): Promise<Answer> {
    return call(this.#manager.heartbeat, this.#manager, { nodeId, timestamp });
  }

  report(metrics: MetricData[], nodeId = REGISTRATION.nodeId): Promise<Answer> {
    return call(this.#manager.reportMetrics, this.#manager, { nodeId, metrics });
  }

  sync(
    states: AgentState[],
    nodeId = REGISTRATION.nodeId,
    more: { updateResults?: UpdateResult[]; events?: Event[] } = {},
  ): Promise<Answer> {
    const request = { nodeId, states, updateResults: [], events: [], ...more };
    return call(this.#daemon.syncAgentStates, this.#daemon, request);
  }

  registerAsDaemonService(change: Partial<RegisterRequest> = {}): Promise<RegisterResponse> {
    return call(this.#daemon.register, this.#daemon, { ...HOST, ...change });
  }

  heartbeatAsDaemonService(nodeId: string): Promise<Answer> {
    return call(this.#daemon.heartbeat, this.#daemon, { nodeId, timestamp: 1_700_000_000, status: 'running' });
  }

  /** `data`: sent as it is when it is a text, else as JSON. */
  reportAsDaemonService(data: unknown, nodeId = REGISTRATION.nodeId): Promise<Answer> {
    const bytes = Buffer.from(typeof data === 'string' ? data : JSON.stringify(data));
    return call(this.#daemon.reportMetrics, this.#daemon, { nodeId, timestamp: 1_700_000_000, data: bytes });
  }

  /** Opens opslink.v1.Link and says hello; `null`: says nothing. */
  connect(hello: Partial<Hello> | null = {}): OpenStream {
    const stream = this.#link.connect();
    const received: FromManager[] = [];
    stream.on('data', (message: FromManager) => received.push(message));
    stream.on('error', () => {}); // 'status' says it too
    const ended = new Promise<{ code: number; details: string }>((resolve) => stream.once('status', resolve));
    if (hello) stream.write({ hello: { ...HELLO, ...hello } });
    const taken = (): Taken[] => received.flatMap((message) => message.taken ?? []);
    return { call: stream, received, ended, taken };
  }

  close(): void {
    this.#manager.close();
    this.#daemon.close();
    this.#link.close();
  }
}
