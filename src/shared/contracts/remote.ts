/** What a Manager may ask of a host, whichever way it comes in: its own port, or the stream that the daemon opened. */
import type {
  AgentMetricsRequest,
  AgentMetricsResponse,
  AgentOperationRequest,
  AgentOperationResponse,
  ConfigRequest,
  ConfigResponse,
  ListAgentsRequest,
  ListAgentsResponse,
  UpdateRequest,
  UpdateResponse,
} from '../gen/daemon.ts';

/** In the words of `remote.allow`. */
export const REMOTE_OPERATIONS = ['list', 'metrics', 'config', 'start', 'stop', 'restart', 'update'] as const;

interface Call<Request, Response> {
  request: Request;
  response: Response;
}

/** By the method of `proto.DaemonService`. */
export interface RemoteCalls {
  ListAgents: Call<ListAgentsRequest, ListAgentsResponse>;
  OperateAgent: Call<AgentOperationRequest, AgentOperationResponse>;
  GetAgentMetrics: Call<AgentMetricsRequest, AgentMetricsResponse>;
  GetConfig: Call<ConfigRequest, ConfigResponse>;
  PushUpdate: Call<UpdateRequest, UpdateResponse>;
}

export type RemoteCallName = keyof RemoteCalls;

/** Who asks. */
export interface RemoteCaller {
  via: 'port' | 'stream';
  /** Of the certificate that was shown; of a stream the Manager's, which the daemon dialled itself. Empty without TLS. */
  names: readonly string[];
  /** Whether nobody waits for the answer any more. */
  gone?(): boolean;
}

/** `status`: of gRPC, never 0; `message` in words that may leave. */
export type RemoteOutcome<N extends RemoteCallName> =
  | { response: RemoteCalls[N]['response'] }
  | { status: number; message: string };

export interface RemoteDispatcher {
  /** Checks, carries out, audits. Never rejects; what has begun goes on when nobody waits for it any more. */
  call<N extends RemoteCallName>(
    name: N,
    request: RemoteCalls[N]['request'],
    caller: RemoteCaller,
  ): Promise<RemoteOutcome<N>>;
}

/** One operation that was asked for, as it is written down. */
export interface AuditEntry {
  /** `control`: somebody on this host, over the control socket. */
  via: RemoteCaller['via'] | 'control';
  /** Names of the certificate; none without TLS, nor for somebody on this host. */
  caller: readonly string[];
  operation: RemoteCallName | 'Rollback';
  outcome: 'done' | 'failed' | 'refused';
  /** Of gRPC; 0 where there was an answer. */
  status: number;
  /** Why it failed or was refused; empty otherwise. */
  message: string;
  durationMs: number;
  agentId?: string;
  /** start, stop or restart. */
  asked?: string;
  component?: string;
  version?: string;
  configType?: string;
}
