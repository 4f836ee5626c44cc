import { expect, test } from 'vitest';
import { EntryCounts } from '../../../src/manager/entry-counts.ts';
import { nodeOverview } from '../../../src/manager/node-overview.ts';
import { isOffline, NodeRecords } from '../../../src/manager/records.ts';
import type { NodeEvent, ReportedState } from '../../../src/shared/contracts/manager-events.ts';
import { AGENT_STATE, REGISTRATION } from '../../support/manager-client.ts';

const answered = { nodeId: 'n', accepted: true, message: 'ok' };
const states = (change: Partial<ReportedState>): NodeEvent => ({
  ...answered,
  event: 'states',
  updates: [],
  receivedAtMs: 1,
  states: [{ ...AGENT_STATE, ...change }],
});

test('a registration clears "last seen"', () => {
  const records = new NodeRecords();
  records.keep({ ...answered, event: 'heartbeat', timestamp: 1, receivedAtMs: 5000 });
  expect(records.nodes.get('n')?.lastHeartbeatAtMs).toBe(5000);
  records.keep({ ...REGISTRATION, ...answered, event: 'registered', receivedAtMs: 6000, labels: {} });
  expect(records.nodes.get('n')).toMatchObject({ lastHeartbeatAtMs: 0, heartbeats: 1, registrations: 1 });
});

test('pid 0, heartbeat 0 and empty texts never replace what there is; the status always does', () => {
  const records = new NodeRecords();
  records.keep(states({}));
  records.keep(states({ status: 'stopped', pid: 0, lastHeartbeat: 0, type: '', version: '', restartCount: 3 }));
  expect(records.nodes.get('n')?.states.get('agent-1')).toEqual({ ...AGENT_STATE, status: 'stopped', restartCount: 3 });
});

test('agents are never removed', () => {
  const records = new NodeRecords();
  records.keep(states({}));
  records.keep({ ...answered, event: 'states', updates: [], receivedAtMs: 1, states: [] });
  expect(records.nodes.get('n')?.states.size).toBe(1);
});

test('of the metrics the oldest go', () => {
  const records = new NodeRecords();
  const metrics = Array.from({ length: 10_001 }, (_, at) => ({ type: 'cpu', timestamp: at, values: {} }));
  records.keep({ ...answered, event: 'report', receivedAtMs: 1, metrics });
  expect(records.nodes.get('n')?.metrics).toHaveLength(10_000);
  expect(records.nodes.get('n')?.metrics[0]?.timestamp).toBe(1);
});

test('rows are counted, doubles too', () => {
  const records = new NodeRecords();
  const metrics = [1, 2, 1].map((timestamp) => ({ type: 'cpu', timestamp, values: {} }));
  records.keep({ ...answered, event: 'report', receivedAtMs: 1, metrics });
  records.keep({
    ...answered,
    event: 'report',
    receivedAtMs: 1,
    metrics: [{ type: 'disk', timestamp: 1, values: {} }],
  });
  expect(records.nodes.get('n')?.entries).toMatchObject({ rows: 4, doubles: 1 });
});

test('what was counted long ago is forgotten', () => {
  const counts = new EntryCounts(2);
  for (const key of ['a', 'b', 'c', 'a', 'c']) counts.count(key);
  expect(counts).toMatchObject({ rows: 5, doubles: 1 });
});

test('offline after 3 min of silence; never without a heartbeat since the registration', () => {
  const records = new NodeRecords();
  const of = (nowMs: number): boolean | undefined => {
    const node = records.nodes.get('n');
    return node && isOffline(node, nowMs);
  };
  records.keep({ ...answered, event: 'heartbeat', timestamp: 1, receivedAtMs: 1000 });
  expect([of(181_000), of(181_001)]).toEqual([false, true]);
  records.keep({ ...REGISTRATION, ...answered, event: 'registered', receivedAtMs: 6000, labels: {} });
  expect(of(10 ** 12)).toBe(false);
});

test('a heartbeat from nowhere: a row of unknowns, where that is wanted', () => {
  const beat: NodeEvent = { ...answered, event: 'heartbeat', timestamp: 1, receivedAtMs: 1000 };
  const [plain, existing] = [new NodeRecords(), new NodeRecords({ rowsOfUnknowns: true })];
  plain.keep(beat);
  existing.keep(beat);
  expect(plain.nodes.get('n')?.registration).toBeNull();
  expect(existing.nodes.get('n')?.registration).toMatchObject({ hostname: 'unknown', ip: 'unknown', os: 'unknown' });
  expect(existing.nodes.get('n')?.registrations).toBe(0);
});

test('who is deleted is gone, until it registers again', () => {
  const records = new NodeRecords();
  expect(records.delete('n')).toBe(false);
  records.keep(states({}));
  expect([records.delete('n'), records.isDeleted('n'), records.nodes.size]).toEqual([true, true, 0]);
  records.keep({ ...REGISTRATION, ...answered, event: 'registered', receivedAtMs: 6000, labels: {} });
  expect(records.isDeleted('n')).toBe(false);
});

test('events and results of updates: each number once, the oldest go', () => {
  const records = new NodeRecords();
  const event = { timestamp: 1, kind: 'k', agentId: '', message: '', details: {}, lastLines: [] };
  const happened = { nodeId: 'n', receivedAtMs: 1, via: 'sync' as const };
  const events = Array.from({ length: 1001 }, (_, at) => ({ ...event, number: at + 1 }));
  records.keepHappened({ ...happened, event: 'happened', updates: [], events });
  records.keepHappened({
    ...happened,
    event: 'happened',
    updates: [],
    events: [{ ...event, number: 1001, message: 'again' }],
  });
  const kept = records.nodes.get('n')?.events;
  expect([kept?.size, kept?.has(1), kept?.get(1001)?.message]).toEqual([1000, false, 'again']);
});

test('an overview', () => {
  const records = new NodeRecords();
  records.keep({
    ...REGISTRATION,
    ...answered,
    protocol: 'daemon',
    event: 'registered',
    receivedAtMs: 6000,
    labels: {},
  });
  records.keep(states({}));
  expect(nodeOverview(records.nodes, () => true, 0)).toEqual([
    {
      nodeId: 'n',
      hostname: 'host-1',
      ip: '10.0.0.1',
      protocol: 'daemon',
      offline: false,
      lastHeartbeatAtMs: 0,
      registrations: 1,
      heartbeats: 0,
      reports: 0,
      rows: 0,
      doubles: 0,
      agents: [{ agentId: 'agent-1', status: 'running' }],
      stream: true,
    },
  ]);
});
