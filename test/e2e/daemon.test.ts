/** The whole job with real parts: the built daemon, a Manager in its own process, real TLS, processes and signals. */
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createAuthority } from '../../src/demo/certificates.ts';
import type { ReportedState } from '../../src/shared/contracts/manager-events.ts';
import { isAlive, readStat } from '../../src/shared/platform/proc.ts';
import { sampleAgent, TestHost } from '../support/daemon-process.ts';
import { ManagerProcess } from '../support/manager-process.ts';
import { expectNoProcessWith, processesWith } from '../support/processes.ts';
import { waitFor } from '../support/wait-until.ts';

let host: TestHost;
let manager: ManagerProcess;

beforeEach(async () => {
  host = await TestHost.make();
  manager = await ManagerProcess.start();
});
afterEach(async () => {
  await host.remove();
  await manager.stop('SIGKILL');
});

const configure = (over: Record<string, unknown> = {}): Promise<void> =>
  host.configure(manager.port, manager.tlsFolder, over);
const latestState = (id: string): ReportedState | undefined =>
  manager
    .eventsNamed('states')
    .at(-1)
    ?.states.find(({ agentId }) => agentId === id);
const state = (id: string, fits: (state: ReportedState) => boolean): Promise<ReportedState> =>
  waitFor(
    () => {
      const found = latestState(id);
      return found && fits(found) ? found : null;
    },
    { what: `agent ${id} in the wanted state`, timeoutMs: 20_000 },
  );
const alive = (pid: number): boolean => isAlive(readStat(pid));
const metric = async (type: string): Promise<Record<string, number>> => {
  const report = await manager.event('report', ({ metrics }) => metrics.some((m) => m.type === type));
  return report.metrics.find((m) => m.type === type)?.values ?? {};
};

describe('the main job', () => {
  test('registers, sends heartbeats, reports every collector and each agent’s state', async () => {
    await configure({ agents: [sampleAgent('one')] });
    host.start();
    const registered = await manager.event('registered');
    expect(registered).toMatchObject({ accepted: true, os: 'linux', ip: '127.0.0.1', daemonVersion: '0.1.0' });
    expect(registered.nodeId).toBe(readFileSync(join(host.workDir, 'node-id'), 'utf8').trim());
    await waitFor(() => manager.eventsNamed('heartbeat').length >= 3, { what: 'three heartbeats' });
    const order = manager.events.map(({ event }) => event);
    expect(order.indexOf('heartbeat')).toBe(order.indexOf('registered') + 1);

    const cpu = await metric('cpu');
    expect(cpu['cores']).toBe(cpus().length);
    expect(cpu['usage_percent']).toBeGreaterThanOrEqual(0);
    expect(cpu['usage_percent']).toBeLessThanOrEqual(100);
    const memory = await metric('memory');
    const total = Number(/^MemTotal:\s+(\d+) kB/m.exec(readFileSync('/proc/meminfo', 'utf8'))?.[1]) * 1024;
    expect(memory['total']).toBe(total);
    expect(memory['total_bytes']).toBe(total);
    expect(memory['available']).toBeLessThan(total);
    const disk = await metric('disk');
    const [size = '', used = ''] =
      execFileSync('df', ['--block-size=1', '--output=size,used', '/'], { encoding: 'utf8' })
        .split('\n')[1]
        ?.trim()
        .split(/\s+/) ?? [];
    expect(disk['/.total']).toBe(Number(size));
    expect(Math.abs((disk['/.used'] ?? 0) / Number(used) - 1)).toBeLessThan(0.05);
    const network = await metric('network');
    expect(network['interface_count']).toBeGreaterThanOrEqual(0);
    for (const values of [cpu, memory, disk, network]) expect(Object.values(values).every(Number.isFinite)).toBe(true);

    const one = await state('one', ({ status, lastHeartbeat }) => status === 'running' && lastHeartbeat > 0);
    expect(alive(one.pid)).toBe(true);
    expect(one).toMatchObject({ type: 'custom', version: '0.1.0', restartCount: 0 });
  });

  test('each type and second is reported once', async () => {
    await configure();
    host.start();
    await waitFor(() => manager.eventsNamed('report').length >= 4, { what: 'four reports' });
    const sent = manager.eventsNamed('report').flatMap(({ metrics }) => metrics.map((m) => `${m.type} ${m.timestamp}`));
    expect(new Set(sent).size).toBe(sent.length);
  });

  test('a plugin that spins is ended and told as D5001; the others report on', async () => {
    const module = join(host.folder, 'spins.mjs');
    await writeFile(module, 'export function collect() { for (;;); }');
    const good = join(host.folder, 'good.mjs');
    await writeFile(good, 'export const collect = (n) => ({ values: { runs: (n ?? 0) + 1 }, state: (n ?? 0) + 1 });');
    await configure({
      collectors: {
        memory: { interval: '1s' },
        spins: { module, interval: '1s', timeout: '200ms' },
        good: { module: good, interval: '1s' },
      },
    });
    host.start();
    expect(await host.logged('collect-failed')).toMatchObject({ collector: 'spins', code: 'D5001' });
    const runs = (): number[] =>
      manager
        .eventsNamed('report')
        .flatMap(({ metrics }) => metrics.flatMap((m) => (m.type === 'good' ? [m.values['runs'] ?? 0] : [])));
    await waitFor(() => runs().length >= 3, { what: 'three reports of the plugin' });
    // its state is carried on; two runs within one second of the clock are one entry, since the Manager knows no doubles
    const [first = 0, second = 0, third = 0] = runs();
    expect(first).toBe(1);
    expect([second > first, third > second]).toEqual([true, true]);
    expect(
      manager.eventsNamed('report').filter(({ metrics }) => metrics.some((m) => m.type === 'memory')).length,
    ).toBeGreaterThan(1);
  });
});

describe('agents', () => {
  test('one that is killed is started again', async () => {
    await configure({ agents: [sampleAgent('one')] });
    host.start();
    const first = await state('one', ({ status }) => status === 'running');
    process.kill(first.pid, 'SIGKILL');
    const second = await state('one', ({ status, restartCount }) => status === 'running' && restartCount === 1);
    expect(second.pid).not.toBe(first.pid);
    expect(alive(second.pid)).toBe(true);
    expect(alive(first.pid)).toBe(false);
    expect(await host.logged('agent-exited')).toMatchObject({ agentId: 'one', signal: 'SIGKILL' });
  });

  test('they start although the Manager cannot be reached', async () => {
    await manager.child.kill('SIGKILL');
    await configure({ agents: [sampleAgent('one')] });
    host.start();
    await host.logged('agent-status', ({ status }) => status === 'running');
    expect(await host.logged('link-state', (line) => line['state'] === 'backing-off')).toMatchObject({ code: 'D2001' });
  });

  test('a daemon that ends leaves them running; the next one adopts them and doubles none', async () => {
    await configure({ agents: [sampleAgent('one'), sampleAgent('two')] });
    const daemon = host.start();
    const before = await Promise.all(['one', 'two'].map((id) => state(id, ({ status }) => status === 'running')));
    expect(await daemon.kill('SIGTERM')).toEqual({ code: 0, signal: null });
    expect(before.every(({ pid }) => alive(pid))).toBe(true);
    expect(existsSync(join(host.folder, 'daemon.pid'))).toBe(false);
    expect(existsSync(join(host.workDir, 'heartbeat.sock'))).toBe(false);

    const since = host.log().length;
    host.start();
    for (const { agentId, pid } of before) {
      await host.logged('agent-adopted', (line) => line['agentId'] === agentId && line['pid'] === pid, since);
    }
    await waitFor(() => manager.eventsNamed('registered').length === 2, { what: 'the second registration' });
    for (const { agentId, pid } of before) {
      expect((await state(agentId, ({ status, lastHeartbeat }) => status === 'running' && lastHeartbeat > 0)).pid).toBe(
        pid,
      );
    }
    expect(host.agents().sort()).toEqual(before.map(({ pid }) => pid).sort());
    expect(new Set(manager.eventsNamed('registered').map(({ nodeId }) => nodeId)).size).toBe(1);
  });

  test('after kill -9 of the daemon they are adopted too, even where the table was lost', async () => {
    await configure({ agents: [sampleAgent('one')] });
    const daemon = host.start();
    const { pid } = await state('one', ({ status }) => status === 'running');
    await daemon.kill('SIGKILL');
    expect(existsSync(join(host.folder, 'daemon.pid'))).toBe(true); // stale, and to be replaced
    rmSync(join(host.workDir, 'agents.json'));
    const since = host.log().length;
    host.start();
    await host.logged('agent-adopted', (line) => line['pid'] === pid, since);
    expect(host.agents()).toEqual([pid]);
  });

  test('an adopted one that ends is started again; a torn table is set aside', async () => {
    await configure({ agents: [sampleAgent('one')] });
    const daemon = host.start();
    const { pid } = await state('one', ({ status }) => status === 'running');
    await daemon.kill('SIGKILL');
    await writeFile(join(host.workDir, 'agents.json'), '{"format":1,"age');
    const since = host.log().length;
    host.start();
    await host.logged('agent-adopted', (line) => line['pid'] === pid, since);
    expect(readdirSync(host.workDir).some((name) => name.startsWith('agents.json.unreadable-'))).toBe(true);
    process.kill(pid, 'SIGKILL');
    const next = await state('one', (now) => now.status === 'running' && now.pid !== pid);
    expect(host.agents()).toEqual([next.pid]);
  });

  test('one that was disabled or taken out of the configuration is ended by the next daemon', async () => {
    await configure({ agents: [sampleAgent('one'), sampleAgent('two')] });
    const daemon = host.start();
    await state('one', ({ status }) => status === 'running');
    await state('two', ({ status }) => status === 'running');
    await daemon.kill('SIGTERM');
    await configure({ agents: [sampleAgent('one', { enabled: false })] });
    host.start();
    await state('one', ({ status, reason }) => status === 'stopped' && reason !== '');
    await waitFor(() => host.agents().length === 0, { what: 'the end of both agents' });
  });

  test('one that ends at once is retried by the staircase and told with its last line', async () => {
    await configure({
      agents: [
        {
          id: 'bad',
          type: 'custom',
          binary_path: '/bin/sh',
          args: ['-c', 'echo no such option >&2; exit 3'],
          restart: { max_retries: 1 },
        },
      ],
    });
    host.start();
    const failed = await state('bad', ({ status }) => status === 'failed');
    expect(failed.reason).toContain('with code 3');
    expect(failed.reason).toContain('no such option');
    expect(failed.restartCount).toBe(1);
    expect(host.log().filter(({ event }) => event === 'agent-start-failed')).toHaveLength(2);
  });

  const exporter = ['prometheus-node-exporter', 'node_exporter'].find((name) =>
    (process.env['PATH'] ?? '').split(':').some((folder) => existsSync(join(folder, name))),
  );
  test.skipIf(!exporter)(`a real node_exporter${exporter ? '' : ' (left out: none is installed)'}`, async () => {
    const program = execFileSync('which', [exporter ?? ''], { encoding: 'utf8' }).trim();
    await configure({
      agents: [
        {
          id: 'node-exporter',
          type: 'node_exporter',
          binary_path: program,
          args: ['--web.listen-address=127.0.0.1:0'],
        },
      ],
    });
    host.start();
    const { pid } = await state('node-exporter', ({ status }) => status === 'running');
    expect(readFileSync(join(host.workDir, 'logs/node-exporter.log'), 'utf8')).toMatch(/[Ll]istening on/);
    process.kill(pid, 'SIGKILL');
    await state('node-exporter', (now) => now.status === 'running' && now.restartCount === 1);
  });
});

describe('the link', () => {
  test('a Manager that goes away and comes back is registered with again, and gets what was collected meanwhile', async () => {
    await configure();
    host.start();
    await manager.event('report');
    const gone = Math.floor(Date.now() / 1000);
    await manager.child.kill('SIGKILL');
    await host.logged('link-state', (line) => line['state'] === 'backing-off');
    const collected = host.log().length;
    await waitFor(
      () =>
        host
          .log()
          .slice(collected)
          .filter(({ event }) => event === 'collected').length >= 8,
      {
        what: 'two collections without a Manager',
      },
    );
    const back = await ManagerProcess.start({ tlsFolder: manager.tlsFolder, port: manager.port });
    try {
      await back.event('registered');
      await back.event('heartbeat');
      const reported = (): number[] =>
        back.eventsNamed('report').flatMap(({ metrics }) => metrics.map(({ timestamp }) => timestamp));
      await waitFor(() => reported().filter((timestamp) => timestamp >= gone).length > 4, {
        what: 'more than one collection',
      });
      // what was under way when it went may come first; nothing older does
      expect(Math.min(...reported())).toBeGreaterThanOrEqual(gone - 2);
    } finally {
      await back.stop('SIGKILL');
    }
  });

  test('a Manager of an unknown CA is refused with D2001 and the check that failed', async () => {
    const other = await createAuthority('another');
    await configure();
    const ca = join(host.folder, 'other.crt');
    await writeFile(ca, other.cert);
    await writeFile(host.configFile, readFileSync(host.configFile, 'utf8').replace(/ca_file: .*/, `ca_file: ${ca}`));
    host.start();
    const line = await host.logged('link-state', (candidate) => candidate['state'] === 'backing-off');
    expect(line).toMatchObject({ level: 'warn', code: 'D2001' });
    expect(line['reason']).toMatch(/check: unknown CA/);
    expect(manager.eventsNamed('registered')).toEqual([]);
  });

  test('a Manager that drops the connection is registered with again', async () => {
    await configure();
    host.start();
    await manager.event('heartbeat');
    await manager.fault({ fault: 'drop' });
    await waitFor(() => manager.eventsNamed('registered').length === 2, { what: 'the second registration' });
  });
});

describe('the process', () => {
  test('SIGTERM and SIGINT end it with 0 and leave nothing behind', async () => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) {
      await configure();
      const before = manager.eventsNamed('heartbeat').length;
      const daemon = host.start();
      await waitFor(() => manager.eventsNamed('heartbeat').length > before, { what: 'a heartbeat' });
      expect(await daemon.kill(signal)).toEqual({ code: 0, signal: null });
      expect(readdirSync(host.folder).sort()).toEqual(['daemon.log', 'etc', 'work']);
      expect(readdirSync(host.workDir).sort()).toEqual(['agents.json', 'history', 'node-id']);
      expect(host.log().at(-1)).toMatchObject({ event: 'stopped' });
    }
    await expectNoProcessWith(host.configFile);
  });

  test('a second signal ends it at once', async () => {
    // a report that is stalled holds the first one up
    await manager.fault({ fault: 'stall', method: 'ReportMetrics' });
    await configure();
    const daemon = host.start();
    await host.logged('collection', (line) => (line['collectors'] as string[]).length === 4);
    await host.logged('collected');
    daemon.signal('SIGTERM');
    await host.logged('stopping');
    daemon.signal('SIGINT');
    expect(await daemon.ended()).toEqual({ code: 130, signal: null });
  });

  test('a second instance is refused with 3 and harms nothing', async () => {
    await configure({ agents: [sampleAgent('one')] });
    const daemon = host.start();
    const { pid } = await state('one', ({ status }) => status === 'running');
    const second = host.start();
    expect(await second.ended()).toEqual({ code: 3, signal: null });
    expect(second.stderr.join()).toContain(`another instance runs with pid ${daemon.pid}`);
    expect(daemon.exit).toBeNull();
    expect(host.agents()).toEqual([pid]);
  });

  test('SIGHUP opens the log anew', async () => {
    await configure();
    const daemon = host.start();
    await host.logged('heartbeat');
    renameSync(host.logFile, `${host.logFile}.1`);
    daemon.signal('SIGHUP');
    await host.logged('log-reopened');
    await host.logged('heartbeat');
  });

  test('the log and the table hold no secret', async () => {
    await configure({ agents: [sampleAgent('one', { env: { API_TOKEN: 'top-secret-value' } })] });
    host.start();
    await state('one', ({ status }) => status === 'running');
    await waitFor(() => manager.eventsNamed('report').length > 1, { what: 'reports' });
    const key = readFileSync(join(manager.tlsFolder, 'client.key'), 'utf8').split('\n')[1] ?? 'no key';
    for (const file of [host.logFile, join(host.workDir, 'agents.json')]) {
      const text = readFileSync(file, 'utf8');
      expect(text).not.toContain('top-secret-value');
      expect(text).not.toContain(key);
    }
  });

  test('threads come and go: none stays when the intervals are long', async () => {
    const minute = { interval: '60s' };
    await configure({ collectors: { cpu: minute, memory: minute, disk: minute, network: minute } });
    const daemon = host.start();
    await manager.event('report');
    const threads = (): number => readdirSync(`/proc/${daemon.pid}/task`).length;
    const resting = await waitFor(() => (threads() <= 11 ? threads() : null), { what: 'the end of the worker thread' });
    expect(resting).toBeLessThanOrEqual(11); // Node's own: main, V8's and libuv's pools
    expect(processesWith(host.configFile)).toEqual([daemon.pid]);
  });
});

describe('the command line', () => {
  const output = async (args: string[]): Promise<{ code: number | null; out: string; err: string }> => {
    const child = host.start(args);
    const { code } = await child.ended();
    return { code, out: child.stdout.join('\n'), err: child.stderr.join('\n') };
  };

  test('--check: 0 for a valid file, 1 with every problem for another', async () => {
    await configure();
    expect(await output(['--check'])).toMatchObject({ code: 0, out: `${host.configFile} is valid` });
    await writeFile(
      host.configFile,
      ['daemon:', '  log_levl: info', 'manager:', '  address: nowhere', '  heartbeat_interval: 5', ''].join('\n'),
    );
    const { code, err } = await output(['--check']);
    expect(code).toBe(1);
    expect(err).toContain(`${host.configFile}:2:3`);
    expect(err).toContain('log_level');
    expect(err).toContain(`${host.configFile}:4:12`);
    expect(err).toContain(`${host.configFile}:5:23`);
    expect(err.match(/D1002/g)).toHaveLength(3);
    expect((await output([])).code).toBe(1);
  });

  test('a file that cannot be read is D1001', async () => {
    const { code, err } = await output([]);
    expect(code).toBe(1);
    expect(err).toContain('D1001');
  });

  test('--version, --help, and an unknown option', async () => {
    expect(await output(['--version'])).toMatchObject({ code: 0, out: '0.1.0' });
    expect((await output(['--help'])).out).toContain('Exit codes');
    expect(await output(['--nonsense'])).toMatchObject({ code: 2, err: expect.stringContaining('--nonsense') });
  });
});
