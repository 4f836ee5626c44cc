import { beforeEach, describe, expect, test } from 'vitest';
import { HealthMonitor, type MonitoredAgent, nextInCadence } from '../../../../src/main/agents/health-monitor.ts';
import type { WatchedProcess } from '../../../../src/main/agents/instance.ts';
import type { AgentConfig } from '../../../../src/shared/config/schema.ts';
import type { HealthFinding, HealthTarget, ResourceAlert } from '../../../../src/shared/contracts/health.ts';
import { agentConfig } from '../../../fakes/agent-config.ts';
import { FakeClock } from '../../../fakes/clock.ts';
import { FakeLog } from '../../../fakes/log.ts';

class FakeAgent implements MonitoredAgent {
  config: AgentConfig;
  watched: WatchedProcess | null;
  passed = 0;
  verdicts: string[] = [];

  constructor(id: string, over: Partial<AgentConfig> = {}, awaitsHealth = false) {
    this.config = agentConfig({ id, ...over });
    const identity = { pid: id.charCodeAt(0), startTicks: 1, bootId: 'b' };
    this.watched = { identity, startedMs: clock.nowMs(), lastHeartbeatMs: null, awaitsHealth };
  }

  healthy(): void {
    this.passed++;
    if (this.watched) this.watched = { ...this.watched, awaitsHealth: false };
  }

  unhealthy(_: unknown, reason: string): Promise<void> {
    this.verdicts.push(reason);
    return Promise.resolve();
  }
}

let clock: FakeClock;
let log: FakeLog;
let agents: FakeAgent[];
let rounds: { atMs: number; targets: HealthTarget[]; deadlineMs: number }[];
let alerts: ResourceAlert[];
let changes: number;
let answer: (target: HealthTarget) => Partial<HealthFinding>;
let hold: Promise<void> | null;

beforeEach(() => {
  clock = new FakeClock();
  log = new FakeLog();
  agents = [];
  rounds = [];
  alerts = [];
  changes = 0;
  answer = () => ({});
  hold = null;
});

function monitor(): HealthMonitor {
  const made = new HealthMonitor({
    agents: () => agents,
    check: async (targets, { deadlineMs }) => {
      rounds.push({ atMs: clock.nowMs() - 1_000_000, targets, deadlineMs });
      if (hold !== null) await hold;
      return targets.map((target) => ({
        id: target.id,
        pid: target.pid,
        startTicks: target.startTicks,
        process: { alive: true, state: 'S', reason: '' },
        usage: {
          cpuPercent: 10,
          rssBytes: 1000,
          vmsBytes: 2000,
          diskReadBytes: 1,
          diskWriteBytes: 2,
          openFiles: 3,
          threads: 1,
        },
        http: target.http ? { ok: true, status: 200, reason: '', durationMs: 1 } : null,
        counters: null,
        ...answer(target),
      }));
    },
    after: (delayMs, _name, run) => clock.after(delayMs, run),
    clock,
    log,
    onAlert: (alert) => alerts.push(alert),
    onResults: () => changes++,
  });
  made.changed();
  return made;
}
const limits = (over: Partial<AgentConfig['healthCheck']>): Partial<AgentConfig> => ({
  healthCheck: { ...agentConfig({ id: 'x' }).healthCheck, ...over },
});

test('nextInCadence is always later than now', () => {
  expect([999, 1000, 1001, 30_999, 31_000].map((nowMs) => nextInCadence(1000, 30_000, nowMs))).toEqual([
    1000, 31_000, 31_000, 31_000, 61_000,
  ]);
});

describe('HealthMonitor', () => {
  test('agents with the same interval share a round, whenever they came', async () => {
    agents = [new FakeAgent('a')];
    const made = monitor();
    await clock.advance(12_345);
    agents.push(new FakeAgent('b'), new FakeAgent('c', limits({ intervalMs: 10_000 })));
    made.changed();
    await clock.advance(61_000 - 12_345);
    expect(rounds.map(({ atMs, targets }) => [Math.round(atMs / 1000), targets.map(({ id }) => id).join('')])).toEqual([
      [1, 'a'],
      [21, 'c'],
      [31, 'abc'],
      [41, 'c'],
      [51, 'c'],
      [61, 'abc'],
    ]);
  });

  test('nothing is looked at and no timer runs where no agent runs', async () => {
    agents = [new FakeAgent('a')];
    (agents[0] as FakeAgent).watched = null;
    monitor();
    await clock.advance(600_000);
    expect(rounds).toEqual([]);
    expect(clock.timers).toBe(0);
  });

  test('one that is starting is looked at each second until it passes; a failing look does not condemn it', async () => {
    const slow = new FakeAgent('s', limits({ httpEndpoint: 'http://127.0.0.1:1/', failures: 1 }), true);
    answer = () => ({ http: { ok: false, status: null, reason: 'connection refused', durationMs: 1 } });
    agents = [slow];
    const made = monitor();
    await clock.advance(600);
    expect(slow.passed).toBe(0);
    await clock.advance(4000);
    const looks = rounds.length;
    expect(looks).toBeGreaterThan(3);
    answer = () => ({});
    await clock.advance(1000);
    expect(slow.passed).toBe(1);
    made.changed();
    await clock.advance(10_000);
    expect(rounds.length).toBeLessThan(looks + 3);
  });

  test('an unhealthy agent is handed over with the reason, an HTTP check only after three failures', async () => {
    const ill = new FakeAgent('i', limits({ httpEndpoint: 'http://127.0.0.1:1/' }));
    agents = [ill, new FakeAgent('w')];
    answer = ({ id }) => (id === 'i' ? { http: { ok: false, status: 503, reason: 'status 503', durationMs: 1 } } : {});
    const made = monitor();
    await clock.advance(31_000);
    expect(changes).toBe(2); // the first results of both; the second ones are the same
    expect(ill.verdicts).toEqual([]);
    expect(made.results('i').find(({ check }) => check === 'http')).toMatchObject({ state: 'failing', failures: 2 });
    await clock.advance(30_000);
    expect(ill.verdicts).toHaveLength(1);
    expect(ill.verdicts[0]).toContain('status 503');
    expect((agents[1] as FakeAgent).verdicts).toEqual([]);
  });

  test('a finding about another process than the present one changes nothing', async () => {
    const ill = new FakeAgent('i', limits({ failures: 1, httpEndpoint: 'http://127.0.0.1:1/' }));
    agents = [ill];
    answer = () => ({ http: { ok: false, status: 503, reason: 'status 503', durationMs: 1 } });
    let release: () => void = () => {};
    hold = new Promise((resolve) => {
      release = resolve;
    });
    const made = monitor();
    await clock.advance(1000);
    if (ill.watched) ill.watched = { ...ill.watched, identity: { ...ill.watched.identity, startTicks: 2 } };
    release();
    await clock.advance(10);
    expect(ill.verdicts).toEqual([]);
    expect(made.results('i')).toEqual([]);
  });

  test('a slow round delays no other agent’s next one, and never overlaps itself', async () => {
    agents = [new FakeAgent('a', limits({ intervalMs: 10_000 }))];
    let release: () => void = () => {};
    hold = new Promise((resolve) => {
      release = resolve;
    });
    const made = monitor();
    await clock.advance(1000);
    hold = null;
    agents.push(new FakeAgent('b', limits({ intervalMs: 10_000 })));
    made.changed();
    await clock.advance(20_000);
    expect(rounds.map(({ targets }) => targets.map(({ id }) => id).join(''))).toEqual(['a', 'b', 'b']);
    release();
    await clock.advance(10_000);
    expect(rounds.at(-1)?.targets.map(({ id }) => id)).toEqual(['a', 'b']);
  });

  test('alerts are told once when raised and once when cleared, and taken back with the agent', async () => {
    agents = [new FakeAgent('a', limits({ memoryThresholdBytes: 500, thresholdDurationMs: 86_400_000 }))];
    const made = monitor();
    await clock.advance(91_000);
    expect(alerts.map(({ type, state, currentValue }) => [type, state, currentValue])).toEqual([
      ['memory', 'raised', 1000],
    ]);
    agents = [];
    made.changed();
    expect(alerts.map(({ state }) => state)).toEqual(['raised', 'cleared']);
    expect(log.events('agent-alert').map(({ level }) => level)).toEqual(['warn', 'info']);
  });

  test('keeps resource use for an hour at the most', async () => {
    agents = [new FakeAgent('a')];
    const made = monitor();
    await clock.advance(2 * 3_600_000);
    expect(made.usage('a', 0)).toHaveLength(120);
    expect(made.usage('a', 60)).toHaveLength(2);
    expect(made.usage('a', 60)[0]).toMatchObject({ cpuPercent: 10, rssBytes: 1000, openFiles: 3 });
    expect(made.usage('absent', 0)).toEqual([]);
  });

  test('a round that fails is told, and the next one is made', async () => {
    agents = [new FakeAgent('a')];
    answer = () => {
      throw new Error('the thread ended');
    };
    const made = monitor();
    await clock.advance(1000);
    expect(log.events('health-round')).toMatchObject([{ level: 'error' }]);
    answer = () => ({});
    await clock.advance(30_000);
    expect(made.results('a')).toHaveLength(4);
    await made.close();
    expect(clock.timers).toBe(0);
  });
});
