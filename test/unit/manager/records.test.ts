import { expect, test } from 'vitest';
import { NodeRecords } from '../../../src/manager/records.ts';
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
