/** Operations by dialling, over real mutual TLS 1.3, against a daemon's port that is no daemon. */
import { createServer } from 'node:net';
import { status } from '@grpc/grpc-js';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { createCertificates } from '../../../src/demo/certificates.ts';
import { readServerIdentity } from '../../../src/manager/credentials.ts';
import { Dialler } from '../../../src/manager/dialler.ts';
import { type ManagerOptions, ReferenceManager } from '../../../src/manager/manager.ts';
import { type Operation, remoteCall } from '../../../src/manager/operation.ts';
import type { ManagerNotice } from '../../../src/shared/contracts/manager-events.ts';
import { ManagerClient } from '../../support/manager-client.ts';
import { createTwoWayCertificates } from '../../support/manager-process.ts';
import { TcpProxy } from '../../support/tcp-proxy.ts';
import { temporaryFolder } from '../../support/temp-folder.ts';
import { waitFor } from '../../support/wait-until.ts';
import { AGENT, answerAll, type FakeDaemon, startDaemon } from './fake-daemon.ts';

const LIST: Operation = { operation: 'list' };
const RESTART: Operation = { operation: 'restart', agent: 'agent-1' };

type Folder = Awaited<ReturnType<typeof temporaryFolder>>;
let folder: Folder;
let daemon: FakeDaemon;
let manager: ReferenceManager;
let client: ManagerClient;
let notices: ManagerNotice[];
const ends: (() => unknown)[] = [];

beforeAll(async () => {
  folder = await temporaryFolder('operator');
  await createTwoWayCertificates(folder.path);
});
afterAll(() => folder.remove());
beforeEach(async () => {
  daemon = await startDaemon(folder.path);
  await serve({ daemonPort: daemon.port }, folder.path);
});
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
  client.close();
  await manager.stop();
  daemon.stop();
});

async function serve(options: ManagerOptions, tlsFolder: string | null): Promise<void> {
  client?.close();
  await manager?.stop();
  notices = [];
  manager = new ReferenceManager({ onNotice: (notice) => notices.push(notice), stopGraceMs: 50, ...options });
  const port = await manager.start({ tlsFolder });
  client = tlsFolder === null ? ManagerClient.plaintext(port) : await ManagerClient.open(port, tlsFolder);
  await client.register({ ip: '127.0.0.1' });
}

test.each<[Operation, string, unknown]>([
  [LIST, 'listAgents', [AGENT]],
  [RESTART, 'operateAgent', null],
  [{ operation: 'metrics', agent: 'agent-1', durationSeconds: 5 }, 'getAgentMetrics', []],
  [{ operation: 'config', agent: 'agent-1' }, 'getConfig', 'a: 1\n'],
  [
    {
      operation: 'push-update',
      update: {
        component: 'daemon',
        agent: '',
        version: '2',
        url: '',
        sha256: '',
        signature: '',
        data: '',
        manifest: '',
        retry: false,
      },
    },
    'pushUpdate',
    null,
  ],
])('%j', async (operation, method, result) => {
  expect(await manager.operate('node-1', { operation }, 'tag')).toMatchObject({
    success: true,
    via: 'dial',
    status: 'OK',
    result,
  });
  expect(daemon.calls.map((call) => call.method)).toEqual([method]);
  // the Manager calls with its own certificate
  expect(daemon.callers).toEqual(['manager']);
  expect(notices).toMatchObject([{ event: 'operated', operation: operation.operation, success: true, tag: 'tag' }]);
});

test('one connection serves all calls; a daemon that was started anew is dialled again', async () => {
  const proxy = await TcpProxy.listen({ port: daemon.port });
  ends.push(() => proxy.close());
  await serve({ daemonPort: proxy.port }, folder.path);
  for (let calls = 0; calls < 3; calls++)
    expect((await manager.operate('node-1', { operation: LIST })).success).toBe(true);
  expect(proxy.accepted).toBe(1);
  proxy.drop();
  await waitFor(async () => (await manager.operate('node-1', { operation: LIST })).success, {
    what: 'an answer again',
  });
});

test('what the daemon answers is passed on: statuses, failures', async () => {
  daemon.reply = () => ({ status: status.NOT_FOUND, message: 'no such agent' });
  const refused = await manager.operate('node-1', { operation: RESTART });
  expect(refused).toMatchObject({ success: false, status: 'NOT_FOUND', message: 'no such agent', via: 'dial' });
  daemon.reply = () => ({ response: { success: false, errorMessage: 'it did not start' } });
  const failed = await manager.operate('node-1', { operation: RESTART });
  expect(failed).toMatchObject({ success: false, status: 'OK', message: 'it did not start' });
});

test('no answer in time: DEADLINE_EXCEEDED', async () => {
  daemon.reply = () => null;
  const outcome = await manager.operate('node-1', { operation: LIST, timeoutMs: 100 });
  expect(outcome).toMatchObject({ success: false, status: 'DEADLINE_EXCEEDED' });
});

test('a port that accepts and says nothing: DEADLINE_EXCEEDED, and the next call dials anew', async () => {
  const silent = createServer((socket) => socket.resume());
  await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
  ends.push(() => new Promise((resolve) => silent.close(resolve)));
  const address = silent.address();
  const proxy = await TcpProxy.listen({ port: typeof address === 'object' && address ? address.port : 0 });
  ends.push(() => proxy.close());
  await serve({ daemonPort: proxy.port }, folder.path);
  for (const connections of [1, 2]) {
    const outcome = await manager.operate('node-1', { operation: LIST, timeoutMs: 100 });
    expect(outcome).toMatchObject({ success: false, status: 'DEADLINE_EXCEEDED' });
    expect(proxy.accepted).toBe(connections);
  }
});

test.each([
  ['a node that it never heard of', 'stranger', {}, true, 'the Manager has never heard of the node stranger'],
  ['a node without a stream', 'node-1', { via: 'stream' }, false, 'the node node-1 has no stream open'],
  ['a node that never registered', 'beats', {}, false, 'the node beats has not registered'],
] as const)('%s', async (_, node, how, noSuchNode, message) => {
  await client.heartbeat('beats');
  const outcome = await manager.operate(node, { operation: LIST, ...how });
  expect(outcome).toMatchObject({ success: false, via: 'none', status: '', noSuchNode });
  expect(outcome.message).toContain(message);
  expect(daemon.calls).toEqual([]);
});

test('the stream where there is one, the port where it is asked for', async () => {
  const stream = client.connect();
  answerAll(stream);
  await waitFor(() => manager.streams.of('node-1'), { what: 'the stream' });
  const via = async (way: 'auto' | 'dial' | 'stream') =>
    (await manager.operate('node-1', { operation: LIST, via: way })).via;
  expect([await via('auto'), await via('stream'), await via('dial')]).toEqual(['stream', 'stream', 'dial']);
});

describe('certificates', () => {
  test.each([
    ['names neither where it is nor what it calls itself', ['elsewhere'], 'names neither 127.0.0.1 nor host-1'],
    ['names the host that registered', ['host-1'], null],
  ])("the daemon's %s", async (_, hosts, objection) => {
    const other = await temporaryFolder('other');
    ends.push(() => other.remove());
    await createTwoWayCertificates(other.path, { hosts });
    const its = await startDaemon(other.path);
    ends.push(() => its.stop());
    const identity = await readServerIdentity(other.path);
    const dialler = new Dialler({ identity: () => identity, port: its.port, pingsWithoutCalls: false });
    ends.push(() => dialler.close());
    const target = { nodeId: 'n', ip: '127.0.0.1', hostname: 'host-1' };
    const answer = await dialler.call(target, remoteCall('n', LIST), 10_000);
    if (objection === null) expect(answer).toMatchObject({ name: 'ListAgents' });
    else expect(answer).toEqual({ status: status.UNAVAILABLE, message: expect.stringContaining(objection) });
  });

  test('one that is for servers only is named where the daemon does not take it', async () => {
    await createCertificates(folder.path);
    ends.push(() => createTwoWayCertificates(folder.path));
    await serve({ daemonPort: daemon.port }, folder.path);
    const outcome = await manager.operate('node-1', { operation: LIST, timeoutMs: 10_000 });
    expect(outcome).toMatchObject({ success: false, message: expect.stringContaining('has no clientAuth') });
  });
});

describe('in plaintext', () => {
  beforeEach(async () => {
    daemon.stop();
    daemon = await startDaemon(null);
    await serve({ daemonPort: daemon.port }, null);
  });

  test('it dials in plaintext too', async () => {
    expect(await manager.operate('node-1', { operation: LIST })).toMatchObject({ success: true, via: 'dial' });
    expect(daemon.callers).toEqual(['']);
  });

  test('an address that is none is an outcome, as everything is', async () => {
    await client.register({ ip: '' });
    const outcome = await manager.operate('node-1', { operation: LIST, timeoutMs: 500 });
    expect(outcome).toMatchObject({ success: false, via: 'dial' });
  });
});
