/**
 * Everything that speaks with the Manager, put together: certificates, the reports and events that wait for it, the
 * link, the port for its operations. The composition root's second half: like daemon.ts it sees every part.
 */
import { hostname, networkInterfaces } from 'node:os';
import { join } from 'node:path';
import type { Config } from '../shared/config/schema.ts';
import type { LinkView } from '../shared/contracts/control.ts';
import type { HostEvent } from '../shared/contracts/host-event.ts';
import type { HostFacts } from '../shared/contracts/jobs.ts';
import type { Sample } from '../shared/contracts/metrics.ts';
import type { RegisterNodeRequest } from '../shared/gen/manager.ts';
import type { Scope } from '../shared/lifecycle/scope.ts';
import { Turns } from '../shared/lifecycle/turns.ts';
import { hostOf } from '../shared/platform/address.ts';
import type { Clock } from '../shared/platform/clock.ts';
import { VERSION } from '../shared/version.ts';
import type { Agents } from './agents/agents.ts';
import { Certificates } from './certificates/certificates.ts';
import { lostEvent } from './link/host-events.ts';
import { ManagerLink } from './link/manager-link.ts';
import { firstAddress } from './link/node-address.ts';
import { registration } from './link/node-info.ts';
import { EventLog } from './link/queue/event-log.ts';
import { ReportQueue } from './link/queue/report-queue.ts';
import type { Reached } from './link/reach.ts';
import { OperationsStream } from './link/stream/operations-stream.ts';
import { toWireMetric } from './link/wire-values.ts';
import { openAuditLog } from './logging/audit-log.ts';
import type { DaemonLog } from './logging/logger.ts';
import { Dispatcher } from './server/dispatcher.ts';
import { LocalOperations } from './server/local-operations.ts';
import { Operations } from './server/operations.ts';
import { OperationsServer } from './server/operations-server.ts';
import type { Updates } from './update/updates.ts';

export interface ManagerSideOptions {
  /** The configuration as it is now. */
  config(): Config;
  nodeId: string;
  agents: Agents;
  updates: Updates;
  /** Facts that are read once; null where they cannot be had. */
  host: Promise<HostFacts | null>;
  /** In the file's own keys, without secrets. */
  effectiveConfig(): Promise<object>;
  environment: NodeJS.ProcessEnv;
  after(delayMs: number, name: string, run: () => void): () => void;
  every(intervalMs: number, name: string, run: () => void | Promise<void>, jitter?: number): () => void;
  /** A piece of much work is done, and a pause follows. */
  onPieceDone(): void;
  /** For the people of this host. */
  record(event: HostEvent): void;
  clock: Clock;
  random: () => number;
  log: DaemonLog['log'];
}

const LOST_INTERVAL_MS = 60_000;

export class ManagerSide {
  readonly #options: ManagerSideOptions;
  readonly #reports: ReportQueue;
  readonly #events: EventLog;
  readonly #certificates: Certificates;
  readonly #audit: ReturnType<typeof openAuditLog>;
  readonly #dispatcher: Dispatcher;
  /** What somebody on this host asks for. */
  readonly local: LocalOperations;
  #link: ManagerLink;
  #server: OperationsServer | null = null;
  readonly #applying = new Turns();
  #closed = false;
  /** As which node it was registered last. */
  #registeredAs = '';

  /** What is opened is ended with the scope. */
  static async open(options: ManagerSideOptions, scope: Scope): Promise<ManagerSide> {
    const { config, clock, after, log } = options;
    const { workDir } = config().daemon;
    const { queueMaxBytes: maxBytes, queueMaxAgeMs: maxAgeMs } = config().manager;
    const folder = (name: string): string => join(workDir, name);
    const reports = await ReportQueue.open({ folder: folder('reports'), maxBytes, maxAgeMs, clock, after, log });
    await scope.add(() => reports.close());
    const events = await EventLog.open({ folder: folder('events'), clock, after, log });
    await scope.add(() => events.close());
    const side = new ManagerSide(options, reports, events);
    await scope.add(() => side.#close());
    return side;
  }

  private constructor(options: ManagerSideOptions, reports: ReportQueue, events: EventLog) {
    this.#options = options;
    this.#reports = reports;
    this.#events = events;
    const { config, clock, every, log, agents, updates } = options;
    const { auditLogFile: path, logMaxBytes: maxBytes, logMaxFiles: maxFiles } = config().daemon;
    this.#audit = openAuditLog({ path, maxBytes, maxFiles, log });
    this.#certificates = new Certificates({
      files: () => config().manager.tls,
      clock,
      every: (intervalMs, name, run, jitter) =>
        every(intervalMs, name, () => (config().manager.tls.off ? undefined : run()), jitter),
      onEvent: (event) => this.#happened({ ...event, agentId: '', lastLines: [] }),
      tryOut: (candidate, signal) => this.#link.tryIdentity(candidate, signal),
      serving: config().daemon.grpcPort > 0,
      log,
    });
    const operations = new Operations({
      nodeIds: () => [options.nodeId, this.#registeredAs],
      agents,
      isUpdating: (agentId) => updates.isApplying(agentId),
      effectiveConfig: () => options.effectiveConfig(),
      downloadDir: () => config().update.downloadDir,
      request: (request) => updates.request(request),
    });
    this.local = new LocalOperations({ operations, agents, updates, audit: this.#audit, clock });
    this.#dispatcher = new Dispatcher({
      operations,
      access: () => ({
        allowedNames: config().server.allowedNames,
        allow: config().remote.allow,
        plaintext: config().server.tls === 'off',
      }),
      audit: this.#audit,
      clock,
    });
    this.#link = this.#connect();
    this.#certificates.onChange(() => this.#link.move());
  }

  start(): void {
    const { config, after, every, random, log } = this.#options;
    const { daemon, manager, server } = config();
    if (manager.tls.off) log.warn({ event: 'plaintext', key: 'manager.tls' }, PLAINTEXT.manager);
    if (daemon.grpcPort > 0) {
      this.#server = new OperationsServer({
        port: daemon.grpcPort,
        tls: server.tls === 'off' ? 'off' : this.#certificates,
        dispatcher: this.#dispatcher,
        after,
        random,
        log,
      });
      void this.#server.open();
    }
    every(LOST_INTERVAL_MS, 'lost reports', () => this.#tellLost());
    this.#tellLost();
    this.#link.start();
  }

  report(samples: readonly Sample[]): void {
    this.#link.report(samples.map(toWireMetric).filter((metric) => metric !== null));
  }

  statesChanged(): void {
    this.#link.statesChanged();
  }

  /** Of updates: the Manager is to hear of them. */
  resultsWaiting(): void {
    this.#link.eventsWaiting();
  }

  event(event: HostEvent): void {
    this.#events.add(event);
    this.#link.eventsWaiting();
  }

  #happened(event: HostEvent): void {
    this.#options.record(event);
    this.event(event);
  }

  /** Whether a new version of the daemon can be judged by its connection. */
  get linkReport(): { connected: boolean; busy: boolean; reason: string; address?: string } {
    const { state, reason, busy } = this.#link.status;
    const { address } = this.#link;
    return { connected: state.name === 'connected', busy, reason, ...(address ? { address } : {}) };
  }

  /** A changed configuration; `reconnect`: the link differs in more than the bounds of what waits. One at a time. */
  apply(reconnect: boolean): Promise<void> {
    return this.#applying.take(() => this.#apply(reconnect));
  }

  async #apply(reconnect: boolean): Promise<void> {
    if (this.#closed) return;
    const { manager } = this.#options.config();
    this.#reports.setLimits({ maxBytes: manager.queueMaxBytes, maxAgeMs: manager.queueMaxAgeMs });
    if (!reconnect) return this.#link.renew();
    if (manager.tls.off) this.#options.log.warn({ event: 'plaintext', key: 'manager.tls' }, PLAINTEXT.manager);
    await this.#link.close();
    if (this.#closed) return;
    this.#link = this.#connect();
    this.#link.start();
  }

  /** Somebody says that files have been replaced (SIGHUP). */
  async lookAtFiles(): Promise<void> {
    this.#audit.reopen();
    if (!this.#options.config().manager.tls.off) await this.#certificates.look();
  }

  view(): LinkView {
    const { manager, server, daemon } = this.#options.config();
    const { state, reason, stream, plaintext } = this.#link.status;
    return {
      state: state.name,
      sinceMs: state.sinceMs,
      reason,
      address: this.#link.address,
      protocol: state.name === 'connected' ? state.protocol : '',
      nodeId: this.#registeredAs || this.#options.nodeId,
      stream,
      plaintext: [
        ...(plaintext ? ['manager'] : []),
        ...(daemon.grpcPort > 0 && server.tls === 'off' ? ['server'] : []),
      ],
      reports: this.#reports.status(),
      events: this.#events.waiting,
      certificate: manager.tls.off ? null : this.#certificates.status(),
      operationsPort: this.#server?.port ?? 0,
    };
  }

  async #close(): Promise<void> {
    this.#closed = true;
    await this.#server?.close();
    await this.#certificates.close();
    await Promise.all([this.#link.close(), this.#applying.take(async () => {})]);
    this.#audit.close();
  }

  #connect(): ManagerLink {
    const { config, nodeId, agents, updates, environment, after, every, onPieceDone, clock, random, log } =
      this.#options;
    const { manager } = config();
    const waiting = {
      events: this.#events,
      updateResults: () => updates.undelivered(),
      onResultsTaken: (number: number) => {
        updates
          .delivered(number)
          .catch((err: unknown) => log.error({ event: 'update-outcomes', err }, 'a delivered result was not noted'));
      },
    };
    return new ManagerLink({
      ...waiting,
      manager,
      nodeId,
      identities: manager.tls.off ? null : this.#certificates,
      environment,
      registration: (localAddress, managerAddress) => this.#registration(localAddress, managerAddress),
      reports: this.#reports,
      agents: () => agents.list(),
      makeStream: ({ connection, calls }: Reached, onEnd: () => void) =>
        new OperationsStream({
          ...waiting,
          onEnd,
          client: connection.client,
          nodeId: calls.nodeId,
          daemonVersion: VERSION,
          operations: () => config().remote.allow,
          dispatcher: this.#dispatcher,
          callerNames: () => connection.peerNames,
          after,
          clock,
          random,
          log,
        }),
      onRegistered: (registeredAs) => {
        this.#registeredAs = registeredAs;
      },
      onEvent: (event) => this.#options.record(event),
      onPieceDone,
      after,
      every,
      clock,
      random,
      log,
    });
  }

  async #registration(localAddress: string, managerAddress: string): Promise<RegisterNodeRequest> {
    const { config, nodeId, agents, host, log } = this.#options;
    const { labels, advertiseAddress } = config().daemon;
    const { request, shortened } = registration({
      nodeId,
      hostname: hostname(),
      platform: process.platform,
      arch: process.arch,
      daemonVersion: VERSION,
      agents: agents.list(),
      host: await host,
      labels,
      advertiseAddress,
      localAddress,
      managerHost: hostOf(managerAddress),
      interfaceAddress: firstAddress(networkInterfaces()),
    });
    if (shortened.length > 0)
      log.debug({ event: 'registration-shortened', fields: shortened }, 'longer than the Manager takes');
    return request;
  }

  /** One line and one event for what was given up since the last look. */
  #tellLost(): void {
    const event = lostEvent(this.#reports.takeLost());
    if (!event) return;
    this.#options.log.warn({ event: 'reports-lost', ...event.details }, event.message);
    this.#happened(event);
  }
}

const PLAINTEXT = {
  manager: 'manager.tls is off: whoever is on the way to the Manager reads and changes what is sent',
} as const;
