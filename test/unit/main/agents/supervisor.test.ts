import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { NEW_RECORD } from '../../../../src/main/agents/instance-state.ts';
import { renderTable } from '../../../../src/main/agents/store.ts';
import { AgentSupervisor } from '../../../../src/main/agents/supervisor.ts';
import type { AgentConfig } from '../../../../src/shared/config/schema.ts';
import { FakeClock, settle } from '../../../fakes/clock.ts';
import { FakeLog } from '../../../fakes/log.ts';
import { FakeProcesses } from '../../../fakes/processes.ts';
import { waitFor } from '../../../support/wait-until.ts';

let folder: string;
let clock: FakeClock;
let processes: FakeProcesses;
let log: FakeLog;
let changes: number;
const open: AgentSupervisor[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'supervisor-'));
  clock = new FakeClock();
  processes = new FakeProcesses();
  log = new FakeLog();
  changes = 0;
});
afterEach(async () => {
  for (const supervisor of open.splice(0)) await supervisor.close();
  rmSync(folder, { recursive: true });
});

function agent(id: string, over: Partial<AgentConfig> = {}): AgentConfig {
  return {
    id,
    type: 'custom',
    displayName: '',
    binaryPath: '/bin/x',
    configFile: '',
    workDir: join(folder, id),
    socketPath: '',
    enabled: true,
    args: [],
    env: {},
    healthCheck: {
      intervalMs: 30_000,
      heartbeatTimeoutMs: 0,
      cpuThresholdPercent: 0,
      memoryThresholdBytes: 0,
      thresholdDurationMs: 0,
      httpEndpoint: '',
    },
    restart: { policy: 'always', maxRetries: 3, backoffBaseMs: 10_000, backoffMaxMs: 60_000 },
    ...over,
  };
}

async function supervisor(agents: AgentConfig[], groups: Record<number, number> = {}): Promise<AgentSupervisor> {
  const made = new AgentSupervisor({
    agents,
    workDir: folder,
    environment: { PATH: '/bin', HOME: '/root', DAEMON_SECRET: 'x' },
    processes,
    clock,
    random: () => 0,
    log,
    after: (delayMs, _name, run) => clock.after(delayMs, run),
    every: (intervalMs, _name, run) => {
      let stop = (): void => {};
      const plan = (): void => {
        stop = clock.after(intervalMs, () => {
          void run();
          plan();
        });
      };
      plan();
      return () => stop();
    },
    onChange: () => changes++,
    groupOf: (pid) => groups[pid] ?? null,
  });
  open.push(made);
  await made.start();
  return made;
}

const beat = (path: string, pid: number): void => {
  const socket = connect(path, () => socket.end(JSON.stringify({ pid, version: `v${pid}` })));
};

describe('AgentSupervisor', () => {
  test('starts the enabled agents side by side and keeps the table on disk', async () => {
    const made = await supervisor([agent('a'), agent('b'), agent('c', { enabled: false })]);
    await clock.advance(1000);
    expect(made.list().map(({ id, status, pid }) => [id, status, pid])).toEqual([
      ['a', 'running', 1000],
      ['b', 'running', 1001],
      ['c', 'stopped', 0],
    ]);
    expect(changes).toBeGreaterThan(3);
    await made.close();
    const table = JSON.parse(readFileSync(join(folder, 'agents.json'), 'utf8'));
    expect(table.agents.a).toMatchObject({ status: 'running', process: { pid: 1000 } });
    expect(processes.running).toEqual([1000, 1001]);
  });

  test('passes on a few variables of its own environment and where heartbeats go', async () => {
    await supervisor([agent('a'), agent('b', { socketPath: join(folder, 'own/b.sock') })]);
    expect(processes.launched.map(({ env }) => env)).toEqual([
      { PATH: '/bin', HOME: '/root', DAEMON_HEARTBEAT_SOCKET: join(folder, 'heartbeat.sock') },
      { PATH: '/bin', HOME: '/root', DAEMON_HEARTBEAT_SOCKET: join(folder, 'own/b.sock') },
    ]);
  });

  test('the next daemon adopts every agent and doubles none', async () => {
    const first = await supervisor([agent('a'), agent('b')]);
    await clock.advance(1000);
    await first.close();
    const second = await supervisor([agent('a'), agent('b')]);
    expect(second.list().map(({ status, pid }) => [status, pid])).toEqual([
      ['running', 1000],
      ['running', 1001],
    ]);
    expect(processes.launched).toHaveLength(2);
    processes.end(1000, { code: 1, signal: null });
    await clock.advance(4000);
    expect(second.list()[0]).toMatchObject({ status: 'running', restarts: 1, pid: 1002 });
  });

  test('a corrupt table is set aside and rebuilt from what runs', async () => {
    const first = await supervisor([agent('a')]);
    await clock.advance(1000);
    await first.close();
    writeFileSync(join(folder, 'agents.json'), '{"format":1,"agents":{"a":');
    const second = await supervisor([agent('a')]);
    expect(log.events('agent-table')).toMatchObject([{ level: 'error', path: expect.stringContaining('unreadable') }]);
    expect(second.list()[0]).toMatchObject({ status: 'running', pid: 1000 });
    expect(processes.running).toEqual([1000]);
  });

  test('an agent that is no longer configured is ended, recorded or not', async () => {
    const { identity } = processes.put();
    const record = { ...NEW_RECORD, status: 'running' as const, process: identity };
    writeFileSync(join(folder, 'agents.json'), renderTable(new Map([['gone', record]])));
    await supervisor([agent('a')]);
    expect(log.events('agent-removed')).toMatchObject([{ agentId: 'gone', pid: identity.pid }]);
    expect(processes.signals).toContainEqual({ pid: identity.pid, signal: 'SIGTERM' });
    expect(processes.running).not.toContain(identity.pid);
  });

  test('a heartbeat counts for the agent whose process, or process group, it comes from', async () => {
    const made = await supervisor([agent('a'), agent('b')], { 4711: 1001 });
    beat(join(folder, 'heartbeat.sock'), 1000);
    beat(join(folder, 'heartbeat.sock'), 4711);
    await waitFor(() => made.list().every(({ lastHeartbeatMs }) => lastHeartbeatMs > 0), { what: 'both heartbeats' });
    expect(made.list().map(({ version }) => version)).toEqual(['v1000', 'v4711']);
  });

  test('a heartbeat of a strange pid, or on the socket of another agent, is refused', async () => {
    const own = join(folder, 'own/b.sock');
    const made = await supervisor([agent('a'), agent('b', { socketPath: own })]);
    beat(join(folder, 'heartbeat.sock'), 99_999);
    beat(own, 1000);
    await waitFor(() => log.events('heartbeat-refused').length === 2, { what: 'both refusals' });
    expect(
      log
        .events('heartbeat-refused')
        .map(({ reason }) => reason)
        .sort(),
    ).toEqual(['pid 1000 is not of agent b', 'pid 99999 is not of any agent']);
    beat(own, 1001);
    await waitFor(() => made.list()[1]?.lastHeartbeatMs, { what: 'the heartbeat of b' });
    expect(made.list()[0]?.lastHeartbeatMs).toBe(0);
  });

  test('an agent whose own socket cannot be made runs all the same', async () => {
    writeFileSync(join(folder, 'file'), '');
    const made = await supervisor([agent('a', { socketPath: join(folder, 'file/a.sock') })]);
    await settle();
    expect(log.events('heartbeat-socket')).toMatchObject([{ level: 'error', agentId: 'a' }]);
    expect(made.list()[0]?.pid).toBe(1000);
  });
});
