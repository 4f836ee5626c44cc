/** The link against a reference Manager in this process, over real mutual TLS, through a proxy that makes faults. */
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach } from 'vitest';
import { createCertificates } from '../../../../src/demo/certificates.ts';
import { Certificates } from '../../../../src/main/certificates/certificates.ts';
import { ManagerLink } from '../../../../src/main/link/manager-link.ts';
import { type NodeFacts, registration } from '../../../../src/main/link/node-info.ts';
import { ReportQueue } from '../../../../src/main/link/queue/report-queue.ts';
import { Scheduler } from '../../../../src/main/schedule/scheduler.ts';
import { type ManagerOptions, ReferenceManager } from '../../../../src/manager/manager.ts';
import type { AgentSnapshot } from '../../../../src/shared/contracts/agent.ts';
import type { HostEvent } from '../../../../src/shared/contracts/host-event.ts';
import type { HappenedEvent, NodeEvent } from '../../../../src/shared/contracts/manager-events.ts';
import type { UpdateResult } from '../../../../src/shared/contracts/update.ts';
import type { Event } from '../../../../src/shared/gen/daemon.ts';
import type { MetricData } from '../../../../src/shared/gen/manager.ts';
import { hostOf } from '../../../../src/shared/platform/address.ts';
import { systemClock } from '../../../../src/shared/platform/clock.ts';
import { FakeLog } from '../../../fakes/log.ts';
import { TcpProxy } from '../../../support/tcp-proxy.ts';
import { temporaryFolder } from '../../../support/temp-folder.ts';
import { waitFor } from '../../../support/wait-until.ts';

export interface Over {
  addresses?: string[];
  folder?: string;
  timeoutMs?: number;
  heartbeatIntervalMs?: number;
  reconnectIntervalMs?: number;
  agents?: () => AgentSnapshot[];
  reports?: ReportQueue;
  updateResults?: () => UpdateResult[];
  onResultsTaken?: (number: number) => void;
  protocol?: 'auto' | 'manager' | 'daemon';
  proxy?: string;
  environment?: NodeJS.ProcessEnv;
  plaintext?: boolean;
  host?: () => Partial<NodeFacts>;
}

export const metric = (timestamp: number): MetricData => ({
  type: 'cpu',
  timestamp,
  values: new Map([['usage_percent', 5]]),
});
export const until = (condition: () => unknown, what: string): Promise<unknown> => waitFor(condition, { what });

/** One test's host and Manager. */
export class LinkHarness {
  readonly tls: string;
  readonly log = new FakeLog();
  readonly events: (NodeEvent | HappenedEvent)[] = [];
  readonly ends: (() => Promise<void> | void)[] = [];
  readonly registeredAs: string[] = [];
  readonly linkEvents: HostEvent[] = [];
  readonly certificateEvents: Pick<HostEvent, 'message' | 'details'>[] = [];
  readonly scheduler: Scheduler;
  /** What waits for SyncAgentStates. */
  waitingEvents: Event[] = [];
  #work: Awaited<ReturnType<typeof temporaryFolder>> | null = null;
  #reports: ReportQueue | null = null;
  #manager: ReferenceManager | null = null;
  #proxy: TcpProxy | null = null;
  #certificates: Certificates | null = null;
  #link: ManagerLink | null = null;

  constructor(tls: string) {
    this.tls = tls;
    this.scheduler = new Scheduler({
      clock: systemClock,
      random: Math.random,
      onError: (error) => this.log.error({ event: 'job-failed', error }),
    });
  }

  async open(): Promise<void> {
    this.#work = await temporaryFolder('link-work');
    this.#reports = await ReportQueue.open({
      folder: join(this.#work.path, 'reports'),
      clock: systemClock,
      after: this.scheduler.after.bind(this.scheduler),
      log: this.log,
      maxBytes: 1e6,
      maxAgeMs: 1e15,
    });
    const { manager, port } = await this.managerWith({});
    this.#manager = manager;
    this.#proxy = await TcpProxy.listen({ port });
  }

  async close(): Promise<void> {
    for (const end of this.ends.splice(0).reverse()) await end();
    await this.#reports?.close();
    this.scheduler.close();
    await this.#work?.remove();
    await this.#proxy?.close();
    await this.#manager?.stop();
  }

  get manager(): ReferenceManager {
    return there(this.#manager);
  }
  get proxy(): TcpProxy {
    return there(this.#proxy);
  }
  get reports(): ReportQueue {
    return there(this.#reports);
  }
  get certificates(): Certificates {
    return there(this.#certificates);
  }

  /** Another Manager, which tells its events here too. */
  async managerWith(
    options: ManagerOptions,
    tlsFolder: string | null = this.tls,
  ): Promise<{ manager: ReferenceManager; port: number }> {
    const tell = (event: NodeEvent | HappenedEvent): void => void this.events.push(event);
    const onNotice: ManagerOptions['onNotice'] = (notice) => {
      if (notice.event === 'happened') tell(notice);
    };
    const manager = new ReferenceManager({ onEvent: tell, onNotice, stopGraceMs: 50, ...options });
    const port = await manager.start({ tlsFolder });
    this.ends.push(() => manager.stop());
    return { manager, port };
  }

  start(over: Over = {}): ManagerLink {
    const folder = over.folder ?? this.tls;
    const files = {
      certFile: join(folder, 'client.crt'),
      keyFile: join(folder, 'client.key'),
      caFile: join(folder, 'ca.crt'),
    };
    const certificates = this.#certificatesOf(files);
    this.#certificates = certificates;
    const link = new ManagerLink({
      manager: {
        addresses: over.addresses ?? [`127.0.0.1:${this.proxy.port}`],
        protocol: over.protocol ?? 'auto',
        proxy: over.proxy ?? '',
        keepaliveIntervalMs: 30_000,
        queueMaxBytes: 1e6,
        queueMaxAgeMs: 1e6,
        tls: { ...files, keyPassphraseFile: '', off: over.plaintext ?? false },
        heartbeatIntervalMs: over.heartbeatIntervalMs ?? 50,
        reconnectIntervalMs: over.reconnectIntervalMs ?? 20,
        timeoutMs: over.timeoutMs ?? 5000,
      },
      nodeId: 'node-1',
      identities: over.plaintext ? null : certificates,
      environment: over.environment ?? {},
      reports: over.reports ?? this.reports,
      registration: async (localAddress, managerAddress) => {
        const { request } = registration({
          ...{ nodeId: 'node-1', hostname: 'h', platform: 'linux', arch: 'x64', daemonVersion: '1', agents: [] },
          ...{ host: null, labels: {}, advertiseAddress: '', localAddress, interfaceAddress: '' },
          managerHost: hostOf(managerAddress),
          ...over.host?.(),
        });
        return request;
      },
      agents: over.agents ?? (() => []),
      events: {
        next: async () => this.waitingEvents,
        taken: async (number) => {
          this.waitingEvents = this.waitingEvents.filter((one) => one.number > number);
        },
      },
      updateResults: over.updateResults ?? (() => []),
      onResultsTaken: over.onResultsTaken ?? (() => {}),
      onPieceDone: () => {},
      makeStream: () => ({ state: 'closed', start: () => {}, eventsWaiting: () => {}, close: async () => {} }),
      onRegistered: (id) => this.registeredAs.push(id),
      onEvent: (event) => this.linkEvents.push(event),
      after: this.scheduler.after.bind(this.scheduler),
      every: this.scheduler.every.bind(this.scheduler),
      clock: systemClock,
      random: Math.random,
      log: this.log,
    });
    this.#link = link;
    this.ends.push(() => link.close());
    link.start();
    return link;
  }

  of<N extends (NodeEvent | HappenedEvent)['event']>(name: N): Extract<NodeEvent | HappenedEvent, { event: N }>[] {
    const is = (event: NodeEvent | HappenedEvent): event is Extract<NodeEvent | HappenedEvent, { event: N }> =>
      event.event === name;
    return this.events.filter(is);
  }

  /** What was reported and taken, in order. */
  get delivered(): number[] {
    return this.of('report').flatMap(({ metrics, accepted }) =>
      accepted ? metrics.map(({ timestamp }) => timestamp) : [],
    );
  }

  /** The first failure of the link, as it was told. */
  async failure(): Promise<{ code: unknown; reason: unknown }> {
    const told = (): Record<string, unknown> | undefined =>
      this.log.events('link-state').find(({ state }) => state === 'backing-off');
    const line = await waitFor(told, { what: 'a failure of the link' });
    return { code: line['code'], reason: line['reason'] };
  }

  #certificatesOf(files: { certFile: string; keyFile: string; caFile: string }): Certificates {
    const certificates = new Certificates({
      files: () => files,
      clock: systemClock,
      every: this.scheduler.every.bind(this.scheduler),
      onEvent: (event) => this.certificateEvents.push(event),
      tryOut: (identity, signal) => there(this.#link).tryIdentity(identity, signal),
      serving: false,
      log: this.log,
    });
    certificates.onChange(() => this.#link?.move());
    this.ends.push(() => certificates.close());
    return certificates;
  }
}

function there<T>(value: T | null): T {
  if (value === null) throw new Error('it has not been made yet');
  return value;
}

/** A harness a test, in `harness()`. */
export function useLinkHarness(): () => LinkHarness {
  let tls: Awaited<ReturnType<typeof temporaryFolder>>;
  let harness: LinkHarness | null = null;
  beforeAll(async () => {
    tls = await temporaryFolder('link');
    await createCertificates(tls.path);
  });
  afterAll(() => tls.remove());
  beforeEach(async () => {
    harness = new LinkHarness(tls.path);
    await harness.open();
  });
  afterEach(() => harness?.close());
  return () => there(harness);
}
