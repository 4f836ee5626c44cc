/** Starting, stopping and restarting by request: with real agents and their processes, and by a clock of the test's. */
import { chmodSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { Agents } from '../../../../src/main/agents/agents.ts';
import { SystemProcesses } from '../../../../src/main/agents/launcher.ts';
import { Scheduler } from '../../../../src/main/schedule/scheduler.ts';
import {
  type AgentOperation,
  AgentOperator,
  type OperableAgents,
  THIS_HOST,
} from '../../../../src/main/server/agent-operations.ts';
import { Dispatcher } from '../../../../src/main/server/dispatcher.ts';
import { Operations } from '../../../../src/main/server/operations.ts';
import { parseConfig } from '../../../../src/shared/config/parse.ts';
import { type AuditEntry, REMOTE_OPERATIONS, type RemoteCaller } from '../../../../src/shared/contracts/remote.ts';
import type { AgentOperationResponse } from '../../../../src/shared/gen/daemon.ts';
import { systemClock } from '../../../../src/shared/platform/clock.ts';
import { FakeClock, settle } from '../../../fakes/clock.ts';
import { FakeLog } from '../../../fakes/log.ts';
import { expectNoProcessWith } from '../../../support/processes.ts';
import { testFolder } from '../../../support/temp-folder.ts';
import { waitFor } from '../../../support/wait-until.ts';
import { FakeAgents } from './served.ts';

const DONE: AgentOperationResponse = { success: true, errorMessage: '' };

/** Agents `steady`, `stubborn` (ends by SIGKILL only) and `broken` (cannot be started), none of them started yet. */
async function realHost() {
  const folder = await testFolder('real-agents');
  const program = (name: string, script: string, mode = 0o755): string => {
    const path = join(folder, name);
    writeFileSync(path, `#!/bin/sh\necho begun >> ${path}.starts\n${script}\n`);
    chmodSync(path, mode);
    return path;
  };
  const agents = [
    { id: 'steady', binary_path: program('steady', 'exec sleep 600') },
    { id: 'stubborn', binary_path: program('stubborn', "trap '' TERM; while :; do sleep 0.1; done") },
    { id: 'broken', binary_path: program('broken', 'exit 0', 0o644) },
  ].map((agent) => ({ ...agent, type: 'custom', enabled: false, start_seconds: '0s', stop_timeout: '500ms' }));
  const text = JSON.stringify({ daemon: { work_dir: folder }, manager: { address: 'm:9090' }, agents });
  const { config, diagnostics } = parseConfig(text, 'daemon.yaml');
  if (!config) throw new Error(JSON.stringify(diagnostics));
  const log = new FakeLog();
  const scheduler = new Scheduler({
    clock: systemClock,
    random: Math.random,
    onError: (error) => expect.fail(`${error}`),
  });
  const made = new Agents({
    ...{ config, log, clock: systemClock, random: Math.random, environment: process.env },
    processes: new SystemProcesses(),
    after: scheduler.after.bind(scheduler),
    every: scheduler.every.bind(scheduler),
    checkHealth: async () => [],
    logTasks: { run: () => Promise.reject(new Error('nothing is rotated here')) },
    ...{ onChange: () => {}, onAlert: () => {}, onEvent: () => {} },
  });
  onTestFinished(async () => {
    await Promise.all(['steady', 'stubborn'].map((id) => made.stopAgent(id, 'the test has ended')));
    await made.close();
    scheduler.close();
    await expectNoProcessWith(folder);
  });
  await made.start();
  const entries: AuditEntry[] = [];
  const dispatcher = new Dispatcher({
    operations: new Operations({
      nodeIds: () => ['node-1'],
      agents: made,
      isUpdating: () => false,
      effectiveConfig: async () => ({}),
      downloadDir: () => folder,
      request: async () => ({ state: 'begun', message: '' }),
    }),
    access: () => ({ allowedNames: [], allow: REMOTE_OPERATIONS, plaintext: false }),
    audit: { write: (entry) => entries.push(entry) },
    clock: systemClock,
  });
  const starts = (id: string): number => {
    const file = join(folder, `${id}.starts`);
    return existsSync(file) ? readFileSync(file, 'utf8').trim().split('\n').length : 0;
  };
  return { agents: made, dispatcher, entries, starts };
}
type RealHost = Awaited<ReturnType<typeof realHost>>;

const WAYS: RemoteCaller['via'][] = ['port', 'stream'];

async function ask(
  { dispatcher }: RealHost,
  agentId: string,
  operation: AgentOperation,
  { via = 'port', gone = () => false }: { via?: RemoteCaller['via']; gone?: () => boolean } = {},
): Promise<AgentOperationResponse> {
  const outcome = await dispatcher.call('OperateAgent', { agentId, operation }, { via, names: [], gone });
  return 'response' in outcome ? outcome.response : expect.fail(outcome.message);
}

const pid = ({ agents }: RealHost, id: string): number => agents.find(id)?.snapshot.pid ?? 0;

describe('real agents', () => {
  test('restarts asked for at once are one restart, each with a line of its own', async () => {
    const host = await realHost();
    await ask(host, 'stubborn', 'start');
    const before = pid(host, 'stubborn');
    await waitFor(() => host.starts('stubborn') === 1, { what: 'its first start' });
    const asked = WAYS.flatMap((via) => [
      ask(host, 'stubborn', 'restart', { via }),
      ask(host, 'stubborn', 'restart', { via }),
    ]);
    expect(await Promise.all(asked)).toEqual([DONE, DONE, DONE, DONE]);
    expect(pid(host, 'stubborn')).not.toBe(before);
    await waitFor(() => host.starts('stubborn') === 2, { what: 'its second start' });
    expect(host.entries.filter(({ asked: what }) => what === 'restart')).toHaveLength(4);
  });

  test('one that cannot be started is an answer with the reason, each time anew', async () => {
    const host = await realHost();
    for (let n = 0; n < 2; n++) {
      expect(await ask(host, 'broken', 'start')).toEqual({
        success: false,
        errorMessage: expect.stringMatching(/^agent broken .*is not executable/),
      });
    }
    expect(host.entries).toMatchObject([{ outcome: 'failed' }, { outcome: 'failed' }]);
  });

  test.each(WAYS)(
    'over the %s, a restart whose caller leaves goes on, and the next call has its outcome',
    async (via) => {
      const host = await realHost();
      await ask(host, 'stubborn', 'start');
      const before = pid(host, 'stubborn');
      await waitFor(() => host.starts('stubborn') === 1, { what: 'its first start' });
      await ask(host, 'stubborn', 'restart', { via, gone: () => true });
      await waitFor(() => host.starts('stubborn') === 2, { what: 'its second start' });
      const after = pid(host, 'stubborn');
      expect(after).not.toBe(before);
      expect(await ask(host, 'stubborn', 'restart', { via })).toEqual(DONE);
      expect(pid(host, 'stubborn')).toBe(after);
      expect(host.entries.map(({ outcome }) => outcome)).toEqual(['done', 'done', 'done']);
    },
  );
});

describe('an outcome that nobody waited for', () => {
  function operating(outcomes: (Error | null)[]) {
    const clock = new FakeClock();
    const done: string[] = [];
    const agents: OperableAgents = new FakeAgents(['one', 'two'], async (what, id) => {
      done.push(`${what} ${id}`);
      const outcome = outcomes.shift();
      if (outcome) throw outcome;
    });
    return { clock, done, operator: new AgentOperator(agents, clock) };
  }
  const left = (): boolean => true;

  test('is told once, in place of doing it again', async () => {
    const { done, operator } = operating([new Error('no room'), null]);
    await operator.operate('one', 'restart', left);
    expect(await operator.operate('one', 'restart')).toEqual({
      success: false,
      errorMessage: 'the restart that was asked for before failed: no room',
    });
    expect(await operator.operate('one', 'restart')).toEqual(DONE);
    expect(done).toEqual(['restart one', 'restart one']);
  });

  test.each<[string, (AgentOperation | 'wait')[], number]>([
    ['is no news after a minute', ['restart', 'wait', 'restart'], 2],
    ['is out of date after another operation on the agent', ['restart', 'stop', 'restart'], 3],
    ['is not needed where a start or a stop succeeded', ['start', 'start'], 2],
    ['is told within the minute', ['restart', 'restart'], 1],
  ])('%s', async (_, steps, expected) => {
    const { clock, done, operator } = operating([]);
    for (const [index, step] of steps.entries()) {
      if (step === 'wait') await clock.advance(60_000);
      else expect(await operator.operate('one', step, () => index === 0)).toEqual(DONE);
    }
    expect(done).toHaveLength(expected);
  });

  test('is not told to somebody on this host, who wants it done now', async () => {
    const { done, operator } = operating([new Error('no room'), null]);
    await operator.operate('one', 'restart', left);
    expect(await operator.operate('one', 'restart', undefined, THIS_HOST)).toEqual(DONE);
    expect(done).toEqual(['restart one', 'restart one']);
  });

  test('is another agent’s no business, and no news where one of several callers heard it', async () => {
    const { done, operator } = operating([]);
    await operator.operate('one', 'restart', left);
    await operator.operate('two', 'restart');
    await operator.operate('one', 'restart');
    expect(done).toEqual(['restart one', 'restart two']);
    await Promise.all([operator.operate('two', 'restart', left), operator.operate('two', 'restart')]);
    await settle();
    await operator.operate('two', 'restart');
    expect(done).toEqual(['restart one', 'restart two', 'restart two', 'restart two']);
  });
});
