import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { NEW_RECORD } from '../../../../src/main/agents/instance-state.ts';
import { AgentStore } from '../../../../src/main/agents/store.ts';
import { renderTable } from '../../../../src/main/agents/store-versions.ts';
import { AgentSupervisor } from '../../../../src/main/agents/supervisor.ts';
import type { AgentConfig } from '../../../../src/shared/config/schema.ts';
import { agentConfig } from '../../../fakes/agent-config.ts';
import { FakeClock, settle } from '../../../fakes/clock.ts';
import { FakeLog } from '../../../fakes/log.ts';
import { FakeProcesses } from '../../../fakes/processes.ts';

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

const agent = (id: string, over: Partial<AgentConfig> = {}): AgentConfig => agentConfig({ id, ...over });

async function supervisor(agents: AgentConfig[]): Promise<AgentSupervisor> {
  const made = new AgentSupervisor({
    agents,
    daemonWorkDir: folder,
    store: new AgentStore(join(folder, 'agents.json'), (error) => log.error({ event: 'store', error })),
    baseEnv: ({ id }) => ({ FOR: id }),
    processes,
    clock,
    random: () => 0,
    log,
    version: () => Promise.resolve(''),
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
    onEvent: () => {},
  });
  open.push(made);
  await made.start();
  return made;
}
const listed = (made: AgentSupervisor) => made.instances().map((instance) => instance.snapshot());
const shown = (made: AgentSupervisor): [string, string, number][] =>
  listed(made).map(({ id, status, pid }) => [id, status, pid]);

describe('start and end of the daemon', () => {
  test('starts the enabled agents side by side and keeps the table on disk', async () => {
    const made = await supervisor([agent('a'), agent('b'), agent('c', { enabled: false })]);
    await clock.advance(1000);
    expect(processes.looksForKills).toBe(0);
    await clock.advance(3000);
    expect(processes.looksForKills).toBe(2);
    expect(shown(made)).toEqual([
      ['a', 'running', 1000],
      ['b', 'running', 1001],
      ['c', 'stopped', 0],
    ]);
    expect(changes).toBeGreaterThan(3);
    expect(processes.launched.map(({ env }) => env)).toEqual([{ FOR: 'a' }, { FOR: 'b' }]);
    await made.close();
    const table = JSON.parse(readFileSync(join(folder, 'agents.json'), 'utf8'));
    expect(table.agents.a).toMatchObject({ status: 'running', process: { pid: 1000 } });
    expect(processes.running).toEqual([1000, 1001]);
  });

  test('the next daemon adopts every agent and doubles none', async () => {
    const first = await supervisor([agent('a'), agent('b')]);
    await clock.advance(1000);
    await first.close();
    const second = await supervisor([agent('a'), agent('b')]);
    expect(shown(second)).toEqual([
      ['a', 'running', 1000],
      ['b', 'running', 1001],
    ]);
    expect(processes.launched).toHaveLength(2);
    processes.end(1000, { code: 1, signal: null });
    await clock.advance(4000);
    expect(listed(second)[0]).toMatchObject({ status: 'running', restarts: 1, pid: 1002 });
  });

  test('a corrupt table is set aside and rebuilt from what runs', async () => {
    const first = await supervisor([agent('a')]);
    await clock.advance(1000);
    await first.close();
    writeFileSync(join(folder, 'agents.json'), '{"format":1,"agents":{"a":');
    const second = await supervisor([agent('a')]);
    expect(log.events('agent-table')).toMatchObject([{ level: 'error', path: expect.stringContaining('unreadable') }]);
    expect(shown(second)).toEqual([['a', 'running', 1000]]);
    expect(processes.running).toEqual([1000]);
  });

  test('an agent that is no longer configured is ended, with its children, recorded or not', async () => {
    const { identity } = processes.put();
    const child = processes.putChild('gone');
    const record = { ...NEW_RECORD, status: 'running' as const, process: identity };
    writeFileSync(join(folder, 'agents.json'), renderTable(new Map([['gone', record]])));
    await supervisor([agent('a')]);
    await clock.advance(2000);
    expect(log.events('agent-removed')).toMatchObject([{ agentId: 'gone', pid: identity.pid }]);
    expect(processes.running).not.toContain(identity.pid);
    expect(processes.running).not.toContain(child.pid);
  });

  test('an id that is taken, or unsafe, is refused', async () => {
    await expect(supervisor([agent('a'), agent('a')])).rejects.toThrow('there is an agent a already');
    await expect(supervisor([agent('../x')])).rejects.toThrow('cannot be an agent');
  });
});

describe('order', () => {
  test('an agent starts once those that it comes after are ready', async () => {
    const made = await supervisor([agent('c', { after: ['b'] }), agent('b', { after: ['a'] }), agent('a')]);
    const statuses = (): string[] => ['a', 'b', 'c'].map((id) => made.get(id)?.snapshot().status ?? '');
    expect(statuses()).toEqual(['starting', 'stopped', 'stopped']);
    await clock.advance(1000);
    expect(statuses()).toEqual(['running', 'starting', 'stopped']);
    await clock.advance(1000);
    expect(statuses()).toEqual(['running', 'running', 'starting']);
    expect(processes.launched.map(({ agentId }) => agentId)).toEqual(['a', 'b', 'c']);
  });

  test('one that is not coming holds nobody up', async () => {
    const never = {
      policy: 'never',
      maxRetries: 0,
      backoffBaseMs: 0,
      backoffMaxMs: 0,
      noRestartExitCodes: [],
    } as const;
    const made = await supervisor([
      agent('off', { enabled: false }),
      agent('fails', { restart: { ...never, noRestartExitCodes: [] } }),
      agent('b', { after: ['off', 'fails'] }),
    ]);
    expect(made.get('b')?.snapshot().status).toBe('stopped');
    processes.end(1000, { code: 1, signal: null });
    await clock.advance(1000);
    expect(made.get('fails')?.snapshot().status).toBe('failed');
    expect(made.get('b')?.snapshot().status).toBe('running');
  });

  test('what runs is adopted at once, whatever it comes after', async () => {
    const first = await supervisor([agent('a'), agent('b', { after: ['a'] })]);
    await clock.advance(3000);
    await first.close();
    processes.end(1000, { code: 1, signal: null });
    const second = await supervisor([agent('a'), agent('b', { after: ['a'] })]);
    expect(second.get('b')?.snapshot()).toMatchObject({ status: 'running', pid: 1001 });
  });

  test('stopAll stops in reverse and tells each outcome; startAll starts what is enabled', async () => {
    const made = await supervisor([agent('a'), agent('b', { after: ['a'] }), agent('c', { enabled: false })]);
    await clock.advance(3000);
    const stopped = made.stopAll('asked');
    await clock.advance(1000);
    expect((await stopped).map(({ agentId, ok }) => `${agentId} ${ok}`).sort()).toEqual(['a true', 'b true', 'c true']);
    expect(processes.signals.filter(({ signal }) => signal === 'SIGTERM').map(({ pid }) => pid)).toEqual([1001, 1000]);
    processes.failure = new Error('no such file');
    const failing = made.startAll();
    await clock.advance(0);
    await made.stopAll('enough');
    processes.failure = null;
    const started = made.startAll();
    await clock.advance(3000);
    expect((await failing).find(({ agentId }) => agentId === 'a')).toMatchObject({
      ok: false,
      reason: expect.stringContaining('no such file'),
    });
    expect(await started).toEqual(['a', 'b'].map((agentId) => ({ agentId, ok: true, reason: '' })));
    expect(shown(made).map(([, status]) => status)).toEqual(['running', 'running', 'stopped']);
  });
});

test('one that still waits for its turn at the start is taken up first, and started once', async () => {
  const made = await supervisor([agent('a'), agent('b', { after: ['a'] })]);
  expect(processes.launched).toHaveLength(1);
  const started = made.startAll();
  await clock.advance(3000);
  expect(await started).toEqual(['a', 'b'].map((agentId) => ({ agentId, ok: true, reason: '' })));
  expect(processes.launched.map(({ agentId }) => agentId)).toEqual(['a', 'b']);
});

describe('a changed configuration', () => {
  test('an agent that is new is started, one that is gone drains and is forgotten', async () => {
    const made = await supervisor([agent('a')]);
    await clock.advance(1000);
    await made.add(agent('b'));
    await clock.advance(1000);
    expect(shown(made).map(([id, status]) => [id, status])).toEqual([
      ['a', 'running'],
      ['b', 'running'],
    ]);
    const removed = made.remove('a');
    await clock.advance(1000);
    await removed;
    expect(listed(made).map(({ id }) => id)).toEqual(['b']);
    expect(processes.running).toEqual([1001]);
    await made.remove('absent');
  });

  test('one that does not end is not forgotten', async () => {
    const made = await supervisor([agent('a')]);
    await clock.advance(1000);
    processes.ignored = new Set(['SIGTERM', 'SIGKILL']);
    const removed = expect(made.remove('a')).rejects.toMatchObject({ code: 'D3002' });
    await clock.advance(60_000);
    await removed;
    expect(shown(made)).toEqual([['a', 'stopping', 1000]]);
  });
});

test('fifty agents started side by side share the look through all processes', async () => {
  const many = Array.from({ length: 50 }, (_, i) => agent(`a${i}`));
  const made = await supervisor(many);
  await clock.advance(1000);
  expect(listed(made).every(({ status }) => status === 'running')).toBe(true);
  const stopped = made.stopAll('asked');
  await clock.advance(1000);
  expect((await stopped).every(({ ok }) => ok)).toBe(true);
  await settle();
  expect(processes.running).toEqual([]);
  expect(processes.scans).toBeLessThan(10);
});
