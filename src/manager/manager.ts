/**
 * The reference Manager: takes what daemons send and answers as the Manager in service does, with its limits and its
 * keepalive, and calls daemons when it is told to. For demos and tests; it stores nothing on disk. One object serves
 * one port once: start, then stop. docs/reference-manager.md tells what of the Manager in service only `existing` has.
 */
import { Server, ServerCredentials, status } from '@grpc/grpc-js';
import type {
  HappenedEvent,
  ManagerNotice,
  NodeEvent,
  OperationOutcome,
  RegistrationProtocol,
} from '../shared/contracts/manager-events.ts';
import { describe } from '../shared/errors/daemon-error.ts';
import { DaemonServiceService } from '../shared/gen/daemon.ts';
import { LinkService } from '../shared/gen/link.ts';
import { ManagerServiceService } from '../shared/gen/manager.ts';
import { type Clock, systemClock } from '../shared/platform/clock.ts';
import { MutualTlsCredentials, type ServerIdentity } from '../shared/platform/mutual-tls-server.ts';
import type { Watcher } from './carrier.ts';
import { ConnectionFaults } from './connection-faults.ts';
import { Connections } from './connections.ts';
import { readServerIdentity } from './credentials.ts';
import { Dialler } from './dialler.ts';
import { ExistingCaller } from './existing-caller.ts';
import { Faults } from './faults.ts';
import { LinkStreams } from './link-streams.ts';
import { NodeServices } from './node-services.ts';
import type { OperationCall } from './operation.ts';
import { Operator } from './operator.ts';
import { type NodeRecord, NodeRecords } from './records.ts';
import { pingLimit } from './watchers.ts';

const MINUTE_MS = 60_000;
const MAX_MESSAGE_BYTES = 10 * 1024 * 1024;
const GOAWAY_GRACE_MS = 5000;
const CLOSE_MS = 1000;

export const DAEMON_PORT = 9091;

export interface ManagerOptions {
  /** Told of each call when it is answered. */
  onEvent?: (event: NodeEvent) => void;
  /** Told of everything else. */
  onNotice?: (notice: ManagerNotice) => void;
  clock?: Clock;
  /** Registration services that it has. Default: manager. */
  protocols?: readonly RegistrationProtocol[];
  /** Whether it has opslink.v1.Link. Default: true. */
  stream?: boolean;
  /** Behaves as the Manager in service in everything that is known of it; has no streams then. Default: false. */
  existing?: boolean;
  /** Where daemons take operations. Default: 9091. */
  daemonPort?: number;
  /** Tells of connections. Default: false. */
  connections?: boolean;
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
  /** Folder with ca.crt, server.crt and server.key: mutual TLS 1.3. Null: plaintext. */
  tlsFolder: string | null;
}

export class ReferenceManager {
  readonly faults: Faults;
  readonly connectionFaults: ConnectionFaults;
  readonly streams: LinkStreams;
  readonly #options: ManagerOptions;
  readonly #clock: Clock;
  readonly #records: NodeRecords;
  readonly #server: Server;
  readonly #connections: Connections;
  readonly #operator: Operator;
  #tlsFolder: string | null = null;
  #identity: ServerIdentity | null = null;
  #credentials: ServerCredentials = ServerCredentials.createInsecure();
  #listening = false;
  #stopped: Promise<void> | null = null;

  constructor(options: ManagerOptions = {}) {
    this.#options = options;
    const { existing = false, clock = systemClock, onNotice = () => {} } = options;
    this.#clock = clock;
    this.#records = new NodeRecords({ rowsOfUnknowns: existing });
    this.faults = new Faults(clock);
    this.connectionFaults = new ConnectionFaults();
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
    this.#connections = new Connections({
      server: this.#server,
      credentials: () => this.#credentials,
      watchers: () => this.#watchers(),
      ...(options.connections ? { onConnection: onNotice } : {}),
    });
    const onAnswered = (): void => {
      if (this.connectionFaults.callEndsConnections()) this.sendGoaway();
    };
    const onHappened = (event: HappenedEvent): void => this.#happened(event);
    this.streams = new LinkStreams({ faults: this.faults, clock, onNotice, onHappened, onServed: onAnswered });
    this.#addServices(onHappened, onAnswered);
    const dialler = new Dialler({
      // the Manager in service dials in plaintext, whatever it was given
      identity: () => (existing ? null : this.#identity),
      port: options.daemonPort ?? DAEMON_PORT,
      pingsWithoutCalls: existing,
    });
    this.#operator = new Operator({
      nodes: this.#records.nodes,
      streams: this.streams,
      dialler,
      clock,
      existing: existing ? new ExistingCaller() : null,
      onNotice,
    });
  }

  /** What was accepted, by node id. */
  get nodes(): ReadonlyMap<string, NodeRecord> {
    return this.#records.nodes;
  }

  /** Open connections. */
  get connections(): number {
    return this.#connections.count;
  }

  /** Returns the port. Throws an Error where a file of the folder or the port is not to be had. */
  async start({ host = '127.0.0.1', port = 0, tlsFolder }: ListenOptions): Promise<number> {
    this.#tlsFolder = tlsFolder;
    if (tlsFolder !== null) await this.#readIdentity(tlsFolder);
    const bound = await this.#connections.listen(host, port);
    this.#listening = true;
    return bound;
  }

  /**
   * Reads the certificates anew: connections to come have them. Throws an Error where they are broken: the old stay.
   * Told either way.
   */
  async reloadTls(): Promise<void> {
    try {
      if (this.#tlsFolder === null) throw new Error('there are no certificates: it serves in plaintext');
      await this.#readIdentity(this.#tlsFolder);
      this.#options.onNotice?.({ event: 'tls' });
    } catch (error) {
      this.#options.onNotice?.({ event: 'tls', error: describe(error) });
      throw error;
    }
  }

  /** Has a daemon do something. Never rejects; `tag` comes back in the notice of the outcome. */
  operate(nodeId: string, call: OperationCall, tag?: string): Promise<OperationOutcome> {
    return this.#operator.operate(nodeId, call, tag);
  }

  /** Forgets a node; with `existing` its registrations are refused from then on. False where there is none. */
  deleteNode(nodeId: string): boolean {
    return this.#records.delete(nodeId);
  }

  /** Resets all connections at once, as a crash or a firewall would. */
  dropConnections(): void {
    this.#connections.drop();
  }

  /** Closes all connections by plan: GOAWAY, and calls under way may end. */
  sendGoaway(): void {
    this.#connections.sendGoaway(GOAWAY_GRACE_MS);
  }

  /** Lets calls under way end within the grace, then cuts what is left. Nothing of it stays behind. */
  stop(): Promise<void> {
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  async #stop(): Promise<void> {
    const closed = this.#listening ? this.#connections.close() : Promise.resolve();
    this.#operator.stop();
    this.streams.end(status.UNAVAILABLE, 'the Manager stops');
    await new Promise<void>((resolve) => {
      const cancel = this.#clock.after(this.#options.stopGraceMs ?? 1000, resolve);
      this.#server.tryShutdown(() => {
        cancel();
        resolve();
      });
    });
    this.faults.abandon();
    this.#server.forceShutdown();
    this.#connections.drop();
    // a connection that was cut in the middle of its handshake may never say that it is gone
    await Promise.race([closed, new Promise<void>((resolve) => this.#clock.after(CLOSE_MS, resolve))]);
  }

  #addServices(onHappened: (event: HappenedEvent) => void, onAnswered: () => void): void {
    const { existing = false, onEvent = () => {}, protocols = ['manager'], stream = true } = this.#options;
    const services = new NodeServices({
      records: this.#records,
      faults: this.faults,
      clock: this.#clock,
      deletedForGood: existing,
      onEvent,
      onHappened,
      onAnswered,
    });
    const has = (protocol: RegistrationProtocol): boolean =>
      existing ? protocol === 'manager' : protocols.includes(protocol);
    if (has('manager')) this.#server.addService(ManagerServiceService, services.managerService());
    const registration = has('daemon') ? services.daemonRegistration() : {};
    this.#server.addService(DaemonServiceService, { ...services.stateSync(), ...registration });
    if (stream && !existing) this.#server.addService(LinkService, this.streams.service());
  }

  #happened(event: HappenedEvent): void {
    const refused = this.#options.existing && this.#records.isDeleted(event.nodeId);
    if (!refused) this.#records.keepHappened(event);
    this.#options.onNotice?.(event);
  }

  async #readIdentity(folder: string): Promise<void> {
    const identity = await readServerIdentity(folder);
    this.#credentials = new MutualTlsCredentials(identity);
    this.#identity = identity;
  }

  #watchers(): Watcher[] {
    const cut = this.connectionFaults.takeCut();
    const plaintext = this.#identity === null;
    return [...(cut ? [cut] : []), ...(this.#options.existing && plaintext ? [pingLimit(this.#clock)] : [])];
  }
}
