/** The Manager's end of opslink.v1.Link, against a client that is no daemon. */
import { status } from '@grpc/grpc-js';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { ReferenceManager } from '../../../src/manager/manager.ts';
import type { Operation } from '../../../src/manager/operation.ts';
import type { ManagerNotice } from '../../../src/shared/contracts/manager-events.ts';
import type { Event, UpdateResult } from '../../../src/shared/gen/daemon.ts';
import { ManagerClient } from '../../support/manager-client.ts';
import { createTwoWayCertificates } from '../../support/manager-process.ts';
import { temporaryFolder } from '../../support/temp-folder.ts';
import { waitFor } from '../../support/wait-until.ts';
import { AGENT, answerAll, answerTo } from './fake-daemon.ts';

const LIST: Operation = { operation: 'list' };

let folder: { path: string; remove(): Promise<void> };
let manager: ReferenceManager;
let client: ManagerClient;
let notices: ManagerNotice[];

beforeAll(async () => {
  folder = await temporaryFolder('streams');
  await createTwoWayCertificates(folder.path);
});
afterAll(() => folder.remove());
beforeEach(async () => {
  notices = [];
  manager = new ReferenceManager({ onNotice: (notice) => notices.push(notice), stopGraceMs: 200 });
  client = await ManagerClient.open(await manager.start({ tlsFolder: folder.path }), folder.path);
  await client.register();
});
afterEach(async () => {
  client.close();
  await manager.stop();
});

const named = <N extends ManagerNotice['event']>(event: N): Extract<ManagerNotice, { event: N }>[] =>
  notices.filter((notice): notice is Extract<ManagerNotice, { event: N }> => notice.event === event);
const opened = (count = 1): Promise<unknown> =>
  waitFor(() => named('stream').filter(({ state }) => state === 'opened').length === count, { what: 'the stream' });
const happening = (number: number): Event => ({
  number,
  timestamp: 1_700_000_000,
  kind: 'agent-exited',
  agentId: 'agent-1',
  message: `it ended for the time ${number}`,
  details: new Map([['exit_code', '1']]),
  lastLines: ['the last line'],
});
const RESULT: UpdateResult = {
  number: 7,
  updateId: 'u',
  component: 'agent',
  agentId: 'agent-1',
  success: true,
  oldVersion: '1',
  newVersion: '2',
  code: '',
  error: '',
  rolledBack: false,
  timestamp: 1_700_000_000,
};

test.each<[Operation, unknown]>([
  [LIST, [AGENT]],
  [{ operation: 'restart', agent: 'agent-1' }, null],
  [{ operation: 'metrics', agent: 'agent-1', durationSeconds: 60 }, []],
  [{ operation: 'config', agent: '' }, 'a: 1\n'],
  [
    {
      operation: 'push-update',
      update: {
        component: 'agent',
        agent: 'agent-1',
        version: '2',
        url: '',
        sha256: 'ff',
        signature: 'c2ln',
        data: 'ZGF0YQ==',
        manifest: '',
        retry: true,
      },
    },
    null,
  ],
])('%j over the stream', async (operation, result) => {
  answerAll(client.connect());
  await opened();
  const outcome = await manager.operate('node-1', { operation });
  expect(outcome).toMatchObject({ success: true, via: 'stream', status: 'OK', noSuchNode: false, result });
  expect(named('answered')).toMatchObject([{ nodeId: 'node-1', id: 1, status: 'OK', expected: true }]);
  expect(named('operated')).toMatchObject([{ nodeId: 'node-1', operation: operation.operation, success: true }]);
});

test('what it asks has everything that was said', async () => {
  const stream = client.connect();
  await opened();
  const outcome = manager.operate('node-1', {
    operation: { operation: 'metrics', agent: 'a', durationSeconds: 60 },
    requestId: 99,
  });
  const request = await waitFor(() => stream.received[0]?.request, { what: 'the request' });
  expect(request).toMatchObject({ id: 99, agentMetrics: { agentId: 'a', durationSeconds: 60 } });
  stream.call.write({ answer: answerTo(request, { status: status.NOT_FOUND, message: 'no such agent' }) });
  expect(await outcome).toMatchObject({ success: false, via: 'stream', status: 'NOT_FOUND', message: 'no such agent' });
});

test('answers come in any order, an id that is asked twice is answered once', async () => {
  const stream = client.connect();
  await opened();
  const outcomes = [5, 6, 5].map((requestId) => manager.operate('node-1', { operation: LIST, requestId }));
  await waitFor(() => stream.received.length === 3, { what: 'the requests' });
  for (const id of [6, 5]) stream.call.write({ answer: { id, status: 0, message: '', listAgents: { agents: [] } } });
  for (const outcome of await Promise.all(outcomes)) expect(outcome.success).toBe(true);
});

test('an answer that nobody waits for, or that is none, is told', async () => {
  const stream = client.connect();
  await opened();
  stream.call.write({ answer: { id: 1234, status: status.INTERNAL, message: 'late' } });
  await waitFor(() => named('answered')[0], { what: 'the answer' });
  expect(named('answered')).toMatchObject([{ id: 1234, status: 'INTERNAL', message: 'late', expected: false }]);
  const outcome = manager.operate('node-1', { operation: LIST, requestId: 1 });
  await waitFor(() => stream.received.length === 1, { what: 'the request' });
  stream.call.write({});
  stream.call.write({ answer: { id: 1, status: 0, message: '' } });
  expect(await outcome).toMatchObject({ status: 'INTERNAL', message: 'the answer has no result' });
});

test('no answer within the time: DEADLINE_EXCEEDED, and the late one finds nobody', async () => {
  const stream = client.connect();
  await opened();
  const outcome = await manager.operate('node-1', { operation: LIST, timeoutMs: 20 });
  expect(outcome).toMatchObject({ success: false, status: 'DEADLINE_EXCEEDED' });
  const request = await waitFor(() => stream.received[0]?.request, { what: 'the request' });
  stream.call.write({ answer: answerTo(request) });
  await waitFor(() => named('answered').some(({ expected }) => !expected), { what: 'the late answer' });
});

test('events are kept, told, and only then taken', async () => {
  const stream = client.connect();
  await opened();
  stream.call.write({ events: { events: [happening(3), happening(4)], updateResults: [RESULT] } });
  await waitFor(() => stream.taken().length === 1, { what: 'the taking' });
  expect(stream.taken()).toEqual([{ eventNumber: 4, updateNumber: 7 }]);
  expect(named('happened')).toMatchObject([
    { nodeId: 'node-1', via: 'stream', updates: [RESULT], events: [{ number: 3, details: { exit_code: '1' } }, {}] },
  ]);
  expect([...(manager.nodes.get('node-1')?.events.keys() ?? [])]).toEqual([3, 4]);
  stream.call.write({ events: { events: [happening(5)], updateResults: [] } });
  await waitFor(() => stream.taken().length === 2, { what: 'the second taking' });
  expect(stream.taken()[1]).toEqual({ eventNumber: 5, updateNumber: 0 });
});

test('events come with the states too', async () => {
  await client.sync([], 'node-1', { events: [happening(1)], updateResults: [RESULT] });
  expect(named('happened')).toMatchObject([{ via: 'sync', events: [{ number: 1 }], updates: [{ number: 7 }] }]);
  manager.faults.set('SyncAgentStates', { kind: 'refuse', message: 'no' });
  await client.sync([], 'node-1', { events: [happening(2)] });
  expect(named('happened')).toHaveLength(1);
});

test('a newer stream of the node takes the place of the older', async () => {
  const older = client.connect();
  await opened();
  const waiting = manager.operate('node-1', { operation: LIST });
  const newer = client.connect();
  answerAll(newer);
  await opened(2);
  expect(await older.ended).toMatchObject({ code: status.ABORTED });
  expect(await waiting).toMatchObject({ success: false, status: 'UNAVAILABLE' });
  expect(named('stream').map(({ state }) => state)).toEqual(['opened', 'replaced', 'opened']);
  expect(await manager.operate('node-1', { operation: LIST })).toMatchObject({ success: true });
});

test.each([
  ['the daemon ends its side', (stream: ReturnType<ManagerClient['connect']>) => stream.call.end()],
  ['the daemon breaks it off', (stream: ReturnType<ManagerClient['connect']>) => stream.call.cancel()],
  ['the connection breaks', () => manager.dropConnections()],
])('%s: what waits is told, and the node has none any more', async (_, end) => {
  const stream = client.connect();
  await opened();
  const waiting = manager.operate('node-1', { operation: LIST });
  await waitFor(() => stream.received.length === 1, { what: 'the request' });
  end(stream);
  expect(await waiting).toMatchObject({ success: false, via: 'stream', status: 'UNAVAILABLE' });
  expect(named('stream').map(({ state }) => state)).toEqual(['opened', 'closed']);
  expect(await manager.operate('node-1', { operation: LIST, via: 'stream' })).toMatchObject({
    success: false,
    via: 'none',
    message: 'the node node-1 has no stream open',
  });
});

test.each([
  ['no hello first', null, { answer: { id: 1, status: 0, message: '' } }],
  ['a hello without a node', { nodeId: '' }, null],
  ['a second hello', {}, { hello: { nodeId: 'node-1', daemonVersion: '', operations: [], maxRequests: 1 } }],
])('%s: INVALID_ARGUMENT', async (_, hello, message) => {
  const stream = client.connect(hello);
  if (message) stream.call.write(message);
  expect(await stream.ended).toMatchObject({ code: status.INVALID_ARGUMENT });
});

test('stopping ends streams at once, with UNAVAILABLE', async () => {
  const stream = client.connect();
  await opened();
  await manager.stop();
  expect(await stream.ended).toMatchObject({ code: status.UNAVAILABLE });
});

test('without the service: UNIMPLEMENTED', async () => {
  const other = new ReferenceManager({ stream: false, stopGraceMs: 50 });
  const its = await ManagerClient.open(await other.start({ tlsFolder: folder.path }), folder.path);
  expect(await its.connect().ended).toMatchObject({ code: status.UNIMPLEMENTED });
  its.close();
  await other.stop();
});

test.each([
  [{ kind: 'refuse', message: 'no', status: status.UNIMPLEMENTED } as const, status.UNIMPLEMENTED],
  [{ kind: 'refuse', message: 'no' } as const, status.PERMISSION_DENIED],
])('on order: %j', async (fault, code) => {
  manager.faults.set('Connect', fault, 1);
  expect(await client.connect().ended).toEqual(expect.objectContaining({ code, details: 'no' }));
  expect(named('stream')).toMatchObject([{ state: 'refused', reason: 'no' }]);
  client.connect();
  await opened();
});

test('on order: stalled until it is released', async () => {
  manager.faults.set('Connect', { kind: 'stall' }, 1);
  client.connect();
  await waitFor(() => manager.faults.heldCount('Connect') === 1, { what: 'the held stream' });
  expect(named('stream')).toEqual([]);
  manager.faults.release();
  await opened();
});

test('on order: late; given up before it was served', async () => {
  manager.faults.set('Connect', { kind: 'delay', ms: 20 }, 1);
  client.connect();
  await opened();
  manager.faults.set('Connect', { kind: 'delay', ms: 60_000 }, 1);
  const stream = client.connect();
  await waitFor(() => manager.faults.heldCount() === 1, { what: 'the held stream' });
  stream.call.cancel();
  await waitFor(() => manager.faults.heldCount() === 0, { what: 'the end of it' });
  expect(named('stream')).toHaveLength(1);
});

test('on order: events are kept and never taken', async () => {
  manager.faults.set('Connect', { kind: 'lose' }, 1);
  const stream = client.connect();
  answerAll(stream);
  await opened();
  stream.call.write({ events: { events: [happening(1)], updateResults: [] } });
  await waitFor(() => named('happened').length === 1, { what: 'the event' });
  expect((await manager.operate('node-1', { operation: LIST })).success).toBe(true);
  expect(stream.taken()).toEqual([]);
});

test('held: what the daemon sends piles up on its side until it is released', async () => {
  const stream = client.connect();
  await opened();
  expect([manager.streams.hold('stranger'), manager.streams.hold('node-1')]).toEqual([0, 1]);
  const large = { ...happening(1), message: 'x'.repeat(256 * 1024) };
  for (let number = 1; number <= 40; number++) {
    stream.call.write({ events: { events: [{ ...large, number }], updateResults: [] } });
  }
  for (let calls = 0; calls < 5; calls++) await client.heartbeat();
  // flow control: the daemon's side cannot get rid of it
  expect(stream.call.writableLength).toBeGreaterThan(0);
  expect(named('happened').length).toBeLessThan(40);
  manager.streams.release();
  await waitFor(() => named('happened').length === 40, { what: 'what was held' });
  expect(manager.nodes.get('node-1')?.events.size).toBe(40);
});
