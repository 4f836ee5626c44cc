import { describe, expect, test } from 'vitest';
import { faultsOf, type Work, WorkTally } from '../../../bench/resting-work.ts';
import type { ReportedState } from '../../../src/shared/contracts/manager-events.ts';

/** Seconds; the agent was heard of right then. */
const NOW = 1_000_000;
const agent = (agentId: string, changed: Partial<ReportedState> = {}): ReportedState => ({
  ...{ agentId, status: 'running', pid: 100, lastHeartbeat: NOW, type: 'custom', version: '1' },
  ...{ restartCount: 0, startTime: 500, reason: '', alerts: [] },
  ...changed,
});
const line = (event: string, more: object = {}, accepted = true): string =>
  JSON.stringify({ event, nodeId: 'n', ...more, receivedAtMs: NOW * 1000, accepted, message: 'ok' });
const report = (...types: string[]): string => line('report', { metrics: types.map((type) => ({ type })) });
const states = (...all: ReportedState[]): string => line('states', { states: all, updates: [] });

describe('what counts', () => {
  test('is what was accepted in the window, each collector by itself', () => {
    const tally = new WorkTally();
    for (const text of [line('heartbeat'), report('cpu'), states(agent('a'))]) tally.take(text);
    tally.begin();
    const inWindow = [
      ...[line('heartbeat'), line('heartbeat'), line('heartbeat', {}, false), line('registered'), 'Debugger listening'],
      ...[report('cpu', 'memory', 'disk', 'network'), report('cpu'), report('load'), states(agent('a'))],
    ];
    for (const text of inWindow) tally.take(text);
    const reports = { cpu: 2, memory: 1, disk: 1, network: 1 };
    expect(tally.end()).toEqual({ heartbeats: 2, reports, states: 1, agentFaults: [] });
  });
});

describe('agents', () => {
  const faults = (...told: string[]): string[] => {
    const tally = new WorkTally();
    tally.take(states(agent('a'), agent('b')));
    tally.begin();
    for (const text of told) tally.take(text);
    return tally.end().agentFaults;
  };

  test('that stay as they are', () => {
    const later = { lastHeartbeat: NOW - 90 };
    expect(faults(states(agent('b', later), agent('a', later)))).toEqual([]);
  });

  test.each([
    ['ends', { status: 'restarting', pid: 0, reason: 'ended with code 1' }, 'a is restarting: ended with code 1'],
    ['has another process', { pid: 101 }, 'a was started anew'],
    ['has another process with the same pid', { startTime: 501 }, 'a was started anew'],
    ['was started again', { restartCount: 1 }, 'a was started anew'],
    ['is silent', { lastHeartbeat: NOW - 91 }, 'a was not heard of for more than 90 s'],
    ['was never heard of', { lastHeartbeat: 0 }, 'a was not heard of for more than 90 s'],
  ])('one that %s is told once, though it is well afterwards', (_, changed, says) => {
    const ill = states(agent('a', changed), agent('b'));
    expect(faults(ill, ill, states(agent('a'), agent('b')))).toEqual([says]);
  });

  test('one that is told of no more', () => {
    expect(faults(states(agent('b')))).toEqual(['a is no longer told of']);
  });

  test('after the window nothing is asked of them', () => {
    const tally = new WorkTally();
    tally.take(states(agent('a')));
    tally.begin();
    const work = tally.end();
    tally.take(states(agent('a', { status: 'stopped' })));
    expect(work.agentFaults).toEqual([]);
    expect(tally.agents).toEqual([agent('a', { status: 'stopped' })]);
  });
});

const work = (heartbeats: number, collected: number, told: number): Work => {
  const reports = { cpu: collected, memory: collected, disk: collected, network: collected };
  return { heartbeats, reports, states: told, agentFaults: [] };
};

test.each([
  { done: work(2, 2, 5), windowMs: 180_000, intervalMs: null },
  { done: work(6, 6, 9), windowMs: 180_000, intervalMs: null },
  { done: work(1, 1, 0), windowMs: 9000, intervalMs: 4000 },
  { done: work(4, 4, 1), windowMs: 9000, intervalMs: 4000 },
  { done: work(0, 0, 0), windowMs: 9000, intervalMs: 9000 },
  // two hours: waits between heartbeats are drawn, those between collections are not
  { done: work(117, 119, 235), windowMs: 7_200_000, intervalMs: null },
])('$done.heartbeats heartbeats in $windowMs ms, each $intervalMs, will do', ({ done, windowMs, intervalMs }) => {
  expect(faultsOf(done, windowMs, intervalMs)).toEqual([]);
});

describe('no daemon at rest', () => {
  const fine = work(3, 3, 6);
  test.each([
    ['silent', { ...fine, heartbeats: 1 }, '1 heartbeats were accepted in 180 s, at least 2 were to be'],
    ['with other intervals', { ...fine, heartbeats: 7 }, '7 heartbeats were accepted in 180 s, at most 6 were to be'],
    [
      'that no longer collects disks',
      { ...fine, reports: { ...fine.reports, disk: 1 } },
      '1 reports of disk were accepted in 180 s, at least 2 were to be',
    ],
    [
      'that collects too often',
      { ...fine, reports: { ...fine.reports, cpu: 7 } },
      '7 reports of cpu were accepted in 180 s, at most 6 were to be',
    ],
    [
      'that tells nothing of its agents',
      { ...fine, states: 4 },
      "4 agents' states were accepted in 180 s, at least 5 were to be",
    ],
    ['whose agent ended', { ...fine, agentFaults: ['a is restarting'] }, 'a is restarting'],
  ])('one %s', (_, done, says) => {
    expect(faultsOf(done, 180_000, null)).toEqual([says]);
  });

  test('one that heartbeats alone has stopped collecting', () => {
    expect(faultsOf(work(2, 0, 0), 9000, 4000)).toHaveLength(4);
  });
});
