/** The port for the Manager's operations, with a real client over real TLS. */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { connect } from 'node:tls';
import { credentials, type ServiceError, status } from '@grpc/grpc-js';
import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { createCertificates } from '../../../../src/demo/certificates.ts';
import { OperationsServer } from '../../../../src/main/server/operations-server.ts';
import type { UpdateRequest } from '../../../../src/shared/contracts/update.ts';
import { DaemonError } from '../../../../src/shared/errors/daemon-error.ts';
import {
  DaemonServiceClient,
  type UpdateResponse,
  type UpdateRequest as WireRequest,
} from '../../../../src/shared/gen/daemon.ts';
import { FakeLog } from '../../../fakes/log.ts';
import { temporaryFolder, testFolder } from '../../../support/temp-folder.ts';
import { waitFor } from '../../../support/wait-until.ts';

let tls: { path: string; remove(): Promise<void> };
let log: FakeLog;
let asked: UpdateRequest[];
let answer: (request: UpdateRequest) => Promise<{ state: 'begun' | 'under-way' | 'done'; message: string }>;
let downloads: string;
let retries: (() => void)[];

const file = (name: string): string => join(tls.path, name);
const REQUEST: WireRequest = {
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

beforeAll(async () => {
  tls = await temporaryFolder('operations');
  await createCertificates(tls.path);
});
afterAll(() => tls.remove());
beforeEach(async () => {
  log = new FakeLog();
  asked = [];
  retries = [];
  downloads = join(await testFolder('downloads'), 'new');
  answer = async () => ({ state: 'begun', message: 'it has begun' });
});

async function serve(over: { port?: number; certFile?: string; agentIds?: string[] } = {}): Promise<OperationsServer> {
  const server = new OperationsServer({
    host: '127.0.0.1',
    port: over.port ?? 0,
    // the certificates of servers name this host, which clients check
    tls: { certFile: over.certFile ?? file('server.crt'), keyFile: file('server.key'), caFile: file('ca.crt') },
    nodeId: 'node-1',
    agentIds: () => over.agentIds ?? ['one', 'two'],
    downloadDir: () => downloads,
    request: (request) => {
      asked.push(request);
      return answer(request);
    },
    after: (_, __, run) => {
      retries.push(run);
      return () => {};
    },
    log,
  });
  onTestFinished(() => server.close());
  await server.open();
  return server;
}

function client(port: number): DaemonServiceClient {
  const read = (name: string): Buffer => readFileSync(file(name));
  const made = new DaemonServiceClient(
    `127.0.0.1:${port}`,
    credentials.createSsl(read('ca.crt'), read('client.key'), read('client.crt')),
    { 'grpc.max_send_message_length': -1 },
  );
  onTestFinished(() => made.close());
  return made;
}

function push(port: number, change: Partial<WireRequest> = {}): Promise<UpdateResponse> {
  return new Promise((resolve, reject) => {
    client(port).pushUpdate({ ...REQUEST, ...change }, (error, response) =>
      error ? reject(error) : resolve(response),
    );
  });
}

const refusal = (port: number, change: Partial<WireRequest>): Promise<ServiceError> =>
  push(port, change).then(
    () => expect.unreachable('it should have been refused'),
    (error: ServiceError) => error,
  );

describe('PushUpdate', () => {
  test('is handed on as a request of the Manager, which cannot allow a downgrade', async () => {
    const { port } = await serve();
    expect(await push(port)).toEqual({ success: true, message: 'it has begun' });
    expect(asked).toEqual([
      {
        component: 'agent',
        agentId: 'one',
        version: '2.0.0',
        source: { kind: 'url', url: 'https://manager/p' },
        sha256: 'ab',
        signature: 'c2ln',
        manifest: '',
        retry: false,
        origin: 'manager',
        allowDowngrade: false,
      },
    ]);
  });

  test('without agent_id means the only agent', async () => {
    const { port } = await serve({ agentIds: ['single'] });
    await push(port, { agentId: '' });
    expect(asked[0]?.agentId).toBe('single');
  });

  test.each<[string, Partial<WireRequest>, number, string]>([
    ['another node', { nodeId: 'node-2' }, status.INVALID_ARGUMENT, 'node-1'],
    ['an unknown component', { component: 'kernel' }, status.INVALID_ARGUMENT, 'daemon, agent'],
    ['no agent of several', { agentId: '' }, status.INVALID_ARGUMENT, 'there are 2 agents'],
    ['an agent with the daemon', { component: 'daemon' }, status.INVALID_ARGUMENT, 'agent_id'],
    ['an unknown agent', { agentId: 'three' }, status.NOT_FOUND, 'three'],
    ['neither URL nor data', { downloadUrl: '' }, status.INVALID_ARGUMENT, 'update_data'],
    ['both URL and data', { updateData: Buffer.from('x') }, status.INVALID_ARGUMENT, 'update_data'],
  ])('%s is refused and nothing is asked for', async (_, change, code, text) => {
    const { port } = await serve();
    const error = await refusal(port, change);
    expect(error).toMatchObject({ code, details: expect.stringContaining(text) });
    expect(asked).toEqual([]);
  });

  test('a package that is refused is success: false, with its code and no forbidden word', async () => {
    answer = () => Promise.reject(new DaemonError('D4002', 'the connection timeout (check: source)'));
    const { port } = await serve();
    const { success, message } = await push(port);
    expect({ success, message }).toEqual({ success: false, message: 'D4002 the link time limit (check: source)' });
  });

  test('inline data is kept in a file of the update’s own, which stays while that is under way', async () => {
    const { port } = await serve();
    await push(port, { downloadUrl: '', updateData: Buffer.from('a package') });
    const source = asked[0]?.source;
    expect(source).toMatchObject({ kind: 'file', owned: true });
    expect(source?.kind === 'file' && readFileSync(source.path, 'utf8')).toBe('a package');
  });

  test.each(['under-way', 'done', 'refused'] as const)('inline data is removed when the answer is %s', async (how) => {
    answer = async () => {
      if (how === 'refused') throw new DaemonError('D4003', 'no');
      return { state: how, message: '' };
    };
    const { port } = await serve();
    await push(port, { downloadUrl: '', updateData: Buffer.from('a package') });
    expect(readdirSync(downloads)).toEqual([]);
  });

  test('a message of more than 10 MiB is refused', async () => {
    const { port } = await serve();
    const error = await refusal(port, { downloadUrl: '', updateData: Buffer.alloc(11 * 1024 * 1024) });
    expect(error.code).toBe(status.RESOURCE_EXHAUSTED);
    expect(asked).toEqual([]);
  });

  test('a client without a certificate gets nowhere', async () => {
    const { port } = await serve();
    const bare = new DaemonServiceClient(`127.0.0.1:${port}`, credentials.createSsl(readFileSync(file('ca.crt'))));
    onTestFinished(() => bare.close());
    const error = await new Promise<ServiceError | null>((resolve) => {
      bare.pushUpdate(REQUEST, (failure) => resolve(failure));
    });
    expect(error).not.toBeNull();
    expect(asked).toEqual([]);
  });

  test('TLS 1.2 is refused', async () => {
    const { port } = await serve();
    const identity = { key: readFileSync(file('client.key')), cert: readFileSync(file('client.crt')) };
    const failure = await new Promise<string>((resolve) => {
      const socket = connect({
        port,
        host: '127.0.0.1',
        ca: readFileSync(file('ca.crt')),
        maxVersion: 'TLSv1.2',
        ...identity,
      });
      socket.once('secureConnect', () => resolve(`connected by ${socket.getProtocol()}`));
      socket.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
      onTestFinished(() => {
        socket.destroy();
      });
    });
    expect(failure).toMatch(/PROTOCOL_VERSION/);
  });
});

describe('a port that cannot be opened', () => {
  test('is told once, and opened as soon as it is free', async () => {
    const other = createServer();
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    const address = other.address();
    const port = typeof address === 'object' && address ? address.port : 0;
    const server = await serve({ port });
    expect(server.port).toBe(0);
    retries.pop()?.();
    await waitFor(() => retries.length > 0, { what: 'another attempt' });
    expect(log.lines.filter(({ level }) => level === 'error')).toHaveLength(1);
    await new Promise((resolve) => other.close(resolve));
    retries.pop()?.();
    await waitFor(() => server.port === port, { what: 'the port' });
    expect(await push(port)).toMatchObject({ success: true });
  });

  test('certificates that come later are taken then', async () => {
    const certFile = join(await testFolder('late'), 'late.crt');
    const server = await serve({ certFile });
    expect(server.port).toBe(0);
    writeFileSync(certFile, readFileSync(file('server.crt')));
    retries.pop()?.();
    await waitFor(() => server.port > 0, { what: 'the port' });
    expect(await push(server.port)).toMatchObject({ success: true });
  });
});
