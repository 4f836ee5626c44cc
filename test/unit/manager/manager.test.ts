import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type ConnectionOptions, connect } from 'node:tls';
import { status } from '@grpc/grpc-js';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { createAuthority, createCertificates } from '../../../src/demo/certificates.ts';
import { ReferenceManager } from '../../../src/manager/manager.ts';
import type { NodeEvent } from '../../../src/shared/contracts/manager-events.ts';
import { AGENT_STATE, ManagerClient } from '../../support/manager-client.ts';
import { temporaryFolder } from '../../support/temp-folder.ts';
import { waitFor } from '../../support/wait-until.ts';

const CPU = { type: 'cpu', timestamp: 1_700_000_000, values: new Map([['usage_percent', 12.5]]) };

let folder: { path: string; remove(): Promise<void> };
let manager: ReferenceManager;
let client: ManagerClient;
let port: number;
let events: NodeEvent[];

beforeAll(async () => {
  folder = await temporaryFolder('manager');
  await createCertificates(folder.path);
});
afterAll(() => folder.remove());

beforeEach(async () => {
  events = [];
  manager = new ReferenceManager({ onEvent: (event) => events.push(event), stopGraceMs: 50 });
  port = await manager.start({ tlsFolder: folder.path });
  client = await ManagerClient.open(port, folder.path);
});
afterEach(async () => {
  client.close();
  await manager.stop();
});

describe('what it takes', () => {
  test('a registration, with its labels', async () => {
    expect(await client.register()).toEqual({ success: true, message: 'ok' });
    expect(manager.nodes.get('node-1')?.registration).toMatchObject({
      hostname: 'host-1',
      arch: 'amd64',
      labels: { rack: '7' },
    });
    expect(events).toMatchObject([{ event: 'registered', nodeId: 'node-1', accepted: true }]);
  });

  test('a heartbeat, of a node that it never saw too', async () => {
    expect((await client.heartbeat('stranger', 42)).success).toBe(true);
    expect(manager.nodes.get('stranger')).toMatchObject({ registration: null, heartbeats: 1 });
    expect(events).toMatchObject([{ event: 'heartbeat', nodeId: 'stranger', timestamp: 42 }]);
  });

  test('a report, entry by entry, without looking for doubles', async () => {
    await client.report([CPU, CPU]);
    const entry = { type: 'cpu', timestamp: 1_700_000_000, values: { usage_percent: 12.5 } };
    expect(manager.nodes.get('node-1')?.metrics).toEqual([entry, entry]);
  });

  test("agents' states, but for those that do not fit", async () => {
    const answer = await client.sync([
      AGENT_STATE,
      { ...AGENT_STATE, agentId: '' },
      { ...AGENT_STATE, agentId: 'b', status: 'x'.repeat(21) },
    ]);
    expect(answer.success).toBe(true);
    expect([...(manager.nodes.get('node-1')?.states.keys() ?? [])]).toEqual(['agent-1']);
    expect(events).toMatchObject([
      { event: 'states', states: [{ agentId: 'agent-1', restartCount: 2, startTime: 1_699_999_000 }] },
    ]);
  });

  test('an empty list of states', async () => {
    expect((await client.sync([])).success).toBe(true);
  });
});

describe('what it refuses', () => {
  test('a field that is too long: success false, and nothing is kept', async () => {
    const answer = await client.register({ hostname: 'h'.repeat(101) });
    expect(answer).toEqual({ success: false, message: 'hostname has more than 100 characters' });
    expect(manager.nodes.size).toBe(0);
    expect(events).toMatchObject([{ event: 'registered', accepted: false }]);
  });

  test('an empty report', async () => {
    expect((await client.report([])).success).toBe(false);
  });

  test('states without a node id: INVALID_ARGUMENT', async () => {
    await expect(client.sync([AGENT_STATE], '')).rejects.toMatchObject({ code: status.INVALID_ARGUMENT });
  });

  test('methods that it does not have: UNIMPLEMENTED', async () => {
    const request = { hostname: '', ip: '', os: '', arch: '', labels: new Map(), daemonVersion: '', agentVersion: '' };
    await expect(client.registerAsDaemonService(request)).rejects.toMatchObject({ code: status.UNIMPLEMENTED });
  });

  test('a message over 10 MiB: RESOURCE_EXHAUSTED; one of 9 MiB is taken', async () => {
    const long = (mib: number) => ({ ...CPU, values: new Map([['k'.repeat(mib * 1024 * 1024), 1]]) });
    await expect(client.report([long(10)])).rejects.toMatchObject({ code: status.RESOURCE_EXHAUSTED });
    expect((await client.report([long(9)])).success).toBe(true);
  });
});

describe('the connection', () => {
  /** `accepted` once the server has spoken HTTP/2, else what ended it. */
  async function dial(options: ConnectionOptions): Promise<string> {
    const socket = connect({ host: '127.0.0.1', port, ALPNProtocols: ['h2'], ...options });
    try {
      return await new Promise((resolve) => {
        socket.on('data', () => resolve('accepted'));
        socket.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
        socket.on('close', () => resolve('closed'));
      });
    } finally {
      socket.destroy();
    }
  }
  const identity = async () => ({
    ca: await readFile(join(folder.path, 'ca.crt')),
    cert: await readFile(join(folder.path, 'client.crt')),
    key: await readFile(join(folder.path, 'client.key')),
  });

  test.each<[string, () => Promise<ConnectionOptions>, string]>([
    ['TLS 1.3 with a certificate', identity, 'accepted'],
    ['TLS 1.2', async () => ({ ...(await identity()), maxVersion: 'TLSv1.2' }), 'ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION'],
    ['no client certificate', async () => ({ ca: (await identity()).ca }), 'ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED'],
    [
      "another authority's certificate",
      async () => {
        const stranger = await (await createAuthority('another CA')).issue({ name: 'stranger' });
        return { ...stranger, ca: (await identity()).ca };
      },
      'closed',
    ],
  ])('%s', async (_, options, outcome) => {
    expect(await dial(await options())).toBe(outcome);
  });

  test('dropping resets what is open; the next call finds a new connection', async () => {
    await client.heartbeat();
    expect(manager.connections).toBe(1);
    manager.dropConnections();
    await waitFor(() => manager.connections === 0, { what: 'the end of the connection' });
    await waitFor(async () => (await client.heartbeat()).success, { what: 'a heartbeat on a new connection' });
    expect(manager.nodes.get('node-1')?.heartbeats).toBe(2);
  });

  test('a planned goodbye loses no call', async () => {
    await client.heartbeat();
    manager.sendGoaway();
    await waitFor(() => manager.connections === 0, { what: 'the end of the connection' });
    expect((await client.heartbeat()).success).toBe(true);
  });

  test('a folder without certificates is named', async () => {
    const another = new ReferenceManager();
    await expect(another.start({ tlsFolder: '/nowhere' })).rejects.toThrow('/nowhere/ca.crt cannot be read');
    await another.stop();
  });

  test('stopping ends calls that are held, and the port is free afterwards', async () => {
    manager.faults.set('Heartbeat', { kind: 'stall' });
    const held = client.heartbeat();
    const outcome = expect(held).rejects.toMatchObject({ code: expect.any(Number) });
    await waitFor(() => manager.faults.heldCount('Heartbeat') === 1, { what: 'a held heartbeat' });
    await manager.stop();
    await outcome;
    expect(manager.nodes.size).toBe(0);
    const next = new ReferenceManager();
    expect(await next.start({ port, tlsFolder: folder.path })).toBe(port);
    await next.stop();
  });
});

describe('faults on order', () => {
  test('refuse, once', async () => {
    manager.faults.set('RegisterNode', { kind: 'refuse', message: 'duplicate key' }, 1);
    expect(await client.register()).toEqual({ success: false, message: 'duplicate key' });
    expect(await client.register()).toEqual({ success: true, message: 'ok' });
    expect(events.map((event) => event.accepted)).toEqual([false, true]);
  });

  test('refuse with a status', async () => {
    manager.faults.set('Heartbeat', { kind: 'refuse', message: 'later', status: status.UNAVAILABLE });
    await expect(client.heartbeat()).rejects.toMatchObject({ code: status.UNAVAILABLE, details: 'later' });
    manager.faults.clear();
    expect((await client.heartbeat()).success).toBe(true);
  });

  test('stall, then release: served as if nothing had been', async () => {
    manager.faults.set('ReportMetrics', { kind: 'stall' }, 1);
    const report = client.report([CPU]);
    await waitFor(() => manager.faults.heldCount() === 1, { what: 'a held report' });
    expect(manager.nodes.size).toBe(0);
    manager.faults.release();
    expect((await report).success).toBe(true);
    expect(manager.nodes.get('node-1')?.reports).toBe(1);
  });

  test('lose: kept, but never answered', async () => {
    manager.faults.set('ReportMetrics', { kind: 'lose' });
    const outcome = expect(client.report([CPU])).rejects.toMatchObject({ code: expect.any(Number) });
    await waitFor(() => manager.nodes.get('node-1')?.reports === 1, { what: 'the report' });
    await manager.stop();
    await outcome;
  });

  test('delay', async () => {
    manager.faults.set('Heartbeat', { kind: 'delay', ms: 40 });
    const startedMs = performance.now();
    expect((await client.heartbeat()).success).toBe(true);
    expect(performance.now() - startedMs).toBeGreaterThanOrEqual(39);
  });

  test('a caller that gives up is not served any more', async () => {
    manager.faults.set('Heartbeat', { kind: 'stall' });
    const outcome = expect(client.heartbeat()).rejects.toMatchObject({ code: expect.any(Number) });
    await waitFor(() => manager.faults.heldCount() === 1, { what: 'a held heartbeat' });
    client.close();
    manager.dropConnections();
    await outcome;
    await waitFor(() => manager.faults.heldCount() === 0, { what: 'the end of the held call' });
    manager.faults.release();
    expect(events).toEqual([]);
  });
});
