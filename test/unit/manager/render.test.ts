import { expect, test } from 'vitest';
import { renderEvent } from '../../../src/manager/render.ts';
import type { ManagerEvent } from '../../../src/shared/contracts/manager-events.ts';
import { AGENT_STATE, REGISTRATION } from '../../support/manager-client.ts';

const accepted = { nodeId: 'n', receivedAtMs: Date.UTC(2020, 0, 1, 9, 15, 2), accepted: true, message: 'ok' };
const refused = { ...accepted, accepted: false, message: 'no' };

test.each<[ManagerEvent, string]>([
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
])('%j', (event, line) => {
  expect(renderEvent(event)).toBe(line);
});
