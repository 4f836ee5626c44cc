/**
 * The unary calls to the Manager, each with its deadline, over one connection. A refusal (`success: false` with an
 * OK status) is an error like any other, told apart by its kind.
 */
import { type Client, Metadata, type ServiceError, status } from '@grpc/grpc-js';
import { DaemonError } from '../../shared/errors/daemon-error.ts';
import { type AgentState, DaemonServiceService, type UpdateResult } from '../../shared/gen/daemon.ts';
import { ManagerServiceService, type MetricData, type RegisterNodeRequest } from '../../shared/gen/manager.ts';

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
}

const CONNECTION_CODES = new Set<number>([
  status.UNAVAILABLE,
  status.DEADLINE_EXCEEDED,
  status.CANCELLED,
  status.UNKNOWN,
  status.ABORTED,
]);

/** What grpc-js says of a call for which it had no connection to begin with. */
const NEVER_SENT = /^No connection established|has been (closed|shut ?down)/i;

interface Answer {
  success: boolean;
  message: string;
}

interface Method<Request> {
  path: string;
  requestSerialize(request: Request): Buffer;
  responseDeserialize(bytes: Buffer): Answer;
}

function kindOf(error: ServiceError): CallFailureKind {
  if (error.code === status.UNIMPLEMENTED) return 'unimplemented';
  if (NEVER_SENT.test(error.details)) return 'not-sent';
  return CONNECTION_CODES.has(error.code) ? 'unanswered' : 'refused';
}

export class ManagerCalls {
  readonly #client: Client;
  readonly #timeoutMs: number;

  constructor(client: Client, timeoutMs: number) {
    this.#client = client;
    this.#timeoutMs = timeoutMs;
  }

  register(request: RegisterNodeRequest): Promise<void> {
    return this.#call('D2002', 'the registration', ManagerServiceService.registerNode, request);
  }

  /** `timestamp`: Unix seconds. */
  heartbeat(nodeId: string, timestamp: number): Promise<void> {
    return this.#call('D2003', 'a heartbeat', ManagerServiceService.heartbeat, { nodeId, timestamp });
  }

  report(nodeId: string, metrics: MetricData[]): Promise<void> {
    return this.#call('D2003', 'a report', ManagerServiceService.reportMetrics, { nodeId, metrics });
  }

  syncStates(nodeId: string, states: AgentState[], updateResults: UpdateResult[] = []): Promise<void> {
    const request = { nodeId, states, updateResults, events: [] };
    return this.#call('D2003', "the agents' states", DaemonServiceService.syncAgentStates, request);
  }

  #call<Request>(code: 'D2002' | 'D2003', what: string, method: Method<Request>, request: Request): Promise<void> {
    const { path, requestSerialize, responseDeserialize } = method;
    return new Promise((resolve, reject) => {
      const answered = (error: ServiceError | null, answer?: Answer): void => {
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
          resolve();
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
