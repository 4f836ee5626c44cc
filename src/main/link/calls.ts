/**
 * The unary calls to the Manager, each with its deadline, over one connection, in either of its protocols. A refusal
 * (`success: false` with an OK status) is an error like any other, told apart by its kind.
 */
import { type Client, Metadata, type ServiceError, status } from '@grpc/grpc-js';
import { DaemonError } from '../../shared/errors/daemon-error.ts';
import { DaemonServiceService, type RegisterResponse, type SyncAgentStatesRequest } from '../../shared/gen/daemon.ts';
import {
  ManagerServiceService,
  MetricData,
  type RegisterNodeRequest,
  ReportMetricsRequest,
  type ReportMetricsResponse,
} from '../../shared/gen/manager.ts';
import { daemonRegistration } from './node-info.ts';
import { metricsJson } from './report-json.ts';

/** `manager`: `manager.ManagerService`; `daemon`: `proto.DaemonService`, as the design document has it (3.6). */
export type Protocol = 'manager' | 'daemon';

export type CallFailureKind =
  /** The Manager answered and said no. */
  | 'refused'
  /** No answer, or one that speaks of the connection: whether the Manager acted is unknown. */
  | 'unanswered'
  /** The call never left this host. */
  | 'not-sent'
  /** The Manager does not have the method. */
  | 'unimplemented';

export class CallError extends DaemonError {
  readonly kind: CallFailureKind;

  constructor(code: 'D2002' | 'D2003', kind: CallFailureKind, message: string, cause?: unknown) {
    super(code, message, { cause, retryable: kind !== 'refused' });
    this.kind = kind;
  }

  /** Whether the Manager, or what stands before it, answered that it has no room for now. */
  get busy(): boolean {
    const { cause } = this;
    if (!(cause instanceof Error && 'code' in cause && 'details' in cause)) return false;
    if (cause.code === status.RESOURCE_EXHAUSTED) return true;
    return cause.code === status.UNAVAILABLE && /^Received HTTP status code (429|503)/.test(String(cause.details));
  }

  /** gRPC's status; OK where the Manager answered and its answer was no. */
  get status(): number {
    const { cause } = this;
    return cause instanceof Error && 'code' in cause && typeof cause.code === 'number' ? cause.code : status.OK;
  }
}

const CONNECTION_CODES = new Set<number>([status.UNAVAILABLE, status.DEADLINE_EXCEEDED, status.CANCELLED]);

/** What grpc-js says of a call for which it had no connection to begin with. */
const NEVER_SENT =
  /^No connection established|has been (closed|shut ?down)|^Channel closed before call|^Stream refused by server/i;

/** What it says where the call was cut, or its answer could not be read: whether the Manager acted is unknown. */
const NO_ANSWER =
  /^Received RST_STREAM|^Received HTTP status|^Call ended without gRPC status|parsing error|^Received message larger/i;

interface Answer {
  success: boolean;
  message: string;
}

interface Method<Request, Response extends Answer> {
  path: string;
  requestSerialize(request: Request): Buffer;
  responseDeserialize(bytes: Buffer): Response;
}

function kindOf(error: ServiceError): CallFailureKind {
  if (error.code === status.UNIMPLEMENTED) return 'unimplemented';
  if (NEVER_SENT.test(error.details)) return 'not-sent';
  if (NO_ANSWER.test(error.details)) return 'unanswered';
  return CONNECTION_CODES.has(error.code) ? 'unanswered' : 'refused';
}

/** Field 2 of ReportMetricsRequest, as protobuf has its number and that a length follows. */
const METRICS_TAG = (2 << 3) | 2;

/** Of metrics that are encoded: they wait as such, and reading them to write them again costs most of a backlog's time. */
const REPORT_METRICS: Method<{ nodeId: string; metrics: readonly Buffer[] }, ReportMetricsResponse> = {
  ...ManagerServiceService.reportMetrics,
  requestSerialize: ({ nodeId, metrics }) => {
    const writer = ReportMetricsRequest.encode({ nodeId, metrics: [] });
    for (const metric of metrics) writer.uint32(METRICS_TAG).bytes(metric);
    return Buffer.from(writer.finish());
  },
};

/** What a heartbeat of the other protocol says of a daemon that can send one. */
const RUNNING = 'running';

export class ManagerCalls {
  readonly #client: Client;
  readonly #timeoutMs: number;
  #protocol: Protocol = 'manager';
  #nodeId = '';

  constructor(client: Client, timeoutMs: number) {
    this.#client = client;
    this.#timeoutMs = timeoutMs;
  }

  /** As which node it is registered: of the daemon's own choice, or the Manager's where the protocol has it so. */
  get nodeId(): string {
    return this.#nodeId;
  }

  get protocol(): Protocol {
    return this.#protocol;
  }

  /** `auto`: the first protocol that the Manager has. What was found holds until the next registration. */
  async register(request: RegisterNodeRequest, protocol: Protocol | 'auto'): Promise<void> {
    if (protocol !== 'daemon') {
      try {
        await this.#call('D2002', 'the registration', ManagerServiceService.registerNode, request);
        this.#protocol = 'manager';
        this.#nodeId = request.nodeId;
        return;
      } catch (error) {
        const unknown = error instanceof CallError && error.kind === 'unimplemented';
        if (protocol === 'manager' || !unknown) throw error;
      }
    }
    const given = await this.#call<unknown, RegisterResponse>(
      'D2002',
      'the registration',
      DaemonServiceService.register,
      daemonRegistration(request),
    );
    if (given.nodeId === '') {
      throw new CallError('D2002', 'refused', 'the Manager took the registration and gave no node id');
    }
    this.#protocol = 'daemon';
    this.#nodeId = given.nodeId;
  }

  /** `timestamp`: Unix seconds. */
  async heartbeat(timestamp: number): Promise<void> {
    const nodeId = this.#nodeId;
    if (this.#protocol === 'manager') {
      await this.#call('D2003', 'a heartbeat', ManagerServiceService.heartbeat, { nodeId, timestamp });
    } else {
      const request = { nodeId, timestamp, status: RUNNING };
      await this.#call('D2003', 'a heartbeat', DaemonServiceService.heartbeat, request);
    }
  }

  /**
   * Each entry a `manager.MetricData`, encoded. In the `daemon` protocol all of one second and of different types, which
   * is what its map can hold.
   */
  async report(entries: readonly Buffer[]): Promise<void> {
    const nodeId = this.#nodeId;
    if (this.#protocol === 'manager') {
      await this.#call('D2003', 'a report', REPORT_METRICS, { nodeId, metrics: entries });
    } else {
      const metrics = entries.map((entry) => MetricData.decode(entry));
      const request = { nodeId, timestamp: metrics[0]?.timestamp ?? 0, data: metricsJson(metrics) };
      await this.#call('D2003', 'a report', DaemonServiceService.reportMetrics, request);
    }
  }

  async syncStates(request: Omit<SyncAgentStatesRequest, 'nodeId'>): Promise<void> {
    const whole = { ...request, nodeId: this.#nodeId };
    await this.#call('D2003', "the agents' states", DaemonServiceService.syncAgentStates, whole);
  }

  #call<Request, Response extends Answer>(
    code: 'D2002' | 'D2003',
    what: string,
    method: Method<Request, Response>,
    request: Request,
  ): Promise<Response> {
    const { path, requestSerialize, responseDeserialize } = method;
    return new Promise((resolve, reject) => {
      const answered = (error: ServiceError | null, answer?: Response): void => {
        if (error) {
          const kind = kindOf(error);
          const says = kind === 'refused' ? `the Manager refused ${what}` : `${what} had no answer`;
          const message = kind === 'unimplemented' ? `the Manager does not know ${path}` : says;
          reject(new CallError(code, kind, message, error));
        } else if (!answer?.success) {
          reject(
            new CallError(code, 'refused', `the Manager refused ${what}: ${answer?.message || 'no reason given'}`),
          );
        } else {
          resolve(answer);
        }
      };
      const deadline = Date.now() + this.#timeoutMs;
      try {
        this.#client.makeUnaryRequest(
          path,
          requestSerialize,
          responseDeserialize,
          request,
          new Metadata(),
          { deadline },
          answered,
        );
      } catch (error) {
        reject(new CallError(code, 'not-sent', `${what} could not be sent`, error)); // the channel was closed meanwhile
      }
    });
  }
}
