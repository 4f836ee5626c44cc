/** The link and the faults of its way: the network, the Manager's refusals, certificates that do not fit. */
import { readFileSync } from 'node:fs';
import { rm, writeFile } from 'node:fs/promises';
import { createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { createServer as createTlsServer } from 'node:tls';
import { beforeEach, describe, expect, test } from 'vitest';
import { createAuthority, createCertificates } from '../../../../src/demo/certificates.ts';
import { ReferenceManager } from '../../../../src/manager/manager.ts';
import type { AgentSnapshot } from '../../../../src/shared/contracts/agent.ts';
import type { NodeEvent } from '../../../../src/shared/contracts/manager-events.ts';
import { temporaryFolder } from '../../../support/temp-folder.ts';
import { type LinkHarness, metric, until, useLinkHarness } from './link-harness.ts';

const harness = useLinkHarness();
let h: LinkHarness;
beforeEach(() => {
  h = harness();
});

describe('a Manager that is well', () => {
  test('registers, sends the first heartbeat at once and further ones by interval', async () => {
    const link = h.start({ heartbeatIntervalMs: 200 });
    await until(() => h.of('heartbeat').length >= 3, 'three heartbeats');
    expect(link.status.state.name).toBe('connected');
    expect(h.events.slice(0, 2).map(({ event }) => event)).toEqual(['registered', 'heartbeat']);
    const gap = (h.of('heartbeat')[0]?.receivedAtMs ?? 0) - (h.of('registered')[0]?.receivedAtMs ?? 0);
    expect(gap).toBeLessThan(200); // not an interval later
    expect(h.of('registered')).toMatchObject([{ nodeId: 'node-1', ip: '127.0.0.1', arch: 'amd64' }]);
    expect(h.manager.connections).toBe(1);
  });

  test('reports go out in order, each once', async () => {
    const link = h.start();
    link.report([metric(1), metric(2)]);
    await until(() => h.of('report').length === 1, 'the first report');
    link.report([metric(3), metric(3)]);
    await until(() => h.of('report').length === 2, 'the second report');
    expect(h.of('report').flatMap(({ metrics }) => metrics.map(({ timestamp }) => timestamp))).toEqual([1, 2, 3]);
    expect(h.of('report')[0]?.metrics[0]).toEqual({ type: 'cpu', timestamp: 1, values: { usage_percent: 5 } });
  });

  test('states are sent after the registration and on change, gathered', async () => {
    let status: AgentSnapshot['status'] = 'starting';
    const link = h.start({ heartbeatIntervalMs: 60_000, agents: () => [{ ...AGENT, status }] });
    await until(() => h.of('states').length === 1, 'the first states');
    status = 'running';
    for (let i = 0; i < 10; i++) link.statesChanged();
    await until(() => h.of('states').length === 2, 'the changed states');
    expect(h.of('states').map(({ states }) => states[0]?.status)).toEqual(['starting', 'running']);
  });

  test('close ends the connection and leaves nothing waiting', async () => {
    const link = h.start();
    await until(() => h.of('heartbeat').length > 0, 'a heartbeat');
    await link.close();
    expect(link.status.state.name).toBe('closed');
    await until(() => h.proxy.connections === 0 && h.manager.connections === 0, 'the end of the connection');
    const count = h.events.length;
    link.report([metric(9)]);
    link.statesChanged();
    expect(h.events).toHaveLength(count);
  });
});

describe('a Manager that goes away and comes back', () => {
  test('registers again on the new connection, and delivers what was reported meanwhile', async () => {
    const link = h.start();
    await until(() => h.of('heartbeat').length > 0, 'a heartbeat');
    h.proxy.set({ refusing: true });
    h.proxy.drop();
    await until(() => link.status.state.name === 'backing-off', 'the loss to be seen');
    link.report([metric(1)]);
    link.report([metric(2)]);
    h.proxy.pass();
    await until(() => h.of('registered').length === 2 && h.of('report').length === 1, 'the second registration');
    const again = h.events.slice(h.events.indexOf(h.of('registered')[1] as NodeEvent));
    expect(again.map(({ event }) => event).slice(0, 2)).toEqual(['registered', 'heartbeat']);
    expect(h.of('report')[0]?.metrics.map(({ timestamp }) => timestamp)).toEqual([1, 2]);
    expect(h.linkEvents.map(({ kind }) => kind)).toEqual(['link-connected', 'link-lost', 'link-connected']);
  });

  test('a Manager that stays away is told once as an event, however often it is tried', async () => {
    h.proxy.set({ refusing: true });
    const link = h.start();
    const tries = (): number => h.log.lines.filter(({ state }) => state === 'backing-off').length;
    await until(() => tries() > 2, 'three attempts');
    expect(h.linkEvents).toMatchObject([{ kind: 'link-lost', details: { reason: link.status.reason } }]);
  });

  test('what waits for one link is delivered by the next', async () => {
    h.proxy.set({ refusing: true });
    const first = h.start();
    first.report([metric(1)]);
    await first.close();
    h.proxy.pass();
    const second = h.start();
    second.report([metric(2)]);
    await until(() => h.reports.waiting === 0, 'the delivery');
    expect(h.of('report').flatMap(({ metrics }) => metrics.map(({ timestamp }) => timestamp))).toEqual([1, 2]);
  });

  test('a planned goodbye leads to a new connection without a warning', async () => {
    const link = h.start({ reconnectIntervalMs: 100 });
    await until(() => link.status.state.name === 'connected', 'the connection');
    const since = performance.now();
    await until(() => performance.now() - since > 350, 'a session that counts as steady');
    h.manager.sendGoaway();
    await until(() => h.of('registered').length === 2, 'the second registration');
    expect(h.log.lines.filter(({ level }) => level === 'warn' || level === 'error')).toEqual([]);
    expect(h.of('heartbeat').every(({ accepted }) => accepted)).toBe(true);
  });

  test('a connection that went silent is found by the heartbeat’s deadline and replaced', async () => {
    const link = h.start({ timeoutMs: 300 });
    await until(() => h.of('heartbeat').length > 0, 'a heartbeat');
    h.proxy.set({ frozen: true });
    await until(() => link.status.state.name === 'backing-off', 'the silence to be found');
    h.proxy.pass();
    await until(() => h.of('registered').length === 2, 'the second registration');
    await until(() => h.proxy.connections === 1, 'the end of the old connection');
  });

  test('a peer that takes the connection and never answers is given up in time', async () => {
    h.proxy.set({ frozen: true });
    const link = h.start({ timeoutMs: 200 });
    await until(
      () => h.log.events('link-state').some(({ state }) => state === 'backing-off'),
      'the attempt to be given up',
    );
    h.proxy.pass();
    await until(() => link.status.state.name === 'connected', 'the connection');
    await until(() => h.proxy.connections === 1, 'the end of the attempts');
  });

  test('fifty drops leak no connection and no timer', async () => {
    const link = h.start({ reconnectIntervalMs: 1 });
    const timers: number[] = [];
    for (let i = 0; i < 50; i++) {
      await until(() => link.status.state.name === 'connected' && h.of('registered').length > i, `connection ${i}`);
      await until(() => h.of('states').length > i, 'a whole session');
      timers.push(h.scheduler.waiting);
      h.manager.dropConnections();
    }
    await until(() => link.status.state.name === 'connected', 'the last connection');
    await until(() => h.manager.connections === 1 && h.proxy.connections === 1, 'one connection');
    expect(Math.max(...timers)).toBeLessThanOrEqual(Math.min(...timers) + 2);
  });
});

describe('refusals', () => {
  test('of a registration: D2002 with the Manager’s words, and registered when it relents', async () => {
    h.manager.faults.set('RegisterNode', { kind: 'refuse', message: 'no room' }, 2);
    const link = h.start();
    expect(await h.failure()).toEqual({ code: 'D2002', reason: 'the Manager refused the registration: no room' });
    await until(() => link.status.state.name === 'connected', 'the registration');
    expect(h.log.events('link-state').filter(({ level }) => level === 'warn')).toHaveLength(1); // told once
    await until(() => h.of('heartbeat').length > 0, 'a heartbeat');
  });

  test('of a node that was deleted: D2002 that says what to do', async () => {
    h.manager.faults.set('RegisterNode', { kind: 'refuse', message: 'ERROR: duplicate key value (SQLSTATE 23505)' });
    h.start();
    expect(await h.failure()).toMatchObject({ code: 'D2002', reason: expect.stringContaining('daemon.id') });
  });

  test('of a heartbeat: registers again', async () => {
    h.manager.faults.set('Heartbeat', { kind: 'refuse', message: 'who are you' }, 1);
    h.start();
    await until(
      () => h.of('registered').length === 2 && h.of('heartbeat').some(({ accepted }) => accepted),
      'a second registration',
    );
    expect(await h.failure()).toMatchObject({ code: 'D2003' });
  });

  test('of a report: not taken for delivery, told with D2003, heartbeats go on', async () => {
    h.manager.faults.set('ReportMetrics', { kind: 'refuse', message: 'full' }, 1);
    const link = h.start();
    link.report([metric(1)]);
    await until(() => h.of('report').some(({ accepted }) => !accepted), 'the refusal');
    const beats = h.of('heartbeat').length;
    await until(() => h.of('heartbeat').length > beats + 2, 'further heartbeats');
    expect(h.log.events('call-failed')).toMatchObject([{ code: 'D2003', message: expect.stringContaining('full') }]);
    expect(link.status.state.name).toBe('connected');
  });

  test('a report that is stalled does not hold up heartbeats', async () => {
    h.manager.faults.set('ReportMetrics', { kind: 'stall' });
    const link = h.start();
    link.report([metric(1)]);
    await until(() => h.manager.faults.heldCount('ReportMetrics') === 1, 'the stalled report');
    const beats = h.of('heartbeat').length;
    await until(() => h.of('heartbeat').length > beats + 5, 'further heartbeats');
    h.manager.faults.clear();
    await until(() => h.of('report').length === 1, 'the report');
  });

  test('a Manager without SyncAgentStates is not asked again on the same connection', async () => {
    h.manager.faults.set('SyncAgentStates', { kind: 'refuse', message: 'unknown', status: 12 });
    const link = h.start();
    await until(() => h.log.events('call-failed').length === 1, 'the answer');
    link.statesChanged();
    await until(() => h.of('heartbeat').length > 10, 'heartbeats');
    expect(h.of('states')).toHaveLength(1);
  });
});

describe('connections that fail say which check failed (D2001)', () => {
  const folderWith = async (change: (folder: string) => Promise<void>): Promise<string> => {
    const folder = await temporaryFolder('link-tls');
    h.ends.push(() => folder.remove());
    for (const name of ['ca.crt', 'client.crt', 'client.key']) {
      await writeFile(join(folder.path, name), readFileSync(join(h.tls, name)));
    }
    await change(folder.path);
    return folder.path;
  };
  const server = async (make: () => Server): Promise<number> => {
    const sockets = new Set<Socket>();
    const made = make();
    made.on('connection', (socket: Socket) => {
      sockets.add(socket);
      socket.on('error', () => {}); // a client that does not like what it hears resets
    });
    await new Promise<void>((resolve) => made.listen(0, '127.0.0.1', resolve));
    h.ends.push(() => {
      for (const socket of sockets) socket.destroy();
      return new Promise<void>((resolve) => made.close(() => resolve()));
    });
    const address = made.address();
    return typeof address === 'object' && address ? address.port : 0;
  };
  const serverIdentity = () => ({
    key: readFileSync(join(h.tls, 'server.key')),
    cert: readFileSync(join(h.tls, 'server.crt')),
  });

  test('unknown CA', async () => {
    const other = await createAuthority('another');
    h.start({ folder: await folderWith((folder) => writeFile(join(folder, 'ca.crt'), other.cert)) });
    expect(await h.failure()).toMatchObject({ code: 'D2001', reason: expect.stringMatching(/check: unknown CA/) });
    expect(h.events).toEqual([]);
  });

  test('name', async () => {
    const named = await temporaryFolder('link-name');
    h.ends.push(() => named.remove());
    await createCertificates(named.path, { hosts: ['elsewhere.example'] });
    const other = new ReferenceManager({ stopGraceMs: 50 });
    const port = await other.start({ tlsFolder: named.path });
    h.ends.push(() => other.stop());
    h.start({ folder: named.path, addresses: [`127.0.0.1:${port}`] });
    expect(await h.failure()).toMatchObject({ code: 'D2001', reason: expect.stringMatching(/check: name/) });
  });

  test.each([
    [
      /Manager's certificate expired.*check: expired/,
      { notBefore: new Date(Date.now() - 2e8), notAfter: new Date(Date.now() - 1e8) },
    ],
    [
      /Manager's certificate .*check: not yet valid/,
      { notBefore: new Date(Date.now() + 1e8), notAfter: new Date(Date.now() + 2e8) },
    ],
  ])('dates: the Manager’s certificate %s', async (words, validity) => {
    const dated = await temporaryFolder('link-dates');
    h.ends.push(() => dated.remove());
    const authority = await createAuthority('ca', {
      notBefore: new Date(Date.now() - 1e9),
      notAfter: new Date(Date.now() + 1e9),
    });
    await createCertificates(dated.path, { authority, ...validity });
    const own = await temporaryFolder('link-dates-own');
    h.ends.push(() => own.remove());
    await createCertificates(own.path, { authority });
    const other = new ReferenceManager({ stopGraceMs: 50 });
    const port = await other.start({ tlsFolder: dated.path });
    h.ends.push(() => other.stop());
    h.start({ folder: own.path, addresses: [`127.0.0.1:${port}`] });
    expect(await h.failure()).toMatchObject({ code: 'D2001', reason: expect.stringMatching(words) });
  });

  test('client certificate of a CA that the Manager does not know', async () => {
    const pair = await (await createAuthority('another')).issue({ name: 'daemon', usages: ['client'] });
    h.start({
      folder: await folderWith(async (folder) => {
        await writeFile(join(folder, 'client.crt'), pair.cert);
        await writeFile(join(folder, 'client.key'), pair.key);
      }),
    });
    expect(await h.failure()).toMatchObject({
      code: 'D2001',
      reason: expect.stringMatching(/check: client certificate/),
    });
    expect(h.events).toEqual([]);
  });

  test('protocol version: a server of TLS 1.2 is refused', async () => {
    const port = await server(() =>
      createTlsServer({ ...serverIdentity(), maxVersion: 'TLSv1.2', ALPNProtocols: ['h2'] }),
    );
    h.start({ addresses: [`127.0.0.1:${port}`] });
    expect(await h.failure()).toMatchObject({
      code: 'D2001',
      reason: expect.stringMatching(/check: protocol version/),
    });
  });

  test('a server that speaks no TLS', async () => {
    const port = await server(() => createServer((socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n')));
    h.start({ addresses: [`127.0.0.1:${port}`] });
    expect(await h.failure()).toMatchObject({ code: 'D2001', reason: expect.stringMatching(/does not speak TLS/) });
  });

  test('nothing listens', async () => {
    const port = await server(() => createServer());
    await h.ends.pop()?.();
    h.start({ addresses: [`127.0.0.1:${port}`] });
    expect(await h.failure()).toMatchObject({
      code: 'D2001',
      reason: expect.stringMatching(/nothing listens at 127.0.0.1/),
    });
  });

  test('a name that does not exist', async () => {
    h.start({ addresses: ['no-such-host.invalid:9090'], timeoutMs: 20_000 });
    expect(await h.failure()).toMatchObject({ code: 'D2001', reason: expect.stringMatching(/cannot be resolved/) });
  });

  test('a file that is absent, and one that is no PEM', async () => {
    h.start({ folder: await folderWith((folder) => rm(join(folder, 'client.key'))) });
    expect(await h.failure()).toMatchObject({
      code: 'D2001',
      reason: expect.stringMatching(/key_file: .*client\.key cannot be read/),
    });
    h.log.lines.length = 0;
    h.start({ folder: await folderWith((folder) => writeFile(join(folder, 'client.crt'), 'nonsense')) });
    expect(await h.failure()).toMatchObject({
      code: 'D2001',
      reason: expect.stringMatching(/cert_file.*client\.crt.*check:/),
    });
  });

  test('a certificate that was put right is taken without a restart', async () => {
    const folder = await folderWith((path) => rm(join(path, 'client.crt')));
    const link = h.start({ folder });
    await h.failure();
    await writeFile(join(folder, 'client.crt'), readFileSync(join(h.tls, 'client.crt')));
    await until(() => link.status.state.name === 'connected', 'the connection');
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
