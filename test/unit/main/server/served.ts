/** The port for the Manager's operations over real TLS with agents that are made up, and clients of it. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { credentials, type ServiceError } from '@grpc/grpc-js';
import { afterAll, beforeAll, beforeEach, expect, onTestFinished } from 'vitest';
import { createCertificates } from '../../../../src/demo/certificates.ts';
import { Certificates } from '../../../../src/main/certificates/certificates.ts';
import { openAuditLog } from '../../../../src/main/logging/audit-log.ts';
import type { AccessRules } from '../../../../src/main/server/access.ts';
import type { UsagePoint } from '../../../../src/main/server/agent-views.ts';
import { Dispatcher } from '../../../../src/main/server/dispatcher.ts';
import { Operations, type OperationsOptions } from '../../../../src/main/server/operations.ts';
import { OperationsServer, type OperationsServerOptions } from '../../../../src/main/server/operations-server.ts';
import type { AgentSnapshot } from '../../../../src/shared/contracts/agent.ts';
import type { TlsFilePaths } from '../../../../src/shared/contracts/pool-tasks.ts';
import { REMOTE_OPERATIONS } from '../../../../src/shared/contracts/remote.ts';
import type { UpdateRequest } from '../../../../src/shared/contracts/update.ts';
import {
  DaemonServiceClient,
  type UpdateResponse,
  type UpdateRequest as WireRequest,
} from '../../../../src/shared/gen/daemon.ts';
import { systemClock } from '../../../../src/shared/platform/clock.ts';
import { FakeLog } from '../../../fakes/log.ts';
import { temporaryFolder, testFolder } from '../../../support/temp-folder.ts';

export const REQUEST: WireRequest = {
  nodeId: '',
  component: 'agent',
  version: '2.0.0',
  downloadUrl: 'https://manager/p',
  hash: 'ab',
  signature: 'c2ln',
  updateData: Buffer.alloc(0),
  agentId: 'one',
  manifest: '',
  retry: false,
};

const AGENT: AgentSnapshot = {
  ...{ id: 'one', type: 'custom', name: 'One', status: 'running', reason: '', pid: 42, version: '1.2.3', alerts: [] },
  ...{ startedAtMs: 5999, restarts: 3, lastRestartMs: 0, lastHeartbeatMs: 7001, lastExit: null },
};
const POINT: UsagePoint = {
  ...{ atSeconds: 0, cpuPercent: null, rssBytes: 5, vmsBytes: 6, diskReadBytes: 7, diskWriteBytes: null, openFiles: 9 },
};

export type Operate = (what: string, id: string) => Promise<void>;
export type ServedAgents = OperationsOptions['agents'];

export class FakeAgents implements ServedAgents {
  readonly #ids: string[];
  readonly #operate: Operate;
  readonly #configFile: string;

  /** `configFile` is that of agent `one`. */
  constructor(ids: string[], operate: Operate = async () => {}, configFile = '') {
    this.#ids = ids;
    this.#operate = operate;
    this.#configFile = configFile;
  }

  list(): AgentSnapshot[] {
    return this.#ids.map((id) => ({ ...AGENT, id }));
  }
  usage = (id: string, seconds: number): UsagePoint[] => (id === 'one' ? [{ ...POINT, atSeconds: seconds }] : []);
  find = (id: string): { config: { configFile: string } } => ({
    config: { configFile: id === 'one' ? this.#configFile : '' },
  });
  startAgent = (id: string): Promise<void> => this.#operate('start', id);
  stopAgent = (id: string): Promise<void> => this.#operate('stop', id);
  restartAgent = (id: string): Promise<void> => this.#operate('restart', id);
}

export interface ServeOptions {
  port?: number;
  certFile?: string;
  agentIds?: string[];
  operate?: Operate;
  access?: Partial<AccessRules>;
  /** An agent that is being updated. */
  updating?: string;
  tls?: OperationsServerOptions['tls'];
  agents?: ServedAgents;
  effectiveConfig?: () => Promise<object>;
  handshakeMs?: number;
}

/** Of a folder with the names that are its own: the certificates of servers name this host, which clients check. */
export function identitiesOf(files: TlsFilePaths, log: FakeLog): Certificates {
  const never = (): (() => void) => () => {};
  const options = { clock: systemClock, every: never, onEvent: () => {}, tryOut: async () => {}, serving: true, log };
  const certificates = new Certificates({ ...options, files: () => files });
  onTestFinished(() => certificates.close());
  return certificates;
}

type Answer = (request: UpdateRequest) => Promise<{ state: 'begun' | 'under-way' | 'done'; message: string }>;
const BEGUN: Answer = async () => ({ state: 'begun', message: 'it has begun' });

/** What a file of tests has in common; made anew for each test, but for the certificates. */
export class ServedHost {
  log = new FakeLog();
  asked: UpdateRequest[] = [];
  answer: Answer = BEGUN;
  retries: (() => void)[] = [];
  /** Of agent `one`. */
  configFile = '';
  downloads = '';
  folder = '';

  reset(folder: string, downloads: string): void {
    this.log = new FakeLog();
    this.asked = [];
    this.answer = BEGUN;
    this.retries = [];
    this.configFile = '';
    this.downloads = downloads;
    this.folder = folder;
  }

  readonly file = (name: string): string => join(this.folder, name);

  readonly serve = async (over: ServeOptions = {}): Promise<OperationsServer> => {
    const { log } = this;
    const operations = new Operations({
      nodeIds: () => ['node-1'],
      agents: over.agents ?? new FakeAgents(over.agentIds ?? ['one', 'two'], over.operate, this.configFile),
      isUpdating: (agentId) => agentId === over.updating,
      effectiveConfig: over.effectiveConfig ?? (async () => ({ daemon: { log_level: 'info' } })),
      downloadDir: () => this.downloads,
      request: (request) => {
        this.asked.push(request);
        return this.answer(request);
      },
    });
    const [keyFile, caFile] = [this.file('server.key'), this.file('ca.crt')];
    const files = { certFile: over.certFile ?? this.file('server.crt'), keyFile, caFile };
    const server = new OperationsServer({
      host: '127.0.0.1',
      port: over.port ?? 0,
      tls: over.tls ?? identitiesOf(files, log),
      dispatcher: new Dispatcher({
        operations,
        access: () => ({ allowedNames: [], allow: REMOTE_OPERATIONS, plaintext: over.tls === 'off', ...over.access }),
        audit: openAuditLog({ path: '-', maxBytes: 0, maxFiles: 0, log }),
        clock: systemClock,
      }),
      after: (delayMs, name, run) => {
        if (name !== 'operations port') return systemClock.after(delayMs, run);
        this.retries.push(run);
        return () => {};
      },
      random: () => 0,
      log,
      ...(over.handshakeMs === undefined ? {} : { handshakeMs: over.handshakeMs }),
    });
    onTestFinished(() => server.close());
    await server.open();
    return server;
  };

  readonly read = (name: string): Buffer => readFileSync(this.file(name));

  readonly client = (port: number, made = this.#secure()): DaemonServiceClient => {
    const client = new DaemonServiceClient(`127.0.0.1:${port}`, made, { 'grpc.max_send_message_length': -1 });
    onTestFinished(() => client.close());
    return client;
  };

  readonly push = (port: number, change: Partial<WireRequest> = {}): Promise<UpdateResponse> =>
    this.ask(port, 'pushUpdate', { ...REQUEST, ...change });

  readonly refusal = (port: number, change: Partial<WireRequest>): Promise<ServiceError> =>
    this.push(port, change).then(
      () => expect.unreachable('it should have been refused'),
      (error: ServiceError) => error,
    );

  /** One call with any client method, over a connection of its own unless a client is given. */
  readonly ask = <A>(to: number | DaemonServiceClient, method: keyof DaemonServiceClient, request: object) => {
    const made = typeof to === 'number' ? this.client(to) : to;
    const call = made[method] as (request: object, done: (error: ServiceError | null, answer: A) => void) => unknown;
    return new Promise<A>((resolve, reject) => {
      call.call(made, request, (error, answered) => (error ? reject(error) : resolve(answered)));
    });
  };

  #secure(): ReturnType<typeof credentials.createSsl> {
    return credentials.createSsl(this.read('ca.crt'), this.read('client.key'), this.read('client.crt'));
  }
}

/** To be called at the top of a file of tests. */
export function servedHost(): ServedHost {
  const host = new ServedHost();
  let tls: { path: string; remove(): Promise<void> };
  beforeAll(async () => {
    tls = await temporaryFolder('operations');
    await createCertificates(tls.path);
  });
  afterAll(() => tls.remove());
  beforeEach(async () => {
    host.reset(tls.path, join(await testFolder('downloads'), 'new'));
  });
  return host;
}
