/**
 * The reference Manager: takes what daemons send over mutual TLS 1.3 and answers as the Manager in service does, with
 * its limits and its keepalive. For demos and tests; it stores nothing on disk and calls no daemon. Of
 * `proto.DaemonService` it has SyncAgentStates only. One object serves one port once: start, then stop.
 */
import {
  type ConnectionInjector,
  type handleUnaryCall,
  Server,
  type ServerUnaryCall,
  type sendUnaryData,
  status,
} from '@grpc/grpc-js';
import type { ManagerMethod, NodeEvent } from '../shared/contracts/manager-events.ts';
import { DaemonServiceService, type SyncAgentStatesRequest } from '../shared/gen/daemon.ts';
import {
  type HeartbeatRequest,
  ManagerServiceService,
  type RegisterNodeRequest,
  type ReportMetricsRequest,
} from '../shared/gen/manager.ts';
import { type Clock, systemClock } from '../shared/platform/clock.ts';
import { MutualTlsCredentials } from '../shared/platform/mutual-tls-server.ts';
import { readServerIdentity } from './credentials.ts';
import { Faults } from './faults.ts';
import { Listener } from './listener.ts';
import { type NodeRecord, NodeRecords } from './records.ts';
import { acceptableState, registrationRefusal, reportRefusal } from './refusals.ts';

const MINUTE_MS = 60_000;
const MAX_MESSAGE_BYTES = 10 * 1024 * 1024;
const GOAWAY_GRACE_MS = 5000;
const CLOSE_MS = 1000;

export interface ManagerOptions {
  /** Told of each request when it is answered. */
  onEvent?: (event: NodeEvent) => void;
  clock?: Clock;
  /** Age at which a connection is closed by plan. Default: 30 min. */
  maxConnectionAgeMs?: number;
  /** How long calls under way may take to end when the Manager stops. Default: 1000. */
  stopGraceMs?: number;
}

export interface ListenOptions {
  /** Default: 127.0.0.1. */
  host?: string;
  /** Default: 0, a free one. */
  port?: number;
  /** Folder with ca.crt, server.crt and server.key. */
  tlsFolder: string;
}

/** success and message are the whole of every answer of the contract. */
interface Answer {
  success: boolean;
  message: string;
}

interface GrpcFailure {
  code: number;
  details: string;
}

/** `refusal`: why the request is to be refused whatever it says, or null. */
type Serve<Request> = (request: Request, refusal: string | null) => Answer | GrpcFailure;

/** Each of the events before its answer is known. */
type Unanswered<E> = E extends unknown ? Omit<E, 'receivedAtMs' | 'accepted' | 'message'> : never;

export class ReferenceManager {
  readonly faults: Faults;
  readonly #options: ManagerOptions;
  readonly #clock: Clock;
  readonly #records = new NodeRecords();
  readonly #server: Server;
  readonly #listener: Listener;
  #injector: ConnectionInjector | null = null;
  #stopped: Promise<void> | null = null;

  constructor(options: ManagerOptions = {}) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.faults = new Faults(this.#clock);
    this.#listener = new Listener((socket) => {
      if (this.#injector) this.#injector.injectConnection(socket);
      else socket.destroy();
    });
    this.#server = new Server({
      'grpc.keepalive_time_ms': MINUTE_MS,
      'grpc.keepalive_timeout_ms': 20_000,
      'grpc.max_connection_idle_ms': 5 * MINUTE_MS,
      'grpc.max_connection_age_ms': options.maxConnectionAgeMs ?? 30 * MINUTE_MS,
      'grpc.max_connection_age_grace_ms': GOAWAY_GRACE_MS,
      'grpc.max_receive_message_length': MAX_MESSAGE_BYTES,
      'grpc.max_send_message_length': MAX_MESSAGE_BYTES,
      'grpc.enable_channelz': 0,
    });
    this.#server.addService(ManagerServiceService, {
      registerNode: this.#handler('RegisterNode', (request: RegisterNodeRequest, refusal) =>
        this.#register(request, refusal),
      ),
      heartbeat: this.#handler('Heartbeat', (request: HeartbeatRequest, refusal) => this.#heartbeat(request, refusal)),
      reportMetrics: this.#handler('ReportMetrics', (request: ReportMetricsRequest, refusal) =>
        this.#report(request, refusal),
      ),
    });
    this.#server.addService(DaemonServiceService, {
      syncAgentStates: this.#handler('SyncAgentStates', (request: SyncAgentStatesRequest, refusal) =>
        this.#sync(request, refusal),
      ),
    });
  }

  /** What was accepted, by node id. */
  get nodes(): ReadonlyMap<string, NodeRecord> {
    return this.#records.nodes;
  }

  /** Open connections. */
  get connections(): number {
    return this.#listener.connections;
  }

  /** Returns the port. Throws an Error where a file of the folder or the port is not to be had. */
  async start({ host = '127.0.0.1', port = 0, tlsFolder }: ListenOptions): Promise<number> {
    this.#injector = this.#server.createConnectionInjector(
      new MutualTlsCredentials(await readServerIdentity(tlsFolder)),
    );
    return this.#listener.listen(host, port);
  }

  /** Resets all connections at once, as a crash or a firewall would. */
  dropConnections(): void {
    this.#listener.drop();
  }

  /** Closes all connections by plan: GOAWAY, and calls under way may end. */
  sendGoaway(): void {
    this.#injector?.drain(GOAWAY_GRACE_MS);
  }

  /** Lets calls under way end within the grace, then cuts what is left. Nothing of it stays behind. */
  stop(): Promise<void> {
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  async #stop(): Promise<void> {
    const closed = this.#injector ? this.#listener.close() : Promise.resolve();
    await new Promise<void>((resolve) => {
      const cancel = this.#clock.after(this.#options.stopGraceMs ?? 1000, resolve);
      this.#server.tryShutdown(() => {
        cancel();
        resolve();
      });
    });
    this.faults.abandon();
    this.#server.forceShutdown();
    this.#listener.drop();
    // a connection that was cut in the middle of its handshake may never say that it is gone
    await Promise.race([closed, new Promise<void>((resolve) => this.#clock.after(CLOSE_MS, resolve))]);
  }

  #handler<Request>(method: ManagerMethod, serve: Serve<Request>): handleUnaryCall<Request, Answer> {
    return (call: ServerUnaryCall<Request, Answer>, callback: sendUnaryData<Answer>) => {
      const answer = (refusal: string | null): void => {
        const result = serve(call.request, refusal);
        if ('code' in result) callback(result);
        else callback(null, result);
      };
      const fault = this.faults.take(method);
      switch (fault?.kind) {
        case undefined:
          answer(null);
          break;
        case 'refuse':
          if (fault.status === undefined) answer(fault.message);
          else {
            serve(call.request, fault.message);
            callback({ code: fault.status, details: fault.message });
          }
          break;
        case 'lose':
          serve(call.request, null);
          break;
        case 'stall':
        case 'delay':
          this.faults.hold(method, {
            ...(fault.kind === 'delay' ? { forMs: fault.ms } : {}),
            onGivenUp: (givenUp) => call.once('cancelled', givenUp),
            serve: () => answer(null),
          });
          break;
      }
    };
  }

  #register(request: RegisterNodeRequest, refusal: string | null): Answer {
    const { labels, ...rest } = request;
    const event = { event: 'registered', ...rest, labels: Object.fromEntries(labels) } as const;
    return this.#answer(event, refusal ?? registrationRefusal(request));
  }

  /** A node that never registered is taken like any other. */
  #heartbeat({ nodeId, timestamp }: HeartbeatRequest, refusal: string | null): Answer {
    return this.#answer({ event: 'heartbeat', nodeId, timestamp }, refusal);
  }

  #report({ nodeId, metrics }: ReportMetricsRequest, refusal: string | null): Answer {
    const plain = metrics.map(({ values, ...rest }) => ({ ...rest, values: Object.fromEntries(values) }));
    return this.#answer({ event: 'report', nodeId, metrics: plain }, refusal ?? reportRefusal(metrics));
  }

  #sync({ nodeId, states, updateResults }: SyncAgentStatesRequest, refusal: string | null): Answer | GrpcFailure {
    if (nodeId === '') return { code: status.INVALID_ARGUMENT, details: 'node_id is empty' };
    const taken = states.filter(acceptableState);
    return this.#answer({ event: 'states', nodeId, states: taken, updates: updateResults }, refusal);
  }

  #answer(event: Unanswered<NodeEvent>, refusal: string | null): Answer {
    const accepted = refusal === null;
    const whole: NodeEvent = { ...event, receivedAtMs: this.#clock.wallMs(), accepted, message: refusal ?? 'ok' };
    if (accepted) this.#records.keep(whole);
    this.#options.onEvent?.(whole);
    return { success: accepted, message: whole.message };
  }
}
