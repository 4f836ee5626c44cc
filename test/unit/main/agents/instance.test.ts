import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { AgentInstance } from '../../../../src/main/agents/instance.ts';
import { type AgentRecord, NEW_RECORD } from '../../../../src/main/agents/instance-state.ts';
import type { AgentConfig } from '../../../../src/shared/config/schema.ts';
import { type HostEvent, isForManager } from '../../../../src/shared/contracts/host-event.ts';
import { agentConfig, NO_LIMITS } from '../../../fakes/agent-config.ts';
import { FakeClock } from '../../../fakes/clock.ts';
import { FakeLog } from '../../../fakes/log.ts';
import { FakeProcesses, OWN_USER } from '../../../fakes/processes.ts';

let folder: string;
let clock: FakeClock;
let processes: FakeProcesses;
let log: FakeLog;
let changes: number;
let events: HostEvent[];
let version: Promise<string>;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'instance-'));
  clock = new FakeClock();
  processes = new FakeProcesses();
  log = new FakeLog();
  changes = 0;
  events = [];
  version = Promise.resolve('');
});
afterEach(() => rmSync(folder, { recursive: true }));

function config(over: Partial<AgentConfig> = {}): AgentConfig {
  return agentConfig({ id: 'a1', workDir: join(folder, 'agents/a1'), args: ['x'], env: { FROM_CONFIG: '1' }, ...over });
}

function instance(over: Partial<AgentConfig> = {}, record?: AgentRecord): AgentInstance {
  return new AgentInstance(config(over), record, {
    processes,
    clock,
    random: () => 0,
    log,
    after: (delayMs, _name, run) => clock.after(delayMs, run),
    daemonWorkDir: folder,
    baseEnv: { PATH: '/bin' },
    scan: () => processes.scan(folder),
    version: () => version,
    onChange: () => changes++,
    onEvent: (event) => events.push(event),
  });
}

async function running(over: Partial<AgentConfig> = {}): Promise<{ agent: AgentInstance; pid: number }> {
  const agent = instance(over);
  await agent.resume([]);
  await clock.advance(1000);
  return { agent, pid: agent.snapshot().pid };
}

describe('starting', () => {
  test('launches with the configured program, arguments, environment and folders', async () => {
    const agent = instance();
    await agent.resume([]);
    expect(processes.launched).toEqual([
      {
        agentId: 'a1',
        owner: folder,
        program: '/opt/agent',
        args: ['x'],
        env: { PATH: '/bin', FROM_CONFIG: '1' },
        configFile: '',
        workDir: join(folder, 'agents/a1'),
        logFile: join(folder, 'logs/a1.log'),
        lockFile: join(folder, 'locks/a1.lock'),
        user: '',
        group: '',
        limits: NO_LIMITS,
        stopTimeoutMs: 30_000,
      },
    ]);
    expect(agent.snapshot()).toMatchObject({ status: 'starting', name: 'a1', restarts: 0 });
  });

  test('counts once the process has lived for a second', async () => {
    const { agent } = await running();
    expect(agent.snapshot()).toMatchObject({ status: 'running', pid: 1000, reason: '' });
    expect(clock.timers).toBe(0);
  });

  test('a process that ends sooner is a failed start that tells the last line of its output', async () => {
    const agent = instance();
    await agent.resume([]);
    mkdirSync(join(folder, 'logs'));
    writeFileSync(agent.logFile, 'first\nno such option\n');
    processes.end(1000, { code: 2, signal: null });
    await clock.advance(0);
    expect(log.events('agent-start-failed')).toMatchObject([
      { code: 'D3001', exitCode: 2, lastLines: ['first', 'no such option'] },
    ]);
    expect(agent.snapshot().lastExit).toMatchObject({ code: 2, signal: null });
    expect(events.filter(isForManager)).toEqual([
      {
        kind: 'agent-exited',
        agentId: 'a1',
        message: 'ended with code 2 before its start counted: no such option',
        details: { exit_code: '2', uptime_seconds: '0' },
        lastLines: ['first', 'no such option'],
      },
    ]);
  });

  test('a program that is not there fails with D3001 and is tried again by policy', async () => {
    processes.failure = new Error('ENOENT: no such file');
    const agent = instance({ restart: { ...config().restart, maxRetries: 1 } });
    await agent.resume([]);
    expect(agent.snapshot()).toMatchObject({ status: 'restarting', pid: 0 });
    await clock.advance(0);
    expect(agent.snapshot().status).toBe('failed');
    expect(agent.snapshot().reason).toContain('ENOENT');
    expect(processes.launched).toHaveLength(2);
    expect(log.events('agent-start-failed')).toHaveLength(2);
  });

  test('a disabled agent is not started', async () => {
    const agent = instance({ enabled: false });
    await agent.resume([]);
    expect(agent.snapshot()).toMatchObject({ status: 'stopped', reason: 'disabled in the configuration' });
    expect(processes.launched).toEqual([]);
  });
});

describe('restarting', () => {
  test('follows the staircase and gives up after max_retries', async () => {
    const { agent } = await running();
    const started: number[] = [];
    for (const waitMs of [0, 10_000, 10_000]) {
      const before = processes.launched.length;
      processes.end(agent.snapshot().pid, { code: 1, signal: null });
      await clock.advance(Math.max(0, waitMs - 1));
      if (waitMs > 0) expect(processes.launched).toHaveLength(before);
      await clock.advance(1);
      expect(processes.launched).toHaveLength(before + 1);
      started.push(agent.snapshot().restarts);
      await clock.advance(1000);
      expect(agent.snapshot().status).toBe('running');
    }
    expect(started).toEqual([1, 2, 3]);
    processes.end(agent.snapshot().pid, { code: null, signal: 'SIGSEGV' });
    await clock.advance(60 * 60_000);
    expect(agent.snapshot()).toMatchObject({ status: 'failed', pid: 0, restarts: 3 });
    expect(agent.snapshot().reason).toMatch(/SIGSEGV.*3 times/);
    const last = { exitCode: null, signal: 'SIGSEGV', expected: false, lastLines: [], code: 'D3001' };
    expect(log.events('agent-failed')).toMatchObject([last]);
    const again = ['agent-exited', 'agent-restarting', 'agent-started'];
    expect(events.map(({ kind }) => kind)).toEqual([
      ...['agent-started', ...again, ...again, ...again],
      ...['agent-exited', 'agent-failed'],
    ]);
    expect(events.filter(({ kind }) => kind === 'agent-restarting').map(({ details }) => details)).toMatchObject([
      { attempt: '1', delay_ms: '0' },
      { attempt: '2', delay_ms: '10000' },
      { attempt: '3', delay_ms: '10000' },
    ]);
    expect(events.at(-1)).toMatchObject({
      message: expect.stringMatching(/SIGSEGV.*3 times/),
      details: { signal: 'SIGSEGV', uptime_seconds: '1' },
    });
    expect(processes.running).toEqual([]);
  });

  test('forgets earlier restarts after five quiet minutes', async () => {
    const { agent } = await running();
    for (let i = 0; i < 8; i++) {
      await clock.advance(5 * 60_000 + 1);
      processes.end(agent.snapshot().pid, { code: 1, signal: null });
      await clock.advance(1000);
      expect(agent.snapshot()).toMatchObject({ status: 'running', restarts: i + 1 });
    }
  });

  test('policy never leaves an end alone: failed after a failure, stopped after code 0', async () => {
    for (const [code, status] of [
      [1, 'failed'],
      [0, 'stopped'],
    ] as const) {
      const { agent, pid } = await running({ restart: { ...config().restart, policy: 'never' } });
      processes.end(pid, { code, signal: null });
      await clock.advance(60_000);
      expect(agent.snapshot().status).toBe(status);
    }
  });

  test('a stop during the wait acts at once and starts nothing afterwards', async () => {
    const { agent } = await running();
    for (let i = 0; i < 2; i++) {
      processes.end(agent.snapshot().pid, { code: 1, signal: null });
      await clock.advance(500);
    }
    expect(agent.snapshot().status).toBe('restarting');
    await agent.stop('asked');
    expect(agent.snapshot()).toMatchObject({ status: 'stopped', reason: 'asked' });
    const before = processes.launched.length;
    await clock.advance(3_600_000);
    expect(processes.launched).toHaveLength(before);
  });
});

describe('stopping', () => {
  test('SIGTERM and SIGCONT to the group; settles the moment the process has gone', async () => {
    const { agent, pid } = await running();
    await agent.stop('asked');
    expect(processes.signals.map(({ signal }) => signal)).toEqual(['SIGTERM']);
    expect(processes.signals[0]?.pid).toBe(pid);
    expect(agent.snapshot()).toMatchObject({ status: 'stopped', pid: 0, reason: 'asked' });
    expect(clock.timers).toBe(0);
  });

  test('SIGKILL after 30 s where SIGTERM is ignored', async () => {
    const { agent } = await running();
    processes.ignored.add('SIGTERM');
    const stopped = agent.stop('asked');
    await clock.advance(29_000);
    expect(agent.snapshot().status).toBe('stopping');
    await clock.advance(2000);
    await stopped;
    expect(processes.signals.map(({ signal }) => signal)).toEqual(['SIGTERM', 'SIGCONT', 'SIGKILL']);
    expect(agent.snapshot().status).toBe('stopped');
  });

  test('a process that cannot be killed is D3002 and stays shown as stopping', async () => {
    const { agent } = await running();
    processes.ignored = new Set(['SIGTERM', 'SIGKILL']);
    const stopped = expect(agent.stop('asked')).rejects.toMatchObject({ code: 'D3002' });
    await clock.advance(60_000);
    await stopped;
    expect(agent.snapshot().status).toBe('stopping');
  });

  test('the end of the daemon does not wait for a stop under way, and leaves the process alone', async () => {
    const { agent, pid } = await running();
    processes.ignored.add('SIGTERM');
    const stopped = agent.stop('asked');
    await clock.advance(1000);
    await agent.detach();
    await stopped;
    await clock.advance(60_000);
    expect(processes.running).toEqual([pid]);
  });
});

describe('what an earlier daemon left', () => {
  const record = (over: Partial<AgentRecord>): AgentRecord => ({
    ...NEW_RECORD,
    status: 'running',
    restarts: 4,
    ...over,
  });

  test('adopts the recorded process and starts none', async () => {
    const { identity } = processes.put();
    const agent = instance({}, record({ process: identity }));
    await agent.resume([]);
    expect(agent.snapshot()).toMatchObject({
      status: 'running',
      pid: identity.pid,
      restarts: 4,
      startedAtMs: 1_690_000_000_000,
    });
    expect(processes.launched).toEqual([]);
  });

  test('adopts a process that was found but never recorded', async () => {
    const { identity } = processes.put();
    const agent = instance();
    const command = ['/bin/sh', '/opt/agent', 'x'];
    await agent.resume([{ identity, leadsSession: true, command, user: OWN_USER }]);
    expect(agent.snapshot()).toMatchObject({ status: 'running', pid: identity.pid });
    expect(processes.launched).toEqual([]);
  });

  test('ends one that only has the agent’s marks and program, and is somebody else’s', async () => {
    const { identity } = processes.put();
    const agent = instance();
    const user = { isOwn: false, names: ['65534', 'nobody'] };
    await agent.resume([{ identity, leadsSession: true, command: ['/opt/agent', 'x'], user }]);
    expect(processes.launched).toHaveLength(1);
    expect(agent.snapshot().pid).not.toBe(identity.pid);
    expect(processes.running).not.toContain(identity.pid);
  });

  test('a reused pid is neither adopted nor signalled', async () => {
    const { identity } = processes.put();
    const stale = { ...identity, startTicks: identity.startTicks - 1 };
    const agent = instance({}, record({ process: stale }));
    await agent.resume([]);
    await clock.advance(1000);
    expect(agent.snapshot()).toMatchObject({ status: 'running', restarts: 5 });
    expect(agent.snapshot().pid).not.toBe(identity.pid);
    await agent.stop('asked');
    expect(processes.running).toEqual([identity.pid]);
  });

  test('one that ended meanwhile is restarted by policy, or left alone by policy', async () => {
    const gone = { pid: 99_999, startTicks: 1, bootId: 'boot-1' };
    const agent = instance({}, record({ process: gone }));
    await agent.resume([]);
    await clock.advance(1000);
    expect(agent.snapshot()).toMatchObject({ status: 'running', restarts: 5 });
    const never = instance({ restart: { ...config().restart, policy: 'never' } }, record({ process: gone }));
    await never.resume([]);
    await clock.advance(1000);
    expect(never.snapshot().status).toBe('failed');
  });

  test('after a reboot it is started afresh', async () => {
    const agent = instance({}, record({ process: { pid: 1, startTicks: 1, bootId: 'another' }, attempts: 3 }));
    await agent.resume([]);
    await clock.advance(1000);
    expect(agent.snapshot()).toMatchObject({ status: 'running', restarts: 4 });
    expect(agent.record.attempts).toBe(0);
  });

  test('an adopted one that is disabled now is stopped', async () => {
    const { identity } = processes.put();
    const agent = instance({ enabled: false }, record({ process: identity }));
    const resumed = agent.resume([]);
    await clock.advance(1000);
    await resumed;
    expect(agent.snapshot().status).toBe('stopped');
    expect(processes.running).toEqual([]);
  });

  test('the end of an adopted process is seen by looking', async () => {
    const { identity } = processes.put();
    const agent = instance({}, record({ process: identity }));
    await agent.resume([]);
    agent.checkPresence();
    expect(agent.snapshot().status).toBe('running');
    processes.end(identity.pid, { code: null, signal: null });
    agent.checkPresence();
    expect(agent.snapshot()).toMatchObject({ status: 'restarting', pid: 0 });
    await clock.advance(1000);
    expect(agent.snapshot().status).toBe('running');
  });
});

test('a heartbeat gives the version, and only a new version is a change', async () => {
  const { agent } = await running();
  const before = changes;
  expect(agent.watched).toMatchObject({ startedMs: clock.nowMs() - 1000, lastHeartbeatMs: null });
  agent.noteHeartbeat({ version: '1.2' });
  await clock.advance(500);
  agent.noteHeartbeat({ version: '1.2' });
  expect(agent.snapshot()).toMatchObject({ version: '1.2', lastHeartbeatMs: clock.wallMs() });
  expect(agent.watched?.lastHeartbeatMs).toBe(clock.nowMs());
  expect(changes).toBe(before + 1);
});

test('the end of the daemon cancels a restart that was waited for', async () => {
  const { agent } = await running();
  for (let i = 0; i < 2; i++) {
    processes.end(agent.snapshot().pid, { code: 1, signal: null });
    await clock.advance(500);
  }
  await agent.detach();
  await clock.advance(60_000);
  expect(processes.running).toEqual([]);
  expect(clock.timers).toBe(0);
});

describe('operations', () => {
  test('a start of what runs and a stop of what is stopped succeed and do nothing', async () => {
    const { agent, pid } = await running();
    await agent.start();
    expect(agent.snapshot().pid).toBe(pid);
    await agent.stop('asked');
    const { signals } = processes;
    const before = signals.length;
    await agent.stop('asked again');
    expect(signals).toHaveLength(before);
    expect(agent.snapshot().status).toBe('stopped');
  });

  test('they run in order: of many restarts at once none doubles the process', async () => {
    const { agent } = await running();
    await Promise.all([agent.restart('one'), agent.restart('two'), agent.stop('three'), agent.start()]);
    expect(processes.running).toHaveLength(1);
    expect(processes.launched).toHaveLength(4);
    expect(agent.snapshot().restarts).toBe(0); // asked for, not by policy
  });

  test('a failed agent is started anew by an operator, with its earlier restarts forgotten', async () => {
    const { agent } = await running({ restart: { ...config().restart, maxRetries: 0 } });
    processes.end(agent.snapshot().pid, { code: 1, signal: null });
    await clock.advance(0);
    expect(agent.snapshot().status).toBe('failed');
    await agent.start();
    await clock.advance(1000);
    expect(agent.snapshot().status).toBe('running');
  });

  test('a start that fails is D3001 with the reason', async () => {
    const agent = instance({ restart: { ...config().restart, policy: 'never' } });
    processes.failure = new Error('/opt/agent is not executable');
    await expect(agent.start()).rejects.toMatchObject({
      code: 'D3001',
      message: expect.stringContaining('not executable'),
    });
    expect(agent.snapshot()).toMatchObject({ status: 'failed' });
  });

  test('one that the configuration disables is no agent that somebody stopped', async () => {
    const { agent } = await running();
    await agent.disable();
    expect(agent.snapshot()).toMatchObject({ status: 'stopped', reason: 'disabled in the configuration' });
    const next = instance({}, agent.record);
    await next.resume([]);
    await clock.advance(1000);
    expect(next.snapshot().status).toBe('running');
  });

  test('another configuration replaces the process, but starts none that somebody stopped', async () => {
    const { agent, pid } = await running();
    await agent.replace('its configuration changed');
    expect(processes.running).not.toContain(pid);
    expect(processes.running).toHaveLength(1);
    await agent.stop('asked');
    await agent.replace('its configuration changed');
    expect(processes.running).toEqual([]);
  });

  test('what was stopped by somebody stays stopped for the next daemon', async () => {
    const { agent } = await running();
    await agent.stop('asked');
    const next = instance({}, agent.record);
    await next.resume([]);
    expect(next.snapshot()).toMatchObject({ status: 'stopped', reason: 'asked' });
    await next.start();
    expect(next.record.wanted).toBe('running');
  });
});

describe('a start', () => {
  test('counts only once a health check has passed, where there is one', async () => {
    const agent = instance({ healthCheck: { ...config().healthCheck, httpEndpoint: 'http://127.0.0.1:1/' } });
    await agent.resume([]);
    await clock.advance(60_000);
    expect(agent.snapshot().status).toBe('starting');
    const { process } = agent.record;
    if (!process) throw new Error('no process');
    agent.healthy({ ...process, startTicks: process.startTicks - 1 }); // of an older process
    expect(agent.snapshot().status).toBe('starting');
    agent.healthy(process);
    expect(agent.snapshot().status).toBe('running');
  });

  test('takes as long as start_seconds says', async () => {
    const agent = instance({ startMs: 5000 });
    await agent.resume([]);
    await clock.advance(4900);
    expect(agent.snapshot().status).toBe('starting');
    await clock.advance(100);
    expect(agent.snapshot().status).toBe('running');
  });

  test('tells what is not as it should be', async () => {
    processes.warnings = ['/opt/agent may be written by everybody'];
    await running();
    expect(log.events('agent-warning')).toMatchObject([
      { level: 'warn', message: expect.stringContaining('everybody') },
    ]);
  });

  test('learns the version from the program, and a probe that fails harms nothing', async () => {
    version = Promise.resolve('1.5.0');
    expect((await running()).agent.snapshot().version).toBe('1.5.0');
    version = Promise.reject(new Error('no'));
    expect((await running()).agent.snapshot()).toMatchObject({ version: '', status: 'running' });
  });
});

describe('an unhealthy agent', () => {
  const identity = (agent: AgentInstance): NonNullable<AgentRecord['process']> => {
    if (!agent.record.process) throw new Error('no process');
    return agent.record.process;
  };

  test('is ended and started again by policy, told with D3003', async () => {
    const { agent, pid } = await running();
    await agent.unhealthy(identity(agent), 'no heartbeat for 90 s');
    await clock.advance(1000);
    expect(log.events('agent-unhealthy')).toMatchObject([{ code: 'D3003' }]);
    expect(agent.snapshot()).toMatchObject({ status: 'running', restarts: 1 });
    expect(processes.running).not.toContain(pid);
  });

  test('is only told where the policy is never', async () => {
    const { agent, pid } = await running({ restart: { ...config().restart, policy: 'never' } });
    await agent.unhealthy(identity(agent), 'over its limit');
    expect(log.events('agent-unhealthy')).toHaveLength(1);
    expect(agent.snapshot()).toMatchObject({ status: 'running', pid });
  });

  test('a verdict on an older process changes nothing', async () => {
    const { agent } = await running();
    const older = identity(agent);
    await agent.restart('asked');
    await clock.advance(1000);
    await agent.unhealthy(older, 'late');
    expect(processes.running).toHaveLength(1);
    expect(log.events('agent-unhealthy')).toEqual([]);
  });

  test('counts as a failure: the limit on restarts holds for it too', async () => {
    const { agent } = await running();
    for (let i = 0; i < 4; i++) {
      await agent.unhealthy(identity(agent), 'ill');
      await clock.advance(70_000);
    }
    expect(agent.snapshot()).toMatchObject({ status: 'failed', restarts: 3 });
    expect(processes.running).toEqual([]);
  });
});

describe('what an agent leaves behind', () => {
  test('is ended with it', async () => {
    const { agent } = await running();
    const child = processes.putChild('a1');
    const other = processes.putChild('b2');
    await agent.stop('asked');
    expect(processes.running).toEqual([other.pid]);
    expect(processes.signals).toContainEqual({ pid: child.pid, signal: 'SIGTERM' });
    expect(log.events('agent-leftovers')).toHaveLength(1);
  });

  test('is ended before the next start after a crash', async () => {
    const { agent, pid } = await running();
    const child = processes.putChild('a1');
    processes.end(pid, { code: 1, signal: null });
    await clock.advance(1000);
    expect(processes.running).toEqual([agent.snapshot().pid]);
    expect(processes.running).not.toContain(child.pid);
  });

  test('is ended after the last restart too', async () => {
    const { pid } = await running({ restart: { ...config().restart, maxRetries: 0 } });
    processes.putChild('a1');
    processes.end(pid, { code: 1, signal: null });
    await clock.advance(2000);
    expect(processes.running).toEqual([]);
  });

  test('its group is killed once nothing of it is to live, and only then', async () => {
    const { agent, pid } = await running();
    await agent.stop('asked');
    expect(processes.killedGroups).toEqual([]); // nothing was left
    await agent.start();
    processes.putChild('a1');
    processes.end(agent.snapshot().pid, { code: 1, signal: null });
    await clock.advance(1000);
    expect(processes.killedGroups).toEqual(['a1']);
    expect(processes.running).toEqual([agent.snapshot().pid]);
    expect(agent.snapshot().pid).not.toBe(pid);
  });

  test('is told with D3002 where it does not end', async () => {
    const { agent, pid } = await running();
    const child = processes.putChild('a1');
    processes.ignored = new Set(['SIGTERM', 'SIGKILL']);
    processes.end(pid, { code: 1, signal: null });
    await clock.advance(10_000);
    expect(log.events('agent-leftovers').at(-1)).toMatchObject({ code: 'D3002', pids: [child.pid] });
    expect(agent.snapshot().status).toBe('running');
  });
});

test.each([
  ['by SIGKILL', { code: null, signal: 'SIGKILL' }, true],
  ['unseen', { code: null, signal: null }, true],
  ['by itself at the same moment', { code: 1, signal: null }, false],
])('an end for want of memory is told as such: %s', async (_, exit, told) => {
  const { agent, pid } = await running();
  processes.memoryKills = true;
  processes.end(pid, exit);
  await clock.advance(0);
  expect(agent.snapshot().reason.endsWith(', out of memory')).toBe(told);
  expect(log.events('agent-exited')[0]?.['outOfMemory']).toBe(told ? true : undefined);
  expect(processes.askedForKills).toEqual(told ? [[agent.config.id, folder]] : []);
});

test('a stuck process that goes after all leaves the agent stopped', async () => {
  const { agent, pid } = await running();
  processes.ignored = new Set(['SIGTERM', 'SIGKILL']);
  const stopped = expect(agent.stop('asked')).rejects.toMatchObject({ code: 'D3002' });
  await clock.advance(60_000);
  await stopped;
  expect(agent.snapshot()).toMatchObject({ status: 'stopping', reason: expect.stringContaining('state S') });
  processes.end(pid, { code: null, signal: 'SIGKILL' });
  await clock.advance(0);
  expect(agent.snapshot()).toMatchObject({ status: 'stopped', pid: 0 });
});
