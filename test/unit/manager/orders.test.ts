import { afterEach, beforeEach, expect, test } from 'vitest';
import { ReferenceManager } from '../../../src/manager/manager.ts';
import { carryOut } from '../../../src/manager/orders.ts';
import type { ManagerNotice } from '../../../src/shared/contracts/manager-events.ts';
import { systemClock } from '../../../src/shared/platform/clock.ts';
import { ManagerClient } from '../../support/manager-client.ts';
import { waitFor } from '../../support/wait-until.ts';

let manager: ReferenceManager;
let client: ManagerClient;
let notices: ManagerNotice[];

beforeEach(async () => {
  notices = [];
  manager = new ReferenceManager({ connections: true, onNotice: (notice) => notices.push(notice), stopGraceMs: 50 });
  client = ManagerClient.plaintext(await manager.start({ tlsFolder: null }));
  await client.register();
});
afterEach(async () => {
  client.close();
  await manager.stop();
});

const order = (json: unknown) => carryOut(manager, json, systemClock);

test('a fault of a method, and its end', async () => {
  expect(await order({ fault: 'refuse', method: 'Heartbeat', message: 'no' })).toEqual({
    event: { event: 'fault', fault: 'refuse', method: 'Heartbeat' },
  });
  expect(await client.heartbeat()).toEqual({ success: false, message: 'no' });
  expect(await order({ fault: 'clear' })).toEqual({ event: { event: 'fault', fault: 'clear' } });
  expect((await client.heartbeat()).success).toBe(true);
});

test('faults of connections', async () => {
  const open = (): number => notices.filter(({ event }) => event === 'connected').length;
  await order({ fault: 'goaway', everyCalls: 2 });
  for (let calls = 0; calls < 4; calls++) await client.heartbeat();
  await client.heartbeat();
  expect(open()).toBe(3);
  await order({ fault: 'clear' });
  for (let calls = 0; calls < 4; calls++) await client.heartbeat();
  expect(open()).toBe(3);
  await order({ fault: 'goaway' });
  await waitFor(() => manager.connections === 0, { what: 'the planned end' });
  await order({ fault: 'cut', bytes: 1, times: 1 });
  await expect(client.heartbeat()).rejects.toMatchObject({ code: expect.any(Number) });
  await waitFor(async () => (await client.heartbeat()).success, { what: 'a connection that is not cut' });
  await order({ fault: 'drop' });
  await waitFor(() => manager.connections === 0, { what: 'the reset' });
});

test('streams are held, and released', async () => {
  await expect(order({ fault: 'hold-stream' })).rejects.toThrow('there is no such stream');
  const stream = client.connect();
  await waitFor(() => manager.streams.of('node-1'), { what: 'the stream' });
  await order({ fault: 'hold-stream', node: 'node-1' });
  stream.call.write({ answer: { id: 1, status: 0, message: '' } });
  await client.heartbeat();
  expect(notices.some(({ event }) => event === 'answered')).toBe(false);
  await order({ fault: 'release', method: 'Heartbeat' });
  await client.heartbeat();
  expect(notices.some(({ event }) => event === 'answered')).toBe(false);
  await order({ fault: 'release', method: 'Connect' });
  await waitFor(() => notices.some(({ event }) => event === 'answered'), { what: 'what was held' });
});

test('certificates that cannot be read anew', async () => {
  await expect(order({ fault: 'reload-tls' })).rejects.toThrow('it serves in plaintext');
});

test('nodes, operations, the end of a node', async () => {
  expect(await order({ op: 'nodes' })).toMatchObject({ event: { event: 'nodes', nodes: [{ nodeId: 'node-1' }] } });
  expect(await order({ op: 'list', node: 'stranger', tag: 't' })).toMatchObject({
    outcome: { success: false, noSuchNode: true },
  });
  expect(notices.at(-1)).toMatchObject({ event: 'operated', tag: 't' });
  expect(await order({ op: 'delete', node: 'node-1' })).toEqual({
    event: { event: 'deleted', nodeId: 'node-1', existed: true },
  });
  expect(await order({ op: 'delete', node: 'node-1' })).toMatchObject({ event: { existed: false } });
  // only with --like existing for good
  expect((await client.register()).success).toBe(true);
});

test.each([
  [[], 'not a JSON object'],
  [null, 'not a JSON object'],
  ['stall', 'not a JSON object'],
  [{ fault: 'explode' }, 'unknown fault'],
  [{ op: 'explode', node: 'n' }, 'unknown op'],
  [{ op: 'delete' }, 'node is not a text'],
])('%j is refused', async (json, message) => {
  await expect(order(json)).rejects.toThrow(message);
});
