/** The ways to a Manager: protocols, plaintext, several Managers, proxies; and connections that are followed by others. */
import { cp } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import { createAuthority, createCertificates } from '../../../../src/demo/certificates.ts';
import { type HttpProxyServer, httpProxy } from '../../../support/http-proxy.ts';
import { temporaryFolder, testFolder } from '../../../support/temp-folder.ts';
import { type LinkHarness, metric, until, useLinkHarness } from './link-harness.ts';

const harness = useLinkHarness();
let h: LinkHarness;
beforeEach(() => {
  h = harness();
});

const warnings = (): unknown[] => h.log.lines.filter(({ level }) => level === 'warn' || level === 'error');
const connected = (link: { status: { state: { name: string } } }): Promise<unknown> =>
  until(() => link.status.state.name === 'connected', 'the connection');

describe('protocols', () => {
  test('auto registers with the other service where the Manager lacks the first, and takes the node id that it gives', async () => {
    const { port } = await h.managerWith({ protocols: ['daemon'] });
    const link = h.start({ addresses: [`127.0.0.1:${port}`], host: () => ({ nodeId: 'own-id' }) });
    link.report([metric(1), metric(2), { ...metric(2), type: 'memory' }]);
    await until(() => h.of('heartbeat').length > 1 && h.delivered.length === 3, 'heartbeats and reports');
    const [nodeId] = h.registeredAs;
    expect(nodeId).toBe('node-1'); // the reference Manager's first
    expect(h.of('registered')).toMatchObject([{ nodeId, protocol: 'daemon', labels: { 'daemon.id': 'own-id' } }]);
    expect(h.of('heartbeat')[0]).toMatchObject({ nodeId, protocol: 'daemon', status: 'running' });
    // a map has room for one of each type: seconds go one by one
    expect(h.of('report').map(({ metrics }) => metrics.map(({ type, timestamp }) => `${type} ${timestamp}`))).toEqual([
      ['cpu 1'],
      ['cpu 2', 'memory 2'],
    ]);
    expect(h.of('report')[0]?.metrics[0]?.values).toEqual({ usage_percent: 5 });
    await until(() => h.of('states').some((event) => event.nodeId === nodeId), 'states as that node');
    expect(link.status.state).toMatchObject({ protocol: 'daemon' });
    expect(warnings()).toEqual([]);
  });

  test('auto stays with the first where the Manager has both, and looks again at each registration', async () => {
    const { manager, port } = await h.managerWith({ protocols: ['manager', 'daemon'] });
    const link = h.start({ addresses: [`127.0.0.1:${port}`] });
    await connected(link);
    manager.faults.set('RegisterNode', { kind: 'refuse', message: 'gone', status: 12 }, 1);
    manager.dropConnections();
    await until(() => h.of('registered').filter(({ accepted }) => accepted).length === 2, 'the second registration');
    manager.dropConnections();
    await until(() => h.of('registered').filter(({ accepted }) => accepted).length === 3, 'the third registration');
    const accepted = h.of('registered').filter((event) => event.accepted);
    expect(accepted.map(({ protocol }) => protocol)).toEqual(['manager', 'daemon', 'manager']);
  });

  test.each(['manager', 'daemon'] as const)(
    '%s alone is D2002 where the Manager does not have it',
    async (protocol) => {
      const { port } = await h.managerWith({ protocols: [protocol === 'manager' ? 'daemon' : 'manager'] });
      h.start({ addresses: [`127.0.0.1:${port}`], protocol });
      expect(await h.failure()).toMatchObject({
        code: 'D2002',
        reason: expect.stringMatching(/does not know \/\w+\./),
      });
    },
  );
});

describe('plaintext', () => {
  test('is spoken where it is spelled out', async () => {
    const { port } = await h.managerWith({}, null);
    const link = h.start({ addresses: [`127.0.0.1:${port}`], plaintext: true });
    link.report([metric(1)]);
    await until(() => h.of('heartbeat').length > 1 && h.delivered.length === 1, 'heartbeats and a report');
    expect(link.status.plaintext).toBe(true);
    expect(h.of('registered')[0]).toMatchObject({ ip: '127.0.0.1' });
  });

  test('is no fallback, either way', async () => {
    const { port } = await h.managerWith({}, null);
    h.start({ addresses: [`127.0.0.1:${port}`], timeoutMs: 1000 });
    expect(await h.failure()).toMatchObject({ code: 'D2001', reason: expect.stringMatching(/does not speak TLS/) });
    h.log.lines.length = 0;
    h.start({ plaintext: true, timeoutMs: 1000 });
    expect(await h.failure()).toMatchObject({ code: 'D2001', reason: expect.stringMatching(/manager\.tls/) });
    expect(h.of('registered')).toEqual([]);
  });
});

describe('several Managers', () => {
  test('the next one serves where the first is away, and is kept when that comes back', async () => {
    const { manager: other, port } = await h.managerWith({});
    const addresses = [`127.0.0.1:${port}`, `127.0.0.1:${h.proxy.port}`];
    const link = h.start({ addresses });
    await connected(link);
    const first = link.address;
    const [away, back] = first.endsWith(`:${port}`)
      ? [() => other.stop(), () => {}]
      : [
          async () => {
            h.proxy.set({ refusing: true });
            h.proxy.drop();
          },
          () => h.proxy.pass(),
        ];
    await away();
    await until(() => link.address !== first && link.status.state.name === 'connected', 'the other Manager');
    const second = link.address;
    await back();
    const beats = h.of('heartbeat').length;
    await until(() => h.of('heartbeat').length > beats + 5, 'heartbeats there');
    expect(link.address).toBe(second);
  });

  test('where none serves, each one’s answer is told', async () => {
    h.proxy.set({ refusing: true });
    h.manager.faults.set('RegisterNode', { kind: 'refuse', message: 'no room' });
    const { manager, port } = await h.managerWith({});
    manager.faults.set('RegisterNode', { kind: 'refuse', message: 'not you' });
    const addresses = [`127.0.0.1:${port}`, `127.0.0.1:${h.proxy.port}`];
    h.start({ addresses });
    const { code, reason } = await h.failure();
    expect(code).toBe('D2002');
    for (const address of addresses) expect(reason).toContain(address);
    expect(reason).toContain('not you');
  });
});

/** Ends with the test. */
async function ownProxy(credentials = ''): Promise<HttpProxyServer> {
  const proxy = await httpProxy(credentials);
  h.ends.push(() => proxy.close());
  return proxy;
}

describe('through an HTTP proxy', () => {
  test.each(['over TLS', 'in plaintext'])('%s', async (how) => {
    const plaintext = how === 'in plaintext';
    const manager = await h.managerWith({}, plaintext ? null : h.tls);
    const proxy = await ownProxy();
    const address = `localhost:${manager.port}`;
    const link = h.start({ addresses: [address], proxy: `http://127.0.0.1:${proxy.port}`, plaintext });
    link.report([metric(1)]);
    await until(() => h.of('heartbeat').length > 1 && h.delivered.length === 1, 'heartbeats and a report');
    expect(proxy.asked).toEqual([`CONNECT ${address} HTTP/1.1`]);
  });

  test('of the environment, with credentials; NO_PROXY goes past it', async () => {
    const { port: managerPort } = await h.managerWith({});
    const proxy = await ownProxy('user:hunter2');
    // a name of this host that is not known as loopback by itself
    const addresses = [`127.0.0.1:${managerPort}`];
    const settings = `http://user:hunter2@127.0.0.1:${proxy.port}`;
    const through = h.start({ addresses, proxy: settings });
    await connected(through);
    expect(proxy.asked).toHaveLength(1);
    await through.close();
    const past = h.start({ addresses, environment: { HTTPS_PROXY: settings, NO_PROXY: '127.0.0.0/8' } });
    await connected(past);
    expect(proxy.asked).toHaveLength(1);
    expect(JSON.stringify(h.log.lines)).not.toContain('hunter2');
  });

  test.each([
    ['wants other credentials', /check: proxy.*credentials|credentials.*check: proxy/],
    ['has no way to the Manager', /opens no way/],
    ['is not there', /cannot be reached/],
  ])('that %s: D2001', async (what, reason) => {
    const proxy = await ownProxy('user:hunter2');
    const user = what.startsWith('wants') ? 'user:wrong' : 'user:hunter2';
    const port = what.startsWith('is not') ? 1 : proxy.port;
    h.start({ addresses: ['localhost:1'], proxy: `http://${user}@127.0.0.1:${port}`, timeoutMs: 2000 });
    expect(await h.failure()).toEqual({ code: 'D2001', reason: expect.stringMatching(reason) });
    expect(JSON.stringify(h.log.lines)).not.toMatch(/hunter2|wrong/);
  });
});

describe('a goodbye by plan', () => {
  test('twenty of them, in the middle of heartbeats, reports and states: no call fails, nothing is told, nothing twice', async () => {
    const link = h.start({ heartbeatIntervalMs: 5, reconnectIntervalMs: 1 });
    await connected(link);
    let second = 0;
    for (let n = 0; n < 20; n++) {
      const [registered, beats] = [h.of('registered').length, h.of('heartbeat').length];
      // long enough to count as a session that held
      await until(() => h.of('heartbeat').length > beats + 2, 'heartbeats');
      link.report([metric(++second)]);
      link.statesChanged();
      h.manager.sendGoaway();
      link.report([metric(++second)]);
      await until(() => h.of('registered').length > registered, 'the next connection');
    }
    await until(() => h.delivered.length === second, 'all reports');
    expect(h.delivered).toEqual(Array.from({ length: second }, (_, n) => n + 1));
    expect(h.log.events('call-failed')).toEqual([]);
    expect(warnings()).toEqual([]);
    await until(() => h.manager.connections === 1 && h.proxy.connections === 1, 'one connection');
    // told once, when there was a first connection
    expect(h.log.events('link-state').filter(({ level }) => level !== 'debug')).toHaveLength(1);
  });

  test('a call that is under way gets its answer on the old connection, beside the new one', async () => {
    h.manager.faults.set('ReportMetrics', { kind: 'stall' }, 1);
    const link = h.start({ reconnectIntervalMs: 1 });
    link.report([metric(1)]);
    await until(() => h.manager.faults.heldCount('ReportMetrics') === 1, 'the stalled report');
    h.manager.sendGoaway();
    await until(() => h.of('registered').length === 2, 'the next connection');
    link.report([metric(2)]);
    const beats = h.of('heartbeat').length;
    await until(() => h.of('heartbeat').length > beats + 2, 'heartbeats on it');
    expect(h.delivered).toEqual([]); // one batch is out at a time
    h.manager.faults.release();
    await until(() => h.delivered.length === 2, 'both reports');
    expect(h.delivered).toEqual([1, 2]);
    expect(h.log.events('call-failed')).toEqual([]);
    await until(() => h.proxy.connections === 1, 'the end of the old connection');
  });
});

describe('certificates that rotate', () => {
  const replaced = async (folder: string, authority: Awaited<ReturnType<typeof createAuthority>>): Promise<void> => {
    const fresh = await temporaryFolder('link-fresh');
    await createCertificates(fresh.path, { authority });
    await cp(fresh.path, folder, { recursive: true, force: true });
    await fresh.remove();
  };

  test('CA and both certificates, during heartbeats: none fails, the link moves to a new connection', async () => {
    const folder = await testFolder('link-rotation');
    await createCertificates(folder);
    const { manager, port } = await h.managerWith({}, folder);
    const link = h.start({
      folder,
      addresses: [`127.0.0.1:${port}`],
      heartbeatIntervalMs: 10,
      reconnectIntervalMs: 50,
    });
    await until(() => h.of('heartbeat').length > 3, 'heartbeats');
    await replaced(folder, await createAuthority('second'));
    await manager.reloadTls();
    await h.certificates.look();
    await until(() => h.of('registered').length === 2, 'the second registration');
    const beats = h.of('heartbeat').length;
    await until(() => h.of('heartbeat').length > beats + 5 && manager.connections === 1, 'heartbeats on the new one');
    expect(warnings()).toEqual([]);
    expect(h.certificateEvents).toMatchObject([{ details: { state: 'renewed' } }]);
    expect(link.status.state.name).toBe('connected');
  });

  test('a set that the Manager does not take is not used, and told once; it is when the Manager follows', async () => {
    const folder = await testFolder('link-rotation');
    await createCertificates(folder);
    const server = await testFolder('link-rotation');
    await cp(folder, server, { recursive: true });
    const { manager, port } = await h.managerWith({}, server);
    h.start({ folder, addresses: [`127.0.0.1:${port}`], heartbeatIntervalMs: 20 });
    await until(() => h.of('heartbeat').length > 0, 'heartbeats');
    await replaced(folder, await createAuthority('second'));
    await h.certificates.look();
    await h.certificates.look();
    expect(h.certificateEvents).toMatchObject([{ details: { state: 'failed' } }]);
    const beats = h.of('heartbeat').length;
    await until(() => h.of('heartbeat').length > beats + 3, 'heartbeats with the old set');
    expect(h.of('registered')).toHaveLength(1);
    // the Manager follows, and its connections end: the link finds the set that fits by itself
    await cp(folder, server, { recursive: true, force: true });
    await manager.reloadTls();
    manager.dropConnections();
    await until(() => h.of('registered').length === 2, 'the registration with the new set');
    // the Manager hears of the registration before this side knows that it was taken
    await until(() => h.certificateEvents.at(-1)?.details['state'] === 'renewed', 'the set to be in use');
  });

  test('a key of another certificate, or a file cut short, keeps the old set', async () => {
    const folder = await testFolder('link-rotation');
    await createCertificates(folder);
    h.start({ folder: h.tls, heartbeatIntervalMs: 20 });
    await until(() => h.of('heartbeat').length > 0, 'heartbeats');
    const own = await testFolder('link-rotation');
    await cp(h.tls, own, { recursive: true });
    const link = h.start({ folder: own, heartbeatIntervalMs: 20 });
    await connected(link);
    await cp(join(folder, 'client.key'), join(own, 'client.key'), { force: true });
    await h.certificates.look();
    expect(h.certificateEvents).toMatchObject([
      { message: expect.stringMatching(/key/), details: { state: 'failed' } },
    ]);
    expect(link.status.state.name).toBe('connected');
  });
});

test.each([
  ['UNKNOWN, as Go answers a plain error', 2],
  ['ABORTED', 10],
  ['INTERNAL', 13],
])('an answer of %s is a refusal and not the end of the link', async (_, code) => {
  h.manager.faults.set('ReportMetrics', { kind: 'refuse', message: 'no', status: code }, 1);
  h.manager.faults.set('SyncAgentStates', { kind: 'refuse', message: 'no', status: code }, 1);
  const link = h.start();
  link.report([metric(1), metric(2)]);
  await until(() => h.log.events('call-failed').length === 2, 'both refusals');
  link.statesChanged();
  await until(() => h.delivered.length === 2 && h.of('states').some(({ accepted }) => accepted), 'the delivery');
  expect(h.delivered).toEqual([1, 2]);
  expect(h.of('registered')).toHaveLength(1);
  expect(h.reports.takeLost()).toEqual({ room: 0, age: 0, unanswered: 0 });
});

test('a goodbye while the link closes is no reason to connect again', async () => {
  h.manager.faults.set('ReportMetrics', { kind: 'stall' }, 1);
  const link = h.start();
  link.report([metric(1)]);
  await until(() => h.manager.faults.heldCount('ReportMetrics') === 1, 'the stalled report');
  const closing = link.close();
  h.manager.sendGoaway();
  const beats = h.of('heartbeat').length;
  h.manager.faults.release();
  await closing;
  expect(h.of('registered')).toHaveLength(1);
  expect(h.of('heartbeat')).toHaveLength(beats);
  expect(h.delivered).toEqual([1]);
});

test('a move is given up when the connection to move from has ended: no call goes out unregistered', async () => {
  const link = h.start({ reconnectIntervalMs: 50 });
  await connected(link);
  h.proxy.set({ frozen: true });
  link.move(); // hangs
  h.proxy.drop();
  h.proxy.pass();
  await until(() => h.of('registered').length === 2, 'the second registration');
  await until(() => h.proxy.connections === 1, 'one connection');
  await connected(link);
});

describe('what the host says of itself', () => {
  test('is sent again when it changes, with a heartbeat at once', async () => {
    let labels: Record<string, string> = { rack: 'a' };
    const link = h.start({ host: () => ({ labels }), heartbeatIntervalMs: 60_000 });
    await until(() => h.of('states').length === 1, 'the first states');
    labels = { rack: 'b' };
    await link.renew();
    await until(() => h.of('registered').length === 2, 'the second registration');
    await until(() => h.of('heartbeat').length === 2, 'the heartbeat after it');
    expect(h.of('registered').map((event) => event.labels['rack'])).toEqual(['a', 'b']);
    await link.renew();
    expect(h.of('registered')).toHaveLength(2);
  });
});

test('events travel with the states until they are answered', async () => {
  h.waitingEvents = [1, 2, 3].map((number) => ({
    ...{ number, timestamp: 5, kind: 'agent-exited', agentId: 'a', message: 'gone', lastLines: ['last'] },
    details: new Map([['exit_code', '3']]),
  }));
  h.manager.faults.set('SyncAgentStates', { kind: 'refuse', message: 'not now' }, 1);
  const link = h.start({ heartbeatIntervalMs: 20 });
  await until(() => h.log.events('call-failed').length === 1, 'the refusal');
  expect(h.waitingEvents).toHaveLength(3);
  link.eventsWaiting();
  await until(() => h.waitingEvents.length === 0, 'the answer');
  const happened = h.of('happened').flatMap(({ events }) => events);
  expect(happened.map(({ number }) => number)).toEqual([1, 2, 3]);
  expect(happened[0]).toMatchObject({ kind: 'agent-exited', details: { exit_code: '3' }, lastLines: ['last'] });
});
