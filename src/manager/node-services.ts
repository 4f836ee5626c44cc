/**
 * The two registration services and SyncAgentStates: requests become events, events that are accepted become records,
 * and the answer says which. What a request may not say is in refusals.ts.
 */
import { status } from '@grpc/grpc-js';
import type {
  HappenedEvent,
  ManagerMethod,
  NodeEvent,
  RegistrationProtocol,
  ReportedEvent,
} from '../shared/contracts/manager-events.ts';
import type {
  HeartbeatRequest as DaemonHeartbeat,
  Event,
  MetricsRequest,
  RegisterRequest,
  RegisterResponse,
  SyncAgentStatesRequest,
} from '../shared/gen/daemon.ts';
import type { HeartbeatRequest, RegisterNodeRequest, ReportMetricsRequest } from '../shared/gen/manager.ts';
import type { Clock } from '../shared/platform/clock.ts';
import type { Faults } from './faults.ts';
import { NodeIds } from './node-ids.ts';
import type { NodeRecords } from './records.ts';
import { acceptableState, DUPLICATE_KEY, registrationRefusal, reportRefusal } from './refusals.ts';
import { parseReportData } from './report-data.ts';
import { faultyUnary, type GrpcFailure, type Serve } from './unary.ts';

export interface NodeServicesOptions {
  records: NodeRecords;
  faults: Faults;
  clock: Clock;
  /** Who was deleted is refused for good, and nothing of it is kept. */
  deletedForGood: boolean;
  onEvent(event: NodeEvent): void;
  onHappened(event: HappenedEvent): void;
  /** A call has been answered. */
  onAnswered(): void;
}

interface Answer {
  success: boolean;
  message: string;
}

/** Each of the events before its answer is known. */
type Unanswered<E> = E extends unknown ? Omit<E, 'receivedAtMs' | 'accepted' | 'message'> : never;

/** As plain data: maps become objects. */
export function reportedEvent({ details, ...rest }: Event): ReportedEvent {
  return { ...rest, details: Object.fromEntries(details) };
}

export class NodeServices {
  readonly #options: NodeServicesOptions;
  readonly #ids = new NodeIds();

  constructor(options: NodeServicesOptions) {
    this.#options = options;
  }

  /** Of manager.ManagerService. */
  managerService() {
    return {
      registerNode: this.#handler('RegisterNode', (request: RegisterNodeRequest, refusal) =>
        this.#register(request, 'manager', refusal),
      ),
      heartbeat: this.#handler('Heartbeat', ({ nodeId, timestamp }: HeartbeatRequest, refusal) =>
        this.#answer({ event: 'heartbeat', nodeId, timestamp, protocol: 'manager' }, refusal),
      ),
      reportMetrics: this.#handler('ReportMetrics', ({ nodeId, metrics }: ReportMetricsRequest, refusal) => {
        const plain = metrics.map(({ values, ...rest }) => ({ ...rest, values: Object.fromEntries(values) }));
        const event = { event: 'report', nodeId, metrics: plain, protocol: 'manager' } as const;
        return this.#answer(event, refusal ?? reportRefusal(plain));
      }),
    };
  }

  /** Of proto.DaemonService: what a Manager built on the design document has of registration. */
  daemonRegistration() {
    return {
      register: this.#handler('Register', (request: RegisterRequest, refusal) => this.#registerHost(request, refusal)),
      heartbeat: this.#handler('Heartbeat', ({ nodeId, timestamp, status: host }: DaemonHeartbeat, refusal) =>
        this.#answer({ event: 'heartbeat', nodeId, timestamp, status: host, protocol: 'daemon' }, refusal),
      ),
      reportMetrics: this.#handler('ReportMetrics', (request: MetricsRequest, refusal) =>
        this.#reportData(request, refusal),
      ),
    };
  }

  /** Of proto.DaemonService: what every Manager has. */
  stateSync() {
    return {
      syncAgentStates: this.#handler('SyncAgentStates', (request: SyncAgentStatesRequest, refusal) =>
        this.#sync(request, refusal),
      ),
    };
  }

  #handler<Request, Response extends Answer>(method: ManagerMethod, serve: Serve<Request, Response>) {
    return faultyUnary(this.#options.faults, method, serve, () => this.#options.onAnswered());
  }

  #register(request: RegisterNodeRequest, protocol: RegistrationProtocol, refusal: string | null): Answer {
    const { labels, ...rest } = request;
    const event = { event: 'registered', ...rest, protocol, labels: Object.fromEntries(labels) } as const;
    const deleted = this.#deletedForGood(request.nodeId) ? DUPLICATE_KEY : null;
    return this.#answer(event, refusal ?? registrationRefusal(request) ?? deleted);
  }

  #registerHost(request: RegisterRequest, refusal: string | null): RegisterResponse {
    const refused = refusal ?? registrationRefusal({ ...request, nodeId: '' });
    // a refused host has taken no id
    const nodeId = refused === null ? this.#ids.of(request.hostname) : '';
    const answer = this.#register({ ...request, nodeId }, 'daemon', refused);
    return { ...answer, nodeId };
  }

  #reportData({ nodeId, data }: MetricsRequest, refusal: string | null): Answer {
    const event = { event: 'report', nodeId, protocol: 'daemon' } as const;
    try {
      const metrics = parseReportData(data);
      return this.#answer({ ...event, metrics }, refusal ?? reportRefusal(metrics));
    } catch (error) {
      // whatever is wrong with it is the sender's to hear
      return this.#answer({ ...event, metrics: [] }, refusal ?? (error instanceof Error ? error.message : `${error}`));
    }
  }

  #sync(request: SyncAgentStatesRequest, refusal: string | null): Answer | GrpcFailure {
    const { nodeId, states, updateResults: updates, events } = request;
    if (nodeId === '') return { code: status.INVALID_ARGUMENT, details: 'node_id is empty' };
    const answer = this.#answer({ event: 'states', nodeId, states: states.filter(acceptableState), updates }, refusal);
    if (answer.success && events.length + updates.length > 0) {
      const receivedAtMs = this.#options.clock.wallMs();
      const reported = events.map(reportedEvent);
      this.#options.onHappened({ event: 'happened', nodeId, receivedAtMs, via: 'sync', events: reported, updates });
    }
    return answer;
  }

  #answer(event: Unanswered<NodeEvent>, refusal: string | null): Answer {
    const { clock, records, onEvent } = this.#options;
    const accepted = refusal === null;
    const whole: NodeEvent = { ...event, receivedAtMs: clock.wallMs(), accepted, message: refusal ?? 'ok' };
    if (accepted && !this.#deletedForGood(event.nodeId)) records.keep(whole);
    onEvent(whole);
    return { success: accepted, message: whole.message };
  }

  #deletedForGood(nodeId: string): boolean {
    return this.#options.deletedForGood && this.#options.records.isDeleted(nodeId);
  }
}
