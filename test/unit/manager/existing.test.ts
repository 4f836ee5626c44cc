/** `--like existing`: each thing that the Manager in service was seen to do, over its plaintext port. */
import { connect } from 'node:http2';
import { status } from '@grpc/grpc-js';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ReferenceManager } from '../../../src/manager/manager.ts';
import { nodeOverview } from '../../../src/manager/node-overview.ts';
import type { Operation } from '../../../src/manager/operation.ts';
import type { ManagerNotice, NodeEvent } from '../../../src/shared/contracts/manager-events.ts';
import { AGENT_STATE, ManagerClient } from '../../support/manager-client.ts';
import { TcpProxy } from '../../support/tcp-proxy.ts';
import { waitFor } from '../../support/wait-until.ts';
import { type FakeDaemon, startDaemon } from './fake-daemon.ts';

const LIST: Operation = { operation: 'list' };
const RESTART: Operation = { operation: 'restart', agent: 'agent-1' };
const CPU = { type: 'cpu', timestamp: 1_700_000_000, values: new Map([['usage_percent', 12.5]]) };

let daemon: FakeDaemon;
let proxy: TcpProxy;
let manager: ReferenceManager;
let client: ManagerClient;
let port: number;
let events: NodeEvent[];
let notices: ManagerNotice[];

beforeEach(async () => {
  events = [];
  notices = [];
  daemon = await startDaemon(null);
  proxy = await TcpProxy.listen({ port: daemon.port });
  manager = new ReferenceManager({
    existing: true,
    protocols: ['manager', 'daemon'],
    daemonPort: proxy.port,
    stopGraceMs: 50,
    onEvent: (event) => events.push(event),
    onNotice: (notice) => notices.push(notice),
  });
  port = await manager.start({ tlsFolder: null });
  client = ManagerClient.plaintext(port);
});
afterEach(async () => {
  client.close();
  await manager.stop();
  await proxy.close();
  daemon.stop();
});

describe('services', () => {
  test.each<[string, () => Promise<unknown>]>([
    ['Register', () => client.registerAsDaemonService()],
    ['Heartbeat', () => client.heartbeatAsDaemonService('n')],
    ['ReportMetrics', () => client.reportAsDaemonService({})],
  ])('of proto.DaemonService it has no %s', async (_, call) => {
    await expect(call()).rejects.toMatchObject({ code: status.UNIMPLEMENTED });
  });

  test('it has no streams', async () => {
    expect(await client.connect().ended).toMatchObject({ code: status.UNIMPLEMENTED });
  });
});

describe('registration', () => {
  test('a node that was deleted is refused for good, and nothing of it is kept', async () => {
    await client.register();
    expect(manager.deleteNode('node-1')).toBe(true);
    for (let times = 0; times < 2; times++) {
      const answer = await client.register();
      expect(answer).toEqual({ success: false, message: expect.stringContaining('duplicate key') });
    }
    expect((await client.heartbeat()).success).toBe(true);
    expect((await client.sync([AGENT_STATE])).success).toBe(true);
    expect(manager.nodes.size).toBe(0);
  });

  test('a heartbeat from an unknown node succeeds and makes a row of unknowns; its timestamp is not read', async () => {
    expect((await client.heartbeat('stranger', -5)).success).toBe(true);
    const [row] = nodeOverview(manager.nodes, () => false, Date.now());
    expect(row).toMatchObject({ nodeId: 'stranger', hostname: 'unknown', ip: 'unknown', offline: false });
  });

  test('registration clears "last seen": without a heartbeat after it a node is never offline', async () => {
    await client.register();
    await client.heartbeat();
    const offline = (inMs: number) => nodeOverview(manager.nodes, () => false, Date.now() + inMs)[0]?.offline;
    expect([offline(0), offline(4 * 60_000)]).toEqual([false, true]);
    await client.register();
    expect(offline(10 ** 9)).toBe(false);
  });
});

describe('reports', () => {
  test.each([
    ['an empty list', []],
    ['one NaN among many', [CPU, { ...CPU, values: new Map([['a', Number.NaN]]) }]],
    ['one Infinity', [{ ...CPU, values: new Map([['a', Number.NEGATIVE_INFINITY]]) }]],
    ['a type of 21 characters', [CPU, { ...CPU, type: 'x'.repeat(21) }]],
  ])('%s: nothing of the batch is taken', async (_, metrics) => {
    expect((await client.report(metrics)).success).toBe(false);
    expect(manager.nodes.size).toBe(0);
  });

  test('doubles multiply the rows', async () => {
    await client.report([CPU]);
    await client.report([CPU, CPU]);
    expect(manager.nodes.get('node-1')?.entries).toMatchObject({ rows: 3, doubles: 2 });
  });
});

describe('pings', () => {
  test('too many of them: GOAWAY with too_many_pings, and the connection ends', async () => {
    const session = connect(`http://127.0.0.1:${port}`);
    session.on('error', () => {}); // the goodbye of a server that is angry
    const goodbye = new Promise<string>((resolve) => {
      session.on('goaway', (code, _last, text) => resolve(`${code} ${Buffer.from(text ?? []).toString()}`));
    });
    const closed = new Promise<void>((resolve) => session.once('close', resolve));
    await new Promise<void>((resolve) => session.once('remoteSettings', () => resolve()));
    for (let count = 0; count < 4; count++) session.ping(Buffer.alloc(8), () => {});
    expect(await goodbye).toBe('11 too_many_pings');
    await closed;
    await waitFor(() => manager.connections === 0, { what: 'the end of the connection' });
  });

  test('calls are no pings', async () => {
    for (let count = 0; count < 10; count++) expect((await client.heartbeat()).success).toBe(true);
    expect(manager.connections).toBe(1);
  });
});

describe('it calls the daemon', () => {
  beforeEach(async () => {
    await client.register({ ip: '127.0.0.1' });
    await client.sync([AGENT_STATE]);
  });

  test('in plaintext, and only for agents that were synced', async () => {
    expect(await manager.operate('node-1', { operation: RESTART })).toMatchObject({ success: true, via: 'dial' });
    const refused = await manager.operate('node-1', { operation: { operation: 'stop', agent: 'stranger' } });
    expect(refused).toMatchObject({ success: false, via: 'none', message: expect.stringContaining('never synced') });
    expect(daemon.calls).toHaveLength(1);
  });

  test.each([
    ['UNAVAILABLE', { status: status.UNAVAILABLE, message: 'later' }],
    ['DEADLINE_EXCEEDED', { status: status.DEADLINE_EXCEEDED, message: 'late' }],
    ['a forbidden word', { response: { success: false, errorMessage: 'stop timeout' } }],
  ])('%s freezes it: it calls no node until it is started anew', async (_, reply) => {
    daemon.reply = () => reply;
    expect((await manager.operate('node-1', { operation: RESTART })).success).toBe(false);
    expect(notices.filter(({ event }) => event === 'frozen')).toMatchObject([
      { nodeId: 'node-1', operation: 'restart' },
    ]);
    daemon.reply = () => ({ response: { success: true, errorMessage: '' } });
    await client.register({ nodeId: 'node-2', ip: '127.0.0.1' });
    const refused = await manager.operate('node-2', { operation: LIST });
    expect(refused).toMatchObject({ success: false, via: 'none', message: expect.stringContaining('frozen') });
    expect(daemon.calls).toHaveLength(1);
  });

  test('it does not repeat a call', async () => {
    daemon.reply = () => ({ status: status.INTERNAL, message: 'it broke' });
    expect((await manager.operate('node-1', { operation: RESTART })).status).toBe('INTERNAL');
    expect(daemon.calls).toHaveLength(1);
  });

  test('after a connection was closed, calls to that node hang, and those to others do not', async () => {
    await client.register({ nodeId: 'node-2', ip: '127.0.0.1' });
    expect((await manager.operate('node-1', { operation: RESTART })).success).toBe(true);
    proxy.drop();
    await waitFor(() => proxy.connections === 0, { what: 'the end of the connection' });
    const hangs = await waitFor(
      async () => {
        const outcome = await manager.operate('node-1', { operation: LIST, timeoutMs: 200 });
        return outcome.message.includes('hangs') && outcome;
      },
      { what: 'a call that hangs' },
    );
    expect(hangs).toMatchObject({ success: false, via: 'dial', status: '' });
    expect(notices.some(({ event }) => event === 'frozen')).toBe(false);
    expect((await manager.operate('node-2', { operation: LIST })).success).toBe(true);
    // stopping ends what hangs
    const last = manager.operate('node-1', { operation: LIST });
    await manager.stop();
    expect((await last).success).toBe(false);
  });
});
