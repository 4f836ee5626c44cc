import { expect, test } from 'vitest';
import { renderEvent } from '../../../src/manager/render.ts';
import type {
  ManagerLine,
  NodeOverview,
  OperatedEvent,
  StreamEvent,
} from '../../../src/shared/contracts/manager-events.ts';
import { AGENT_STATE, REGISTRATION } from '../../support/manager-client.ts';

const accepted = { nodeId: 'n', receivedAtMs: Date.UTC(2020, 0, 1, 9, 15, 2), accepted: true, message: 'ok' };
const refused = { ...accepted, accepted: false, message: 'no' };

const operated: OperatedEvent = {
  event: 'operated',
  nodeId: 'n',
  operation: 'restart',
  agent: 'a',
  success: true,
  via: 'dial',
  status: 'OK',
  message: '',
  noSuchNode: false,
  result: null,
  durationMs: 5,
};
const stream: StreamEvent = {
  event: 'stream',
  nodeId: 'n',
  state: 'opened',
  reason: '',
  daemonVersion: '1',
  operations: [],
  maxRequests: 1,
};
const overview: NodeOverview = {
  nodeId: 'n',
  hostname: 'host-1',
  ip: '10.0.0.1',
  protocol: 'manager',
  offline: false,
  lastHeartbeatAtMs: accepted.receivedAtMs,
  registrations: 1,
  heartbeats: 1,
  reports: 1,
  rows: 4,
  doubles: 1,
  agents: [{ agentId: 'a', status: 'running' }],
  stream: true,
};
const happening = { timestamp: 1, agentId: 'a', details: {}, lastLines: [] };
const update = {
  number: 2,
  updateId: 'u',
  component: 'agent',
  agentId: 'a',
  success: true,
  oldVersion: '1',
  newVersion: '2',
  code: '',
  error: '',
  rolledBack: false,
  timestamp: 1,
};

test.each<[ManagerLine, string]>([
  [{ event: 'listening', port: 9090 }, 'listening on port 9090'],
  [{ event: 'fault', fault: 'stall', method: 'Heartbeat' }, 'fault: stall Heartbeat'],
  [{ event: 'fault', fault: 'drop' }, 'fault: drop'],
  [{ event: 'fault', fault: '', error: 'why' }, 'fault not set: why'],
  [
    { ...REGISTRATION, ...accepted, event: 'registered', labels: {} },
    '09:15:02 n registers: host-1 10.0.0.1 linux/amd64 daemon 0.1.0',
  ],
  [{ ...accepted, event: 'heartbeat', timestamp: 1 }, '09:15:02 n heartbeat'],
  [{ ...refused, event: 'heartbeat', timestamp: 1 }, '09:15:02 n heartbeat  refused: no'],
  [
    {
      ...accepted,
      event: 'report',
      metrics: [
        { type: 'cpu', timestamp: 1, values: { usage_percent: 12.345 } },
        { type: 'other', timestamp: 1, values: { x: 1 } },
      ],
    },
    '09:15:02 n reports cpu usage_percent=12.3, other',
  ],
  [
    {
      ...accepted,
      event: 'states',
      updates: [],
      states: [AGENT_STATE, { ...AGENT_STATE, agentId: 'b', status: 'stopped', pid: 0 }],
    },
    '09:15:02 n agents: agent-1 running (4711), b stopped',
  ],
  [{ ...accepted, event: 'states', updates: [], states: [] }, '09:15:02 n agents: none'],
  [stream, 'n stream opened'],
  [{ ...stream, nodeId: '', state: 'refused', reason: 'no' }, 'a stream refused: no'],
  [
    { event: 'answered', nodeId: 'n', id: 3, status: 'NOT_FOUND', message: 'no such agent', expected: true },
    'n answers request 3: NOT_FOUND no such agent',
  ],
  [
    {
      event: 'happened',
      nodeId: 'n',
      receivedAtMs: accepted.receivedAtMs,
      via: 'stream',
      events: [{ ...happening, number: 1, kind: 'agent-exited', message: 'it ended' }],
      updates: [update, { ...update, number: 3, agentId: '', component: 'daemon', success: false, error: 'no room' }],
    },
    '09:15:02 n tells: 1 agent-exited: it ended, update 2: a 2, update 3: daemon 2 failed: no room',
  ],
  [operated, 'n restart a (dial): done'],
  [
    { ...operated, success: false, status: 'INTERNAL', message: 'it broke' },
    'n restart a (dial): failed: INTERNAL it broke',
  ],
  [{ event: 'connected', number: 1, remoteAddress: '::1', remotePort: 5 }, 'connected: ::1 port 5'],
  [{ event: 'tls' }, 'certificates read anew'],
  [{ event: 'tls', error: 'no key' }, 'the old certificates stay: no key'],
  [
    { event: 'frozen', nodeId: 'n', operation: 'stop', status: 'UNAVAILABLE', message: 'gone' },
    'frozen: calls no node any more, since stop on n ended UNAVAILABLE gone',
  ],
  [{ event: 'nodes', nodes: [] }, 'no nodes'],
  [
    { event: 'nodes', nodes: [overview] },
    'n: host-1 10.0.0.1 (manager); seen 09:15:02; with a stream; 4 entries, 1 double; a running',
  ],
  [
    {
      event: 'nodes',
      nodes: [
        { ...overview, protocol: null, offline: true, lastHeartbeatAtMs: 0, stream: false, doubles: 2, agents: [] },
      ],
    },
    'n: never registered; offline; no stream; 4 entries, 2 doubles; no agents',
  ],
  [{ event: 'nodes', nodes: [{ ...overview, lastHeartbeatAtMs: 0 }] }, expect.stringContaining('no heartbeat yet')],
  [{ event: 'deleted', nodeId: 'n', existed: true }, 'n deleted'],
  [{ event: 'deleted', nodeId: 'n', existed: false }, 'there is no node n'],
])('%j', (event, line) => {
  expect(renderEvent(event)).toEqual(line);
});
