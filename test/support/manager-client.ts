/** A plain client of the Manager's two services, with none of the daemon's own code. */

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Client, credentials, type ServiceError } from '@grpc/grpc-js';
import { type AgentState, DaemonServiceClient, type RegisterRequest } from '../../src/shared/gen/daemon.ts';
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

export class ManagerClient {
  readonly #manager: ManagerServiceClient;
  readonly #daemon: DaemonServiceClient;

  private constructor(address: string, credential: ReturnType<typeof credentials.createSsl>) {
    const options = {
      'grpc.use_local_subchannel_pool': 1,
      'grpc.max_send_message_length': -1,
      'grpc.enable_retries': 0,
    };
    this.#manager = new ManagerServiceClient(address, credential, options);
    this.#daemon = new DaemonServiceClient(address, credential, options);
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

  sync(states: AgentState[], nodeId = REGISTRATION.nodeId): Promise<Answer> {
    return call(this.#daemon.syncAgentStates, this.#daemon, { nodeId, states, updateResults: [], events: [] });
  }

  /** A method of proto.DaemonService that the Manager does not have. */
  registerAsDaemonService(request: RegisterRequest): Promise<Answer> {
    return call(this.#daemon.register, this.#daemon, request);
  }

  close(): void {
    this.#manager.close();
    this.#daemon.close();
  }
}
