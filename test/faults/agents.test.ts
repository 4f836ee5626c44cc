/** Agents that misbehave, and a daemon that is killed, with real processes and the built daemon. */
import { chmodSync, copyFileSync, existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { ReportedState } from '../../src/shared/contracts/manager-events.ts';
import { isAlive, readStat } from '../../src/shared/platform/proc.ts';
import { sampleAgent, TestHost } from '../support/daemon-process.ts';
import { freePort } from '../support/free-port.ts';
import { ManagerProcess } from '../support/manager-process.ts';
import type { Child } from '../support/processes.ts';
import { waitFor } from '../support/wait-until.ts';

type Yaml = Record<string, unknown>;

let manager: ManagerProcess;
let host: TestHost;

beforeAll(async () => {
  manager = await ManagerProcess.start();
});
afterAll(() => manager.stop('SIGKILL'));
beforeEach(async () => {
  host = await TestHost.make();
});
afterEach(() => host.remove());

const fixture = (name: string): string => fileURLToPath(new URL(`../fixtures/agents/${name}`, import.meta.url));
const program = (id: string, name: string, args: string[] = [], over: Yaml = {}): Yaml => ({
  id,
  type: 'custom',
  binary_path: process.execPath,
  args: [fixture(name), ...args],
  health_check: { heartbeat_timeout: 0 },
  ...over,
});
const configure = (agents: Yaml[], over: Yaml = {}): Promise<void> =>
  host.configure(manager.port, manager.tlsFolder, { agents, collectors: NO_COLLECTORS, ...over });
const NO_COLLECTORS = Object.fromEntries(
  ['cpu', 'memory', 'disk', 'network'].map((name) => [name, { enabled: false }]),
);

/** States of this host's agents as the Manager knows them, newest first in time. */
let nodeId = '';
const started = async (): Promise<Child> => {
  const before = manager.eventsNamed('registered').length;
  const daemon = host.start();
  const registered = await waitFor(() => manager.eventsNamed('registered')[before], {
    what: 'the registration',
    timeoutMs: 20_000,
  });
  nodeId = registered.nodeId;
  return daemon;
};
const latest = (): ReportedState[] =>
  manager.eventsNamed('states').findLast((event) => event.nodeId === nodeId)?.states ?? [];
const state = (id: string, fits: (state: ReportedState) => boolean, timeoutMs = 20_000): Promise<ReportedState> =>
  waitFor(
    () => {
      const found = latest().find(({ agentId }) => agentId === id);
      return found && fits(found) ? found : null;
    },
    { what: `agent ${id} in the wanted state`, timeoutMs },
  );
const running = (id: string): Promise<ReportedState> => state(id, ({ status }) => status === 'running');
const alive = (pid: number): boolean => isAlive(readStat(pid));

/** Changes the configuration and waits until the daemon has taken it, or refused it. */
async function reload(daemon: Child, agents: Yaml[], over: Yaml = {}): Promise<void> {
  const since = host.log().length;
  await configure(agents, over);
  daemon.signal('SIGHUP');
  await host.logged('reloaded', () => true, since);
}

describe('a daemon that is killed', () => {
  test('thirty times, at any moment: every agent is there once and only once', async () => {
    const agents = ['one', 'two', 'three'].map((id) => sampleAgent(id));
    await configure(agents);
    for (let round = 0; round < 30; round++) {
      const daemon = host.start();
      // spread over the start: before, while and after agents are started or adopted
      await sleep(40 + ((round * 37) % 160));
      await daemon.kill('SIGKILL');
    }
    await started();
    const states = await Promise.all(['one', 'two', 'three'].map(running));
    await waitFor(() => host.agents().length === 3, { what: 'three agents' });
    expect(host.agents().sort()).toEqual(states.map(({ pid }) => pid).sort());
  }, 60_000);
});

describe('ending', () => {
  test('one that ignores SIGTERM is killed when its time is up', async () => {
    const agent = program('stubborn', 'ignores-sigterm.mjs', [], { stop_timeout: '300ms' });
    await configure([agent]);
    const daemon = await started();
    const { pid } = await running('stubborn');
    await reload(daemon, [{ ...agent, enabled: false }]);
    await state('stubborn', ({ status }) => status === 'stopped');
    expect(alive(pid)).toBe(false);
    expect(readFileSync(join(host.workDir, 'logs/stubborn.log'), 'utf8')).toContain('not now');
  });

  test('a crowd of two hundred grandchildren, half in sessions of their own, ends with its agent', async () => {
    const agent = program('crowd', 'leaves-grandchildren.mjs', ['200']);
    await configure([agent]);
    const daemon = await started();
    await running('crowd');
    await waitFor(() => host.agents().length === 201, { what: 'the whole crowd', timeoutMs: 20_000 });
    await reload(daemon, [{ ...agent, enabled: false }]);
    await state('crowd', ({ status }) => status === 'stopped');
    expect(host.agents()).toEqual([]);
  });

  test('what a crashed agent left behind ends before it is started again', async () => {
    const agent = program('crowd', 'leaves-grandchildren.mjs', ['10'], { restart: { backoff_base: '0s' } });
    await configure([agent]);
    await started();
    const { pid } = await running('crowd');
    await waitFor(() => host.agents().length === 11, { what: 'the crowd' });
    const before = new Set(host.agents());
    process.kill(pid, 'SIGKILL');
    await state('crowd', (now) => now.status === 'running' && now.pid !== pid);
    await waitFor(() => host.agents().length === 11, { what: 'the new crowd' });
    expect(host.agents().filter((each) => before.has(each))).toEqual([]);
  });

  test('fifty are started and ended side by side', async () => {
    const many = Array.from({ length: 50 }, (_, i) => ({
      id: `a${i}`,
      type: 'custom',
      binary_path: '/bin/sleep',
      args: ['600'],
      health_check: { heartbeat_timeout: 0 },
    }));
    await configure(many);
    const daemon = await started();
    await waitFor(() => latest().filter(({ status }) => status === 'running').length === 50, {
      what: 'fifty agents',
      timeoutMs: 30_000,
    });
    expect(host.agents()).toHaveLength(50);
    await reload(daemon, []);
    await waitFor(() => host.agents().length === 0, { what: 'the end of all' });
  });
});

describe('programs', () => {
  test('one that is deleted while it runs goes on; when it ends, its start fails and says why', async () => {
    const path = join(host.folder, 'deleted');
    copyFileSync('/bin/sleep', path);
    chmodSync(path, 0o755);
    await configure([
      {
        id: 'gone',
        type: 'custom',
        binary_path: path,
        args: ['600'],
        restart: { max_retries: 1 },
        health_check: { heartbeat_timeout: 0 },
      },
    ]);
    await started();
    const { pid } = await running('gone');
    rmSync(path);
    process.kill(pid, 'SIGKILL');
    const failed = await state('gone', ({ status }) => status === 'failed');
    expect(failed.reason).toContain('is not there');
  });

  test('an exit code that means never again is heeded at once', async () => {
    await configure([
      {
        id: 'refuses',
        type: 'custom',
        binary_path: '/bin/sh',
        args: ['-c', 'echo bad configuration >&2; exit 78'],
        restart: { no_restart_exit_codes: [78] },
      },
    ]);
    await started();
    const failed = await state('refuses', ({ status }) => status === 'failed');
    expect(failed).toMatchObject({ restartCount: 0, reason: expect.stringContaining('bad configuration') });
  });

  test('stand-ins for filebeat and telegraf: the types’ own arguments, versions, and end', async () => {
    const script = (name: string): string => {
      const path = join(host.folder, name);
      writeFileSync(path, `#!/bin/sh\nexec ${process.execPath} ${fixture('stand-in.mjs')} ${name} "$@"\n`);
      chmodSync(path, 0o755);
      return path;
    };
    const config = join(host.folder, 'agent.conf');
    writeFileSync(config, '');
    const agents = ['filebeat', 'telegraf'].map((type) => ({
      id: type,
      type,
      binary_path: script(type),
      config_file: config,
    }));
    await configure(agents);
    const daemon = await started();
    await state('filebeat', ({ status, version }) => status === 'running' && version === '8.11.1');
    await state('telegraf', ({ status, version }) => status === 'running' && version === '1.28.5');
    const said = (id: string): string => readFileSync(join(host.workDir, `logs/${id}.log`), 'utf8');
    expect(said('filebeat')).toContain(`-c ${config} -path.home ${join(host.workDir, 'agents/filebeat')}`);
    expect(said('telegraf')).toContain(`-config ${config}`);
    await reload(
      daemon,
      agents.map((agent) => ({ ...agent, enabled: false })),
    );
    await state('filebeat', ({ status }) => status === 'stopped');
    await state('telegraf', ({ status }) => status === 'stopped');
  });
});

describe('health', () => {
  test('one whose heartbeats stop is started again', async () => {
    await configure([sampleAgent('quiet', { health_check: { interval: '1s', heartbeat_timeout: '1s' } })]);
    await started();
    const { pid } = await state('quiet', ({ lastHeartbeat }) => lastHeartbeat > 0);
    process.kill(pid, 'SIGSTOP'); // hung: SIGTERM does nothing before SIGCONT
    await state('quiet', (now) => now.status === 'running' && now.pid !== pid && now.restartCount === 1);
    expect(alive(pid)).toBe(false);
    expect(await host.logged('agent-unhealthy')).toMatchObject({ code: 'D3003', agentId: 'quiet' });
  });

  test('one that answers no longer over HTTP is started again after three failures', async () => {
    let status = 200;
    const server = createServer((_, response) => response.writeHead(status).end());
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = server.address();
    const port = typeof address === 'object' && address ? address.port : 0;
    try {
      await configure([
        {
          id: 'web',
          type: 'custom',
          binary_path: '/bin/sleep',
          args: ['600'],
          health_check: { interval: '1s', heartbeat_timeout: 0, http_endpoint: `http://127.0.0.1:${port}/` },
        },
      ]);
      await started();
      const { pid } = await running('web');
      status = 503;
      await state('web', ({ reason }) => reason.includes('http check: status 503'));
      await waitFor(() => !alive(pid), { what: 'the end of the agent', timeoutMs: 20_000 });
      expect(await host.logged('agent-unhealthy')).toMatchObject({ reason: expect.stringContaining('503') });
      status = 200;
      await state('web', (now) => now.status === 'running' && now.pid !== pid);
    } finally {
      server.closeAllConnections();
      server.close();
    }
  });

  test('over its memory threshold: an alert at once, a restart when it lasts', async () => {
    await configure([
      sampleAgent('big', {
        health_check: { interval: '1s', memory_threshold: '1MB', threshold_duration: '3s', heartbeat_timeout: 0 },
      }),
    ]);
    await started();
    const { pid } = await running('big');
    expect(await host.logged('agent-alert')).toMatchObject({ type: 'memory', threshold: 1_000_000, state: 'raised' });
    const told = await state('big', ({ alerts }) => alerts.length > 0);
    expect(told.alerts).toMatchObject([{ type: 'memory', threshold: 1_000_000 }]);
    await state('big', (now) => now.pid !== pid && now.restartCount > 0);
  });
});

describe('a real node_exporter', () => {
  const exporter = ['node_exporter', 'prometheus-node-exporter']
    .flatMap((name) => (process.env['PATH'] ?? '').split(':').map((folder) => join(folder, name)))
    .find((path) => existsSync(path));
  test.skipIf(!exporter)(
    `is told its version, passes its HTTP check, and is started again after SIGKILL and after SIGSTOP${exporter ? '' : ' (left out: none is installed)'}`,
    async () => {
      const port = await freePort();
      await configure([
        {
          id: 'node-exporter',
          type: 'node_exporter',
          name: 'Node Exporter Metrics',
          binary_path: exporter,
          config_file: '',
          args: [
            `--web.listen-address=127.0.0.1:${port}`,
            '--path.procfs=/proc',
            '--path.sysfs=/sys',
            '--collector.filesystem.mount-points-exclude=^/(sys|proc|dev|host|etc)($|/)',
          ],
          health_check: {
            interval: '1s',
            heartbeat_timeout: '0s',
            cpu_threshold: 30.0,
            memory_threshold: 104_857_600,
            http_endpoint: `http://localhost:${port}/metrics`,
            http_timeout: '500ms',
          },
          restart: { policy: 'always', backoff_base: '0s' },
        },
      ]);
      await started();
      const first = await state('node-exporter', ({ status, version }) => status === 'running' && version !== '');
      expect(first.version).toMatch(/^\d+\.\d+/);
      process.kill(first.pid, 'SIGKILL');
      const second = await state('node-exporter', (now) => now.status === 'running' && now.pid !== first.pid);
      process.kill(second.pid, 'SIGSTOP');
      const third = await state('node-exporter', (now) => now.status === 'running' && now.pid !== second.pid, 30_000);
      expect(third.restartCount).toBe(2);
      expect(alive(second.pid)).toBe(false);
      expect(await host.logged('agent-unhealthy')).toMatchObject({ reason: expect.stringContaining('http') });
    },
    60_000,
  );
});

describe('hot reload', () => {
  test('starts what is new, ends what is gone, restarts only what would be another process', async () => {
    await configure([
      sampleAgent('same'),
      sampleAgent('changed'),
      sampleAgent('gone'),
      sampleAgent('off', { enabled: false }),
    ]);
    const daemon = await started();
    const [same, changed, gone] = await Promise.all(['same', 'changed', 'gone'].map(running));
    const threshold = { health_check: { cpu_threshold: 99, interval: '5s' } };
    await reload(daemon, [
      sampleAgent('same', threshold),
      sampleAgent('changed', { env: { NEW: '1' } }),
      sampleAgent('off'),
      sampleAgent('new'),
    ]);
    await running('new');
    await running('off');
    expect((await running('changed')).pid).not.toBe(changed?.pid);
    expect((await running('same')).pid).toBe(same?.pid);
    expect(alive(gone?.pid ?? 0)).toBe(false);
    expect(
      latest()
        .map(({ agentId }) => agentId)
        .sort(),
    ).toEqual(['changed', 'new', 'off', 'same']);
    const { changes } = await host.logged('reloaded');
    expect(changes).toContainEqual(expect.stringContaining('agents[same].healthCheck.cpuThresholdPercent: 50 → 99'));
  });

  test('an invalid file changes nothing and says why; a change of the file is noticed without a signal', async () => {
    await configure([sampleAgent('one')]);
    const daemon = await started();
    const { pid } = await running('one');
    const good = readFileSync(host.configFile, 'utf8');
    writeFileSync(host.configFile, `${good}\nnonsense: 1\n`);
    daemon.signal('SIGHUP');
    const refused = await host.logged('reload-refused');
    expect(JSON.stringify(refused)).toContain('nonsense');
    expect((await running('one')).pid).toBe(pid);
    await configure([sampleAgent('one'), sampleAgent('two')]);
    await running('two');
    expect((await running('one')).pid).toBe(pid);
  });

  test('log level and collectors follow', async () => {
    await configure([]);
    const daemon = await started();
    await reload(daemon, [], { collectors: { ...NO_COLLECTORS, memory: { interval: '1s' } } });
    await manager.event(
      'report',
      (event) => event.nodeId === nodeId && event.metrics.some(({ type }) => type === 'memory'),
    );
  });
});

describe('order', () => {
  test('an agent starts once the one that it comes after is ready, and ends before it', async () => {
    await configure([sampleAgent('second', { after: ['first'] }), sampleAgent('first', { start_seconds: '500ms' })]);
    const daemon = await started();
    await running('second');
    const order = host
      .log()
      .filter(({ event, status }) => event === 'agent-status' && (status === 'running' || status === 'starting'));
    const at = (id: string, status: string): number =>
      order.findIndex((line) => line['agentId'] === id && line['status'] === status);
    expect(at('second', 'starting')).toBeGreaterThan(at('first', 'running'));
    await reload(daemon, []);
    const ended = host.log().filter(({ event, status }) => event === 'agent-status' && status === 'stopped');
    expect(ended.map((line) => line['agentId'])).toEqual(['second', 'first']);
  });
});

test('a descriptor of whoever started the daemon does not reach its agents', async () => {
  await configure([sampleAgent('one')]);
  const held = join(host.folder, 'held');
  host.start([], { shell: `exec 200>${held}; exec "$@"` });
  const line = await host.logged('agent-started');
  expect(existsSync(held)).toBe(true);
  expect(existsSync(`/proc/${String(line['pid'])}/fd/200`)).toBe(false);
});
