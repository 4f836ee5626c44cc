import { beforeEach, describe, expect, test } from 'vitest';
import { type ControlledHost, controlHandlers } from '../../../../src/main/control/handlers.ts';
import type { AgentView, ControlHandlers, LinkView } from '../../../../src/shared/contracts/control.ts';

const COLLECTED = { atMs: 5, samples: [], errors: [] };
const LINK = {
  state: 'connected',
  sinceMs: 1,
  reason: '',
  address: 'm:1',
  nodeId: 'n',
  events: 3,
} as unknown as LinkView;
const BEGUN = { id: 'u', state: 'begun', message: '' } as const;
const agent = (id: string, status: AgentView['status']): AgentView => ({ id, status }) as AgentView;

let calls: unknown[][];
let logFile: string;

beforeEach(() => {
  calls = [];
  logFile = '/var/log/daemon.log';
});

const look = (timestamp: number, cpu: number) => ({
  ...{ timestamp, cpu, memoryRss: 1e6, memoryVms: 2e6, diskReadBytes: 0, diskWriteBytes: 4096, openFiles: 9 },
});

function handlers(over: Partial<ControlledHost> = {}): ControlHandlers {
  const called =
    <T>(name: string, answer: T) =>
    async (...args: unknown[]): Promise<T> => {
      calls.push([name, ...args]);
      return answer;
    };
  return controlHandlers({
    identity: {
      ...{ version: '1', pid: 7, nodeId: 'n', hostName: 'h', startedMs: 1, configFile: '/c', workDir: '/w' },
      logFile,
    },
    footprint: () => ({ mode: 'full', givesPagesBack: true }),
    rssBytes: () => 14e6,
    agents: {
      views: () => [agent('a', 'running'), agent('b', 'running'), agent('c', 'failed')],
      lastChecks: () => ({ pid: 1, results: [] }),
      checks: called('checks', { pid: 2, results: [] }),
    },
    collection: () => ({ last: () => COLLECTED, fresh: called('fresh', { ...COLLECTED, atMs: 9 }) }),
    link: () => LINK,
    events: called('events', { events: [], newest: 4 }),
    operations: {
      operate: called('operate', []),
      usage: (agentId, seconds) => [look(seconds, agentId.length)],
      agentConfig: async (agentId) => ({ text: 'a: 1', message: agentId === 'b' ? 'it has none' : '' }),
      update: called('update', BEGUN),
      rollback: called('rollback', BEGUN),
    },
    updates: {
      underWay: 1,
      status: called('status', { underWay: [], results: [], refused: [] }),
      acknowledge: called('acknowledge', undefined),
      backups: called('backups', []),
    },
    agentLines: called('agentLines', { lines: [], cursor: '', more: false }),
    daemonLines: called('daemonLines', { lines: [], cursor: '', more: false }),
    reload: async () => ({ applied: { changes: [], needsRestart: [] } }),
    effectiveConfig: async () => ({ daemon: {} }),
    configOrigins: async () => [],
    ...over,
  });
}

test('status has what is asked for, and neither the log file nor what the link alone is asked for', async () => {
  expect(await handlers().status({})).toEqual({
    ...{ version: '1', pid: 7, nodeId: 'n', hostName: 'h', startedMs: 1, configFile: '/c', workDir: '/w' },
    footprint: { mode: 'full', givesPagesBack: true },
    rssBytes: 14e6,
    agents: { running: 2, failed: 1 },
    link: { state: 'connected', sinceMs: 1, reason: '', address: 'm:1' },
    lastCollectionMs: 5,
    updatesUnderWay: 1,
  });
});

test('what an agent used, and its own configuration', async () => {
  expect(await handlers().usage({ agentId: 'a', seconds: 60 })).toEqual([look(60, 1)]);
  expect(await handlers().usage({ agentId: 'a' } as never)).toEqual([look(0, 1)]);
  await expect(handlers().usage({ agentId: 'a', seconds: -1 })).rejects.toMatchObject({ code: 'invalid' });
  expect(await handlers().agentConfig({ agentId: 'a' })).toEqual({ text: 'a: 1' });
  await expect(handlers().agentConfig({ agentId: 'b' })).rejects.toMatchObject({ message: 'it has none' });
});

test('metrics and health: as last, or now', async () => {
  const { metrics, health } = handlers();
  expect([(await metrics({ fresh: false })).atMs, (await metrics({ fresh: true })).atMs]).toEqual([5, 9]);
  expect((await health({ agentId: 'a', fresh: false })).pid).toBe(1);
  expect((await health({ agentId: 'a', fresh: true })).pid).toBe(2);
  expect(calls).toEqual([['fresh'], ['checks', 'a']]);
});

describe('an agent that there is not', () => {
  test.each<[string, (from: ControlHandlers) => Promise<unknown>]>([
    ['operate', ({ operate }) => operate({ agentId: 'x', action: 'start' })],
    ['logs', ({ logs }) => logs({ agentId: 'x', lines: 1, cursor: '' })],
    ['health', ({ health }) => health({ agentId: 'x', fresh: true })],
    ['usage', ({ usage }) => usage({ agentId: 'x', seconds: 1 })],
    ['agentConfig', ({ agentConfig }) => agentConfig({ agentId: 'x' })],
    ['health without one', ({ health }) => health({ agentId: '', fresh: false })],
  ])('%s', async (_, ask) => {
    await expect(ask(handlers())).rejects.toMatchObject({ code: 'no-agent' });
    expect(calls).toEqual([]);
  });
});

test('all agents are meant with no id; a question that waits is handed on with when to let go', async () => {
  const gone = new AbortController();
  await handlers().operate({ agentId: '', action: 'stop' }, { signal: gone.signal });
  expect(calls[0]).toEqual(['operate', '', 'stop']);
  await handlers().events({ after: 1, limit: 2, waitMs: 3 }, { signal: gone.signal });
  expect(calls[1]).toEqual(['events', { after: 1, limit: 2, waitMs: 3, signal: gone.signal }]);
});

test.each(['D1001', 'D1002'] as const)('a configuration that is refused is %s, with what is wrong', async (code) => {
  expect(await handlers().reload({})).toEqual({ changes: [], needsRestart: [] });
  const { reload } = handlers({ reload: async () => ({ problems: 'f:1:1: error\n', code }) });
  await expect(reload({})).rejects.toMatchObject({ code, message: 'f:1:1: error' });
});

test('the daemon’s own log, unless it goes to the standard output', async () => {
  const wanted = { lines: 7, cursor: 'c' };
  await handlers().logs({ agentId: '', ...wanted });
  await handlers().logs({ agentId: 'a', ...wanted });
  expect(calls).toEqual([
    ['daemonLines', wanted],
    ['agentLines', 'a', wanted],
  ]);
  logFile = '-';
  await expect(handlers().logs({ agentId: '', ...wanted })).rejects.toMatchObject({ code: 'invalid' });
});
