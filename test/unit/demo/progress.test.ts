import { expect, test } from 'vitest';
import { changes, statusLine } from '../../../src/demo/progress.ts';
import { type DemoState, NEW_STATE } from '../../../src/demo/state.ts';
import { AGENT_STATE } from '../../support/manager-client.ts';

const cpu = (timestamp: number) => ({ cpu: { timestamp, values: { usage_percent: 1 }, durationMs: null } });
const agents = (change: object) => ({ agents: { 'agent-1': { ...AGENT_STATE, ...change } } });

test.each<[string, Partial<DemoState>, Partial<DemoState>, string[]]>([
  ['nothing', {}, {}, []],
  [
    'the link',
    {},
    { link: { state: 'backing-off', reason: 'no route' } },
    ['link to the Manager: backing-off (no route)'],
  ],
  ['the registration', {}, { registered: true, nodeId: 'n', hostname: 'h' }, ['registered as n (h)']],
  ['the first heartbeat', {}, { heartbeats: 1 }, ['first heartbeat received']],
  ['a later heartbeat', { heartbeats: 1 }, { heartbeats: 2 }, []],
  ['a duration without a report', {}, { collectors: cpu(0) }, []],
  ['the first report', { collectors: cpu(0) }, { collectors: cpu(1) }, ['first report of cpu: 1.0 %']],
  ['a later report', { collectors: cpu(1) }, { collectors: cpu(2) }, []],
  ['a new agent', {}, agents({}), ['agent agent-1 is running with pid 4711']],
  [
    'an agent that fails',
    agents({}),
    agents({ status: 'failed', pid: 0, reason: 'no' }),
    ['agent agent-1 is failed: no'],
  ],
  ['an agent with another pid', agents({}), agents({ pid: 5 }), ['agent agent-1 is running with pid 5']],
  ['only its heartbeat', agents({}), agents({ lastHeartbeat: 1 }), []],
])('%s', (_, before, after, lines) => {
  expect(changes({ ...NEW_STATE, ...before }, { ...NEW_STATE, ...after })).toEqual(lines);
});

test('the status line', () => {
  expect(statusLine(NEW_STATE)).toBe(
    'heartbeats 0 (round trip -), reports 0, agents running 0 of 0, daemon not running',
  );
  const state = { ...NEW_STATE, ...agents({}), heartbeats: 3, heartbeatRoundTripMs: 1, metricReports: 2, daemonPid: 9 };
  const usage = { 9: { rssBytes: 20_000_000, cpuPercent: 1 } };
  expect(statusLine({ ...state, usage })).toBe(
    'heartbeats 3 (round trip 1.0 ms), reports 2, agents running 1 of 1, daemon 20.0 MB, CPU 1.0 %',
  );
});
