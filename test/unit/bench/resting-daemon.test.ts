import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { expect, onTestFinished, test } from 'vitest';
import { openWindow } from '../../../bench/resting-daemon.ts';
import { WorkTally } from '../../../bench/resting-work.ts';

const WINDOW_MS = 9000;
const INTERVAL_MS = 4000;

function agentProcess(): ChildProcess {
  const child = spawn('sleep', ['1000'], { stdio: 'ignore' });
  onTestFinished(() => void child.kill('SIGKILL'));
  return child;
}

const line = (event: string, more: object): string => {
  return JSON.stringify({ event, ...more, receivedAtMs: 1_000_000, accepted: true });
};

/** A tally that was told of these agents, running. */
function tallyOf(pids: readonly number[]): WorkTally {
  const tally = new WorkTally();
  const states = pids.map((pid, at) => {
    return { agentId: `agent-${at + 1}`, status: 'running', pid, lastHeartbeat: 1000, restartCount: 0, startTime: 1 };
  });
  tally.take(line('states', { states }));
  return tally;
}

function doWork(tally: WorkTally): void {
  const metrics = ['cpu', 'memory', 'disk', 'network'].map((type) => ({ type }));
  for (const text of [line('heartbeat', {}), line('report', { metrics })]) tally.take(text);
}

test('work, with agents that are the same processes at the end, is what was to be measured', () => {
  const tally = tallyOf([agentProcess(), agentProcess()].map(({ pid }) => pid ?? 0));
  const close = openWindow(tally, 2, WINDOW_MS, INTERVAL_MS);
  doWork(tally);
  expect(close()).toMatchObject({ heartbeats: 1, reports: { cpu: 1, memory: 1, disk: 1, network: 1 } });
});

test('an agent that ended is seen, though the Manager was told nothing of it', async () => {
  const agents = [agentProcess(), agentProcess()];
  const tally = tallyOf(agents.map(({ pid }) => pid ?? 0));
  const close = openWindow(tally, 2, WINDOW_MS, INTERVAL_MS);
  doWork(tally);
  const [, second] = agents;
  second?.kill('SIGKILL');
  if (second) await once(second, 'exit');
  expect(close).toThrow(
    `the daemon was not at rest: agent-2, pid ${second?.pid}, did not live to the end of the window`,
  );
});

test('a window without work is none', () => {
  const close = openWindow(tallyOf([agentProcess().pid ?? 0]), 1, WINDOW_MS, INTERVAL_MS);
  expect(close).toThrow(/0 heartbeats were accepted .*0 reports of cpu .*0 reports of network/);
});

test('a window does not begin where an agent is missing', () => {
  expect(() => openWindow(tallyOf([agentProcess().pid ?? 0]), 3, WINDOW_MS, INTERVAL_MS)).toThrow(
    '1 of 3 agents run as the window begins',
  );
});
