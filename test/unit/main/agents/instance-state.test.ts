import { describe, expect, test } from 'vitest';
import {
  type AgentEvent,
  type AgentRecord,
  NEW_RECORD,
  transition,
} from '../../../../src/main/agents/instance-state.ts';
import type { AgentStatus } from '../../../../src/shared/contracts/agent.ts';

const PROCESS = { pid: 7, startTicks: 100, bootId: 'b' };
const at = (status: AgentStatus): AgentRecord => ({ ...NEW_RECORD, status });
const EVENTS: Record<AgentEvent['kind'], AgentEvent> = {
  'start-requested': { kind: 'start-requested' },
  'restart-due': { kind: 'restart-due', nowMs: 5 },
  spawned: { kind: 'spawned', process: PROCESS, nowMs: 9 },
  adopted: { kind: 'adopted', process: PROCESS, startedAtMs: 3 },
  settled: { kind: 'settled' },
  'stop-requested': { kind: 'stop-requested', reason: 'asked', wanted: 'stopped' },
  stuck: { kind: 'stuck', reason: 'D' },
  ended: { kind: 'ended', exit: null, next: 'restarting', attempts: 2, reason: 'why' },
};

/** Every state and event: the status that follows, or '-' for a refusal. */
const TABLE: Record<AgentEvent['kind'], Record<AgentStatus, AgentStatus | '-'>> = {
  'start-requested': {
    stopped: 'starting',
    starting: '-',
    running: '-',
    stopping: '-',
    restarting: 'starting',
    failed: 'starting',
  },
  'restart-due': { stopped: '-', starting: '-', running: '-', stopping: '-', restarting: 'starting', failed: '-' },
  spawned: { stopped: '-', starting: 'starting', running: '-', stopping: '-', restarting: '-', failed: '-' },
  adopted: {
    stopped: 'running',
    starting: 'running',
    running: 'running',
    stopping: 'running',
    restarting: 'running',
    failed: 'running',
  },
  settled: { stopped: '-', starting: 'running', running: '-', stopping: '-', restarting: '-', failed: '-' },
  'stop-requested': {
    stopped: '-',
    starting: 'stopping',
    running: 'stopping',
    stopping: 'stopping',
    restarting: 'stopping',
    failed: '-',
  },
  stuck: {
    stopped: '-',
    starting: '-',
    running: '-',
    stopping: 'stopping',
    restarting: '-',
    failed: '-',
  },
  ended: {
    stopped: '-',
    starting: 'restarting',
    running: 'restarting',
    stopping: 'restarting',
    restarting: 'restarting',
    failed: '-',
  },
};

describe('transition', () => {
  const rows = Object.entries(TABLE).flatMap(([kind, byStatus]) =>
    Object.entries(byStatus).map(([from, to]) => [from, kind, to] as [AgentStatus, AgentEvent['kind'], string]),
  );

  test.each(rows)('%s + %s → %s', (from, kind, to) => {
    expect(transition(at(from), EVENTS[kind])?.status ?? '-').toBe(to);
  });

  test('a start by request forgets earlier attempts, one by policy counts as a restart', () => {
    const failed = { ...at('failed'), attempts: 9, restarts: 20, reason: 'was' };
    expect(transition(failed, EVENTS['start-requested'])).toMatchObject({ attempts: 0, restarts: 20, reason: '' });
    const waiting = { ...at('restarting'), attempts: 3, restarts: 20 };
    expect(transition(waiting, EVENTS['restart-due'])).toMatchObject({ attempts: 3, restarts: 21, lastRestartMs: 5 });
  });

  test('an end clears the process and keeps the exit', () => {
    const running = { ...at('running'), process: PROCESS, startedAtMs: 4 };
    const exit = { code: 1, signal: null, atMs: 8 };
    const ended = transition(running, { kind: 'ended', exit, next: 'failed', attempts: 1, reason: 'r' });
    expect(ended).toMatchObject({ process: null, startedAtMs: 0, lastExit: exit, attempts: 1, reason: 'r' });
  });
});
