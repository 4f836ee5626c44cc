/** The link against a reference Manager in this process, over real mutual TLS, through a proxy that makes faults. */

import { readFileSync } from 'node:fs';
import { rm, writeFile } from 'node:fs/promises';
import { createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { createServer as createTlsServer } from 'node:tls';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { createAuthority, createCertificates } from '../../../../src/demo/certificates.ts';
import { ManagerLink } from '../../../../src/main/link/manager-link.ts';
import { registration } from '../../../../src/main/link/node-info.ts';
import { Outbox } from '../../../../src/main/link/outbox.ts';
import { Scheduler } from '../../../../src/main/schedule/scheduler.ts';
import { ReferenceManager } from '../../../../src/manager/manager.ts';
import type { AgentSnapshot } from '../../../../src/shared/contracts/agent.ts';
import type { NodeEvent } from '../../../../src/shared/contracts/manager-events.ts';
import type { UpdateResult } from '../../../../src/shared/contracts/update.ts';
import type { MetricData } from '../../../../src/shared/gen/manager.ts';
import { systemClock } from '../../../../src/shared/platform/clock.ts';
import { FakeLog } from '../../../fakes/log.ts';
import { TcpProxy } from '../../../support/tcp-proxy.ts';
import { temporaryFolder } from '../../../support/temp-folder.ts';
import { waitFor } from '../../../support/wait-until.ts';

let tls: Awaited<ReturnType<typeof temporaryFolder>>;
let manager: ReferenceManager;
let proxy: TcpProxy;
let events: NodeEvent[];
let log: FakeLog;
const ends: (() => Promise<void> | void)[] = [];

beforeAll(async () => {
  tls = await temporaryFolder('link');
  await createCertificates(tls.path);
});
afterAll(() => tls.remove());
beforeEach(async () => {
  events = [];
  log = new FakeLog();
  manager = new ReferenceManager({ onEvent: (event) => events.push(event), stopGraceMs: 50 });
  proxy = await TcpProxy.listen({ port: await manager.start({ tlsFolder: tls.path }) });
});
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
  await proxy.close();
  await manager.stop();
});

interface Over {
  address?: string;
  folder?: string;
  timeoutMs?: number;
  heartbeatIntervalMs?: number;
  reconnectIntervalMs?: number;
  agents?: () => AgentSnapshot[];
  outbox?: Outbox;
  updateResults?: () => UpdateResult[];
  onResultsTaken?: (number: number) => void;
}

function start(over: Over = {}): ManagerLink {
  const folder = over.folder ?? tls.path;
  const scheduler = new Scheduler({
    clock: systemClock,
    random: Math.random,
    onError: (error) => log.error({ event: 'job-failed', error }),
  });
  const link = new ManagerLink({
    manager: {
      addresses: [over.address ?? `127.0.0.1:${proxy.port}`],
      protocol: 'auto',
      proxy: 'none',
      keepaliveIntervalMs: 30_000,
      queueMaxBytes: 1e6,
      queueMaxAgeMs: 1e6,
      tls: {
        certFile: join(folder, 'client.crt'),
        keyFile: join(folder, 'client.key'),
        caFile: join(folder, 'ca.crt'),
        keyPassphraseFile: '',
        off: false,
      },
      heartbeatIntervalMs: over.heartbeatIntervalMs ?? 50,
      reconnectIntervalMs: over.reconnectIntervalMs ?? 20,
      timeoutMs: over.timeoutMs ?? 5000,
    },
    nodeId: 'node-1',
    outbox: over.outbox ?? new Outbox({ maxBytes: 1e6, batch: 100 }),
    registration: (ip) => {
      const facts = { nodeId: 'node-1', ip, hostname: 'h', platform: 'linux', arch: 'x64', daemonVersion: '1' };
      return Promise.resolve(registration({ ...facts, agents: [], host: null }).request);
    },
    agents: over.agents ?? (() => []),
    updateResults: over.updateResults ?? (() => []),
    onResultsTaken: over.onResultsTaken ?? (() => {}),
    after: scheduler.after.bind(scheduler),
    every: scheduler.every.bind(scheduler),
    clock: systemClock,
    random: Math.random,
    log,
  });
  ends.push(() => scheduler.close());
  ends.push(() => link.close());
  link.start();
  return link;
}

const of = <N extends NodeEvent['event']>(name: N): Extract<NodeEvent, { event: N }>[] =>
  events.filter((event): event is Extract<NodeEvent, { event: N }> => event.event === name);
const until = (condition: () => unknown, what: string): Promise<unknown> => waitFor(condition, { what });
const metric = (timestamp: number): MetricData => ({ type: 'cpu', timestamp, values: new Map([['usage_percent', 5]]) });
/** The first failure of the link, as it was told. */
const failure = async (): Promise<{ code: unknown; reason: unknown }> => {
  const told = (): (typeof log.lines)[number] | undefined =>
    log.events('link-state').find(({ state }) => state === 'backing-off');
  const line = await waitFor(told, { what: 'a failure of the link' });
  return { code: line['code'], reason: line['reason'] };
};

describe('a Manager that is well', () => {
  test('registers, sends the first heartbeat at once and further ones by interval', async () => {
    const link = start({ heartbeatIntervalMs: 200 });
    await until(() => of('heartbeat').length >= 3, 'three heartbeats');
    expect(link.state.name).toBe('connected');
    expect(events.slice(0, 2).map(({ event }) => event)).toEqual(['registered', 'heartbeat']);
    const gap = (of('heartbeat')[0]?.receivedAtMs ?? 0) - (of('registered')[0]?.receivedAtMs ?? 0);
    expect(gap).toBeLessThan(200); // not an interval later
    expect(of('registered')).toMatchObject([{ nodeId: 'node-1', ip: '127.0.0.1', arch: 'amd64' }]);
    expect(manager.connections).toBe(1);
  });

  test('reports go out in order, each once', async () => {
    const link = start();
    link.report([metric(1), metric(2)]);
    await until(() => of('report').length === 1, 'the first report');
    link.report([metric(3), metric(3)]);
    await until(() => of('report').length === 2, 'the second report');
    expect(of('report').flatMap(({ metrics }) => metrics.map(({ timestamp }) => timestamp))).toEqual([1, 2, 3]);
    expect(of('report')[0]?.metrics[0]).toEqual({ type: 'cpu', timestamp: 1, values: { usage_percent: 5 } });
  });

  test('states are sent after the registration and on change, gathered', async () => {
    let status: AgentSnapshot['status'] = 'starting';
    const link = start({ heartbeatIntervalMs: 60_000, agents: () => [{ ...AGENT, status }] });
    await until(() => of('states').length === 1, 'the first states');
    status = 'running';
    for (let i = 0; i < 10; i++) link.statesChanged();
    await until(() => of('states').length === 2, 'the changed states');
    expect(of('states').map(({ states }) => states[0]?.status)).toEqual(['starting', 'running']);
  });

  test('close ends the connection and leaves nothing waiting', async () => {
    const link = start();
    await until(() => of('heartbeat').length > 0, 'a heartbeat');
    await link.close();
    expect(link.state.name).toBe('closed');
    await until(() => proxy.connections === 0 && manager.connections === 0, 'the end of the connection');
    const count = events.length;
    link.report([metric(9)]);
    link.statesChanged();
    expect(events).toHaveLength(count);
  });
});

describe('a Manager that goes away and comes back', () => {
  test('registers again on the new connection, and delivers what was reported meanwhile', async () => {
    const link = start();
    await until(() => of('heartbeat').length > 0, 'a heartbeat');
    proxy.set({ refusing: true });
    proxy.drop();
    await until(() => link.state.name === 'backing-off', 'the loss to be seen');
    link.report([metric(1)]);
    link.report([metric(2)]);
    proxy.pass();
    await until(() => of('registered').length === 2 && of('report').length === 1, 'the second registration');
    const again = events.slice(events.indexOf(of('registered')[1] as NodeEvent));
    expect(again.map(({ event }) => event).slice(0, 2)).toEqual(['registered', 'heartbeat']);
    expect(of('report')[0]?.metrics.map(({ timestamp }) => timestamp)).toEqual([1, 2]);
  });

  test('what waits for one link is delivered by the next', async () => {
    const outbox = new Outbox({ maxBytes: 1e6, batch: 100 });
    proxy.set({ refusing: true });
    const first = start({ outbox });
    first.report([metric(1)]);
    await first.close();
    proxy.pass();
    const second = start({ outbox });
    second.report([metric(2)]);
    await until(() => outbox.length === 0, 'the delivery');
    expect(of('report').flatMap(({ metrics }) => metrics.map(({ timestamp }) => timestamp))).toEqual([1, 2]);
  });

  test('a planned goodbye leads to a new connection without a warning', async () => {
    const link = start({ reconnectIntervalMs: 100 });
    await until(() => link.state.name === 'connected', 'the connection');
    const since = performance.now();
    await until(() => performance.now() - since > 350, 'a session that counts as steady');
    manager.sendGoaway();
    await until(() => of('registered').length === 2, 'the second registration');
    expect(log.lines.filter(({ level }) => level === 'warn' || level === 'error')).toEqual([]);
    expect(of('heartbeat').every(({ accepted }) => accepted)).toBe(true);
  });

  test('a connection that went silent is found by the heartbeat’s deadline and replaced', async () => {
    const link = start({ timeoutMs: 300 });
    await until(() => of('heartbeat').length > 0, 'a heartbeat');
    proxy.set({ frozen: true });
    await until(() => link.state.name === 'backing-off', 'the silence to be found');
    proxy.pass();
    await until(() => of('registered').length === 2, 'the second registration');
    await until(() => proxy.connections === 1, 'the end of the old connection');
  });

  test('a peer that takes the connection and never answers is given up in time', async () => {
    proxy.set({ frozen: true });
    const link = start({ timeoutMs: 200 });
    await until(
      () => log.events('link-state').some(({ state }) => state === 'backing-off'),
      'the attempt to be given up',
    );
    proxy.pass();
    await until(() => link.state.name === 'connected', 'the connection');
    await until(() => proxy.connections === 1, 'the end of the attempts');
  });

  test('fifty drops leak no connection and no timer', async () => {
    const link = start({ reconnectIntervalMs: 1 });
    for (let i = 0; i < 50; i++) {
      await until(() => link.state.name === 'connected' && of('registered').length > i, `connection ${i}`);
      manager.dropConnections();
    }
    await until(() => link.state.name === 'connected', 'the last connection');
    await until(() => manager.connections === 1 && proxy.connections === 1, 'one connection');
  });
});

describe('refusals', () => {
  test('of a registration: D2002 with the Manager’s words, and registered when it relents', async () => {
    manager.faults.set('RegisterNode', { kind: 'refuse', message: 'no room' }, 2);
    const link = start();
    expect(await failure()).toEqual({ code: 'D2002', reason: 'the Manager refused the registration: no room' });
    await until(() => link.state.name === 'connected', 'the registration');
    expect(log.events('link-state').filter(({ level }) => level === 'warn')).toHaveLength(1); // told once
    await until(() => of('heartbeat').length > 0, 'a heartbeat');
  });

  test('of a node that was deleted: D2002 that says what to do', async () => {
    manager.faults.set('RegisterNode', { kind: 'refuse', message: 'ERROR: duplicate key value (SQLSTATE 23505)' });
    start();
    expect(await failure()).toMatchObject({ code: 'D2002', reason: expect.stringContaining('daemon.id') });
  });

  test('of a heartbeat: registers again', async () => {
    manager.faults.set('Heartbeat', { kind: 'refuse', message: 'who are you' }, 1);
    start();
    await until(
      () => of('registered').length === 2 && of('heartbeat').some(({ accepted }) => accepted),
      'a second registration',
    );
    expect(await failure()).toMatchObject({ code: 'D2003' });
  });

  test('of a report: not taken for delivery, told with D2003, heartbeats go on', async () => {
    manager.faults.set('ReportMetrics', { kind: 'refuse', message: 'full' }, 1);
    const link = start();
    link.report([metric(1)]);
    await until(() => of('report').some(({ accepted }) => !accepted), 'the refusal');
    const beats = of('heartbeat').length;
    await until(() => of('heartbeat').length > beats + 2, 'further heartbeats');
    expect(log.events('call-failed')).toMatchObject([{ code: 'D2003', message: expect.stringContaining('full') }]);
    expect(link.state.name).toBe('connected');
  });

  test('a report that is stalled does not hold up heartbeats', async () => {
    manager.faults.set('ReportMetrics', { kind: 'stall' });
    const link = start();
    link.report([metric(1)]);
    await until(() => manager.faults.heldCount('ReportMetrics') === 1, 'the stalled report');
    const beats = of('heartbeat').length;
    await until(() => of('heartbeat').length > beats + 5, 'further heartbeats');
    manager.faults.clear();
    await until(() => of('report').length === 1, 'the report');
  });

  test('a Manager without SyncAgentStates is not asked again on the same connection', async () => {
    manager.faults.set('SyncAgentStates', { kind: 'refuse', message: 'unknown', status: 12 });
    const link = start();
    await until(() => log.events('call-failed').length === 1, 'the answer');
    link.statesChanged();
    await until(() => of('heartbeat').length > 10, 'heartbeats');
    expect(of('states')).toHaveLength(1);
  });
});

describe('connections that fail say which check failed (D2001)', () => {
  const folderWith = async (change: (folder: string) => Promise<void>): Promise<string> => {
    const folder = await temporaryFolder('link-tls');
    ends.push(() => folder.remove());
    for (const name of ['ca.crt', 'client.crt', 'client.key']) {
      await writeFile(join(folder.path, name), readFileSync(join(tls.path, name)));
    }
    await change(folder.path);
    return folder.path;
  };
  const server = async (make: () => Server): Promise<number> => {
    const sockets = new Set<Socket>();
    const made = make();
    made.on('connection', (socket: Socket) => sockets.add(socket));
    await new Promise<void>((resolve) => made.listen(0, '127.0.0.1', resolve));
    ends.push(() => {
      for (const socket of sockets) socket.destroy();
      return new Promise<void>((resolve) => made.close(() => resolve()));
    });
    const address = made.address();
    return typeof address === 'object' && address ? address.port : 0;
  };
  const serverIdentity = () => ({
    key: readFileSync(join(tls.path, 'server.key')),
    cert: readFileSync(join(tls.path, 'server.crt')),
  });

  test('unknown CA', async () => {
    const other = await createAuthority('another');
    start({ folder: await folderWith((folder) => writeFile(join(folder, 'ca.crt'), other.cert)) });
    expect(await failure()).toMatchObject({ code: 'D2001', reason: expect.stringMatching(/check: unknown CA/) });
    expect(events).toEqual([]);
  });

  test('name', async () => {
    const named = await temporaryFolder('link-name');
    ends.push(() => named.remove());
    await createCertificates(named.path, { hosts: ['elsewhere.example'] });
    const other = new ReferenceManager({ stopGraceMs: 50 });
    const port = await other.start({ tlsFolder: named.path });
    ends.push(() => other.stop());
    start({ folder: named.path, address: `127.0.0.1:${port}` });
    expect(await failure()).toMatchObject({ code: 'D2001', reason: expect.stringMatching(/check: name/) });
  });

  test.each([
    ['has expired', { notBefore: new Date(Date.now() - 2e8), notAfter: new Date(Date.now() - 1e8) }],
    ['is not valid yet', { notBefore: new Date(Date.now() + 1e8), notAfter: new Date(Date.now() + 2e8) }],
  ])('dates: the Manager’s certificate %s', async (words, validity) => {
    const dated = await temporaryFolder('link-dates');
    ends.push(() => dated.remove());
    const authority = await createAuthority('ca', {
      notBefore: new Date(Date.now() - 1e9),
      notAfter: new Date(Date.now() + 1e9),
    });
    await createCertificates(dated.path, { authority, ...validity });
    const other = new ReferenceManager({ stopGraceMs: 50 });
    const port = await other.start({ tlsFolder: dated.path });
    ends.push(() => other.stop());
    start({ folder: dated.path, address: `127.0.0.1:${port}` });
    expect(await failure()).toMatchObject({ code: 'D2001', reason: expect.stringContaining(words) });
  });

  test('client certificate of a CA that the Manager does not know', async () => {
    const pair = await (await createAuthority('another')).issue({ name: 'daemon', usages: ['client'] });
    start({
      folder: await folderWith(async (folder) => {
        await writeFile(join(folder, 'client.crt'), pair.cert);
        await writeFile(join(folder, 'client.key'), pair.key);
      }),
    });
    expect(await failure()).toMatchObject({
      code: 'D2001',
      reason: expect.stringMatching(/check: client certificate/),
    });
    expect(events).toEqual([]);
  });

  test('protocol version: a server of TLS 1.2 is refused', async () => {
    const port = await server(() =>
      createTlsServer({ ...serverIdentity(), maxVersion: 'TLSv1.2', ALPNProtocols: ['h2'] }),
    );
    start({ address: `127.0.0.1:${port}` });
    expect(await failure()).toMatchObject({ code: 'D2001', reason: expect.stringMatching(/check: protocol version/) });
  });

  test('a server that speaks no TLS', async () => {
    const port = await server(() => createServer((socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n')));
    start({ address: `127.0.0.1:${port}` });
    expect(await failure()).toMatchObject({ code: 'D2001', reason: expect.stringMatching(/does not speak TLS/) });
  });

  test('nothing listens', async () => {
    const port = await server(() => createServer());
    await ends.pop()?.();
    start({ address: `127.0.0.1:${port}` });
    expect(await failure()).toMatchObject({
      code: 'D2001',
      reason: expect.stringMatching(/nothing listens at 127.0.0.1/),
    });
  });

  test('a name that does not exist', async () => {
    start({ address: 'no-such-host.invalid:9090', timeoutMs: 20_000 });
    expect(await failure()).toMatchObject({ code: 'D2001', reason: expect.stringMatching(/cannot be resolved/) });
  });

  test('a file that is absent, and one that is no PEM', async () => {
    start({ folder: await folderWith((folder) => rm(join(folder, 'client.key'))) });
    expect(await failure()).toMatchObject({
      code: 'D2001',
      reason: expect.stringMatching(/key_file: .*client\.key cannot be read/),
    });
    log = new FakeLog();
    start({ folder: await folderWith((folder) => writeFile(join(folder, 'client.crt'), 'nonsense')) });
    expect(await failure()).toMatchObject({
      code: 'D2001',
      reason: expect.stringMatching(/do not make a TLS identity/),
    });
  });

  test('a certificate that was put right is taken without a restart', async () => {
    const folder = await folderWith((path) => rm(join(path, 'client.crt')));
    const link = start({ folder });
    await failure();
    await writeFile(join(folder, 'client.crt'), readFileSync(join(tls.path, 'client.crt')));
    await until(() => link.state.name === 'connected', 'the connection');
  });
});

const AGENT: AgentSnapshot = {
  id: 'a1',
  type: 'custom',
  name: 'A',
  status: 'running',
  reason: '',
  pid: 9,
  startedAtMs: 0,
  restarts: 0,
  lastRestartMs: 0,
  lastHeartbeatMs: 0,
  version: '',
  lastExit: null,
  alerts: [],
};
