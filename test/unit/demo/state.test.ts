import { describe, expect, test } from 'vitest';
import { afterEvent, type DemoEvent, type DemoState, NEW_STATE, summarise } from '../../../src/demo/state.ts';
import type { ManagerEvent } from '../../../src/shared/contracts/manager-events.ts';
import { AGENT_STATE, REGISTRATION } from '../../support/manager-client.ts';

const answered = { nodeId: 'node-1', receivedAtMs: 5000, accepted: true, message: 'ok' };
const manager = (event: ManagerEvent): DemoEvent => ({ from: 'manager', event });
const log = (line: Record<string, unknown>): DemoEvent => ({ from: 'log', line });
const report = (type: string, timestamp: number, values: Record<string, number>, accepted = true): DemoEvent =>
  manager({ ...answered, accepted, event: 'report', metrics: [{ type, timestamp, values }] });
const gathered = (...events: DemoEvent[]): DemoState => events.reduce(afterEvent, NEW_STATE);

describe('what the Manager received', () => {
  test('a registration', () => {
    const event = { ...REGISTRATION, ...answered, event: 'registered', labels: {} } as const;
    expect(gathered(manager(event))).toMatchObject({ registered: true, nodeId: 'node-1', hostname: 'host-1' });
    expect(gathered(manager({ ...event, accepted: false }))).toEqual(NEW_STATE);
  });

  test('heartbeats: only those that it took', () => {
    const beat = { ...answered, event: 'heartbeat', timestamp: 5 } as const;
    const state = gathered(
      manager(beat),
      manager({ ...beat, accepted: false, receivedAtMs: 9000 }),
      manager({ ...beat, receivedAtMs: 7000 }),
    );
    expect(state).toMatchObject({ heartbeats: 2, lastHeartbeatAtMs: 7000 });
  });

  test("a collector's latest values: not those of an older sample that came later", () => {
    const state = gathered(report('cpu', 10, { a: 1 }), report('cpu', 9, { a: 2 }), report('cpu', 11, { a: 3 }, false));
    expect(state.collectors['cpu']).toEqual({ timestamp: 10, values: { a: 1 }, durationMs: null });
    expect(state.metricReports).toBe(2);
  });

  test("an agent's latest state", () => {
    const states = (status: string) =>
      manager({ ...answered, event: 'states', updates: [], states: [{ ...AGENT_STATE, status }] });
    expect(gathered(states('starting'), states('running')).agents).toEqual({
      'agent-1': { ...AGENT_STATE, status: 'running' },
    });
  });
});

describe("the daemon's log", () => {
  test.each<[Record<string, unknown>, Partial<DemoState>]>([
    [
      { event: 'link-state', state: 'backing-off', reason: 'no route' },
      { link: { state: 'backing-off', reason: 'no route' } },
    ],
    [{ event: 'link-state', state: 'connected' }, { link: { state: 'connected', reason: '' } }],
    [{ event: 'heartbeat', roundTripMs: 1.5 }, { heartbeatRoundTripMs: 1.5 }],
    [{ event: 'reported', roundTripMs: 2.5, entries: 4 }, { reportRoundTripMs: 2.5 }],
    [
      { event: 'collected', collector: 'cpu', durationMs: 3 },
      { collectors: { cpu: { timestamp: 0, values: {}, durationMs: 3 } } },
    ],
    [{ event: 'heartbeat', roundTripMs: 'soon' }, { heartbeatRoundTripMs: null }],
    [{ event: 'something-else' }, {}],
    [{ msg: 'no event' }, {}],
  ])('%j', (line, change) => {
    expect(gathered(log(line))).toEqual({ ...NEW_STATE, ...change });
  });

  test('a duration and the values that belong to it meet', () => {
    const state = gathered(log({ event: 'collected', collector: 'cpu', durationMs: 3 }), report('cpu', 10, { a: 1 }));
    expect(state.collectors['cpu']).toEqual({ timestamp: 10, values: { a: 1 }, durationMs: 3 });
  });
});

test('what the kernel no longer lists is forgotten', () => {
  const usage = { rssBytes: 1, cpuPercent: 2 };
  const state = gathered({ from: 'kernel', usage: { 7: usage, 8: usage } }, { from: 'kernel', usage: { 8: usage } });
  expect(state.usage).toEqual({ 8: usage });
});

test('the summary: what the Manager received and the kernel said', () => {
  const state = gathered(
    manager({ ...REGISTRATION, ...answered, event: 'registered', labels: {} }),
    manager({ ...answered, event: 'heartbeat', timestamp: 5 }),
    report('cpu', 10, { usage_percent: 12 }),
    log({ event: 'collected', collector: 'disk', durationMs: 3 }),
    manager({ ...answered, event: 'states', updates: [], states: [AGENT_STATE] }),
    { from: 'kernel', usage: { 99: { rssBytes: 20_000_000, cpuPercent: 0.5 } } },
  );
  expect(summarise({ ...state, daemonPid: 99 })).toEqual({
    registered: true,
    heartbeats: 1,
    metricReports: 1,
    collectors: { cpu: { usage_percent: 12 } },
    agents: [{ id: 'agent-1', status: 'running', pid: 4711, restarts: 2 }],
    rssBytes: 20_000_000,
    cpuPercent: 0.5,
  });
});

test('the summary of nothing', () => {
  const nothing = {
    registered: false,
    heartbeats: 0,
    metricReports: 0,
    collectors: {},
    agents: [],
    rssBytes: 0,
    cpuPercent: 0,
  };
  expect(summarise(NEW_STATE)).toEqual(nothing);
});
