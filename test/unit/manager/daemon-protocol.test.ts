/** proto.DaemonService as the design document has it: Register, Heartbeat and ReportMetrics. */
import { status } from '@grpc/grpc-js';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { ReferenceManager } from '../../../src/manager/manager.ts';
import type { NodeEvent, RegistrationProtocol } from '../../../src/shared/contracts/manager-events.ts';
import { ManagerClient } from '../../support/manager-client.ts';

let manager: ReferenceManager;
let client: ManagerClient;
let events: NodeEvent[];

async function serve(...protocols: RegistrationProtocol[]): Promise<void> {
  manager = new ReferenceManager({ protocols, onEvent: (event) => events.push(event), stopGraceMs: 50 });
  client = ManagerClient.plaintext(await manager.start({ tlsFolder: null }));
}
const end = async (): Promise<void> => {
  client.close();
  await manager.stop();
};

beforeEach(async () => {
  events = [];
  await serve('daemon');
});
afterEach(end);

const cpu = { name: 'cpu', timestamp: '2023-11-14T22:13:20Z', values: { usage_percent: 12.5 } };

test('a host registers without an id and is given one: the same hostname the same again', async () => {
  const first = await client.registerAsDaemonService();
  const other = await client.registerAsDaemonService({ hostname: 'host-2' });
  const again = await client.registerAsDaemonService({ ip: '10.0.0.9' });
  expect([first, other, again]).toEqual([
    { nodeId: 'node-1', success: true, message: 'ok' },
    { nodeId: 'node-2', success: true, message: 'ok' },
    { nodeId: 'node-1', success: true, message: 'ok' },
  ]);
  expect(manager.nodes.get('node-1')?.registration).toMatchObject({ hostname: 'host-1', ip: '10.0.0.9' });
  expect(events[0]).toMatchObject({
    event: 'registered',
    protocol: 'daemon',
    nodeId: 'node-1',
    labels: { rack: '7' },
    accepted: true,
  });
});

test('a refused host takes no id', async () => {
  const refused = await client.registerAsDaemonService({ hostname: 'h'.repeat(101) });
  expect(refused).toEqual({ nodeId: '', success: false, message: 'hostname has more than 100 characters' });
  manager.faults.set('Register', { kind: 'refuse', message: 'no' }, 1);
  expect(await client.registerAsDaemonService({ hostname: 'host-2' })).toMatchObject({ nodeId: '', success: false });
  expect((await client.registerAsDaemonService()).nodeId).toBe('node-1');
});

test('heartbeats carry a status', async () => {
  expect((await client.heartbeatAsDaemonService('node-1')).success).toBe(true);
  expect(events).toMatchObject([{ event: 'heartbeat', protocol: 'daemon', nodeId: 'node-1', status: 'running' }]);
});

test('a report is a map of collectors', async () => {
  expect((await client.reportAsDaemonService({ cpu })).success).toBe(true);
  const metrics = [{ type: 'cpu', timestamp: 1_700_000_000, values: { usage_percent: 12.5 } }];
  expect(events).toMatchObject([{ event: 'report', protocol: 'daemon', accepted: true, metrics }]);
  expect(manager.nodes.get('node-1')?.metrics).toEqual(metrics);
});

test.each<[string, unknown, string]>([
  ['what is no JSON', '{"cpu":', 'data is not JSON'],
  ['an empty map', {}, 'the list of metrics is empty'],
  ['a number beyond all', JSON.stringify({ cpu }).replace('12.5', '1e999'), 'cpu.usage_percent is not a finite number'],
  ['a name of 21 characters', { ['x'.repeat(21)]: { ...cpu, name: 'x'.repeat(21) } }, 'has more than 20 characters'],
])('%s is refused, all of it', async (_, data, message) => {
  expect(await client.reportAsDaemonService(data)).toEqual({
    success: false,
    message: expect.stringContaining(message),
  });
  expect(events).toMatchObject([{ event: 'report', accepted: false }]);
  expect(manager.nodes.size).toBe(0);
});

test('faults of Heartbeat and ReportMetrics are of both services', async () => {
  manager.faults.set('ReportMetrics', { kind: 'refuse', message: 'no' });
  expect(await client.reportAsDaemonService('no JSON')).toEqual({ success: false, message: 'no' });
});

test.each<[RegistrationProtocol[], Record<string, number>]>([
  [['daemon'], { manager: status.UNIMPLEMENTED, daemon: 0 }],
  [['manager'], { manager: 0, daemon: status.UNIMPLEMENTED }],
  [['manager', 'daemon'], { manager: 0, daemon: 0 }],
])('%j: what it does not have answers UNIMPLEMENTED; SyncAgentStates it always has', async (protocols, codes) => {
  await end();
  await serve(...protocols);
  const code = (answer: Promise<{ success: boolean }>): Promise<number> =>
    answer.then(
      ({ success }) => (success ? 0 : -1),
      (error) => error.code,
    );
  expect({
    manager: await code(client.register()),
    daemon: await code(client.registerAsDaemonService()),
  }).toEqual(codes);
  expect(await code(client.heartbeat())).toBe(codes['manager']);
  expect(await code(client.heartbeatAsDaemonService('n'))).toBe(codes['daemon']);
  expect(await code(client.sync([]))).toBe(0);
});
