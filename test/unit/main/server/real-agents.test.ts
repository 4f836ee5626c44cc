/** The operations on real agents with real processes, called over the port. */
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type ServiceError, status } from '@grpc/grpc-js';
import { expect, onTestFinished, test } from 'vitest';
import { Agents } from '../../../../src/main/agents/agents.ts';
import { SystemProcesses } from '../../../../src/main/agents/launcher.ts';
import { parseConfig } from '../../../../src/shared/config/parse.ts';
import type { AgentOperationResponse } from '../../../../src/shared/gen/daemon.ts';
import { systemClock } from '../../../../src/shared/platform/clock.ts';
import { FakeLog } from '../../../fakes/log.ts';
import { testFolder } from '../../../support/temp-folder.ts';
import { waitFor } from '../../../support/wait-until.ts';
import { servedHost } from './served.ts';

const host = servedHost();
const DONE = { success: true, errorMessage: '' };

/** Says that it was asked to end, and ends once it may. */
const PROGRAM = `trap 'touch asked; while [ ! -e leave ]; do sleep 0.02; done; exit 0' TERM
touch ready
while :; do sleep 0.02; done`;

async function running() {
  const folder = await testFolder('real-agents');
  const workDir = join(folder, 'one');
  const own = (name: string): string => join(workDir, name);
  const text = `
daemon: {work_dir: ${folder}, audit_log_file: '-', log_file: '-'}
manager: {address: 'localhost:9090', tls: 'off'}
server: {tls: 'off'}
agents:
  - {id: one, type: custom, binary_path: /bin/sh, args: ['-c', ${JSON.stringify(PROGRAM)}], work_dir: ${workDir}}
`;
  const { config, diagnostics } = parseConfig(text, 'daemon.yaml');
  if (!config) throw new Error(JSON.stringify(diagnostics));
  const agents = new Agents({
    config,
    environment: process.env,
    processes: new SystemProcesses(),
    clock: systemClock,
    random: () => 0,
    log: new FakeLog(),
    after: (delayMs, _, run) => systemClock.after(delayMs, run),
    every: () => () => {},
    checkHealth: async () => [],
    logTasks: { run: () => Promise.reject(new Error('no log is rotated here')) },
    ...{ onChange: () => {}, onAlert: () => {}, onEvent: () => {} },
  });
  onTestFinished(async () => {
    writeFileSync(own('leave'), '');
    await agents.stopAgent('one', 'the test has ended');
    await agents.close();
  });
  await agents.start();
  await waitFor(() => existsSync(own('ready')), { what: 'the agent', timeoutMs: 30_000 });
  const { port } = await host.serve({ agents });
  const made = host.client(port);
  const operate = (operation: string): Promise<AgentOperationResponse> =>
    host.ask(made, 'operateAgent', { agentId: 'one', operation });
  const snapshot = () => agents.list()[0];
  return { own, made, operate, snapshot };
}

test('a start of what runs and a stop of what is stopped succeed, and change nothing', async () => {
  const { own, operate, snapshot } = await running();
  const before = snapshot()?.pid;
  expect(await operate('start')).toEqual(DONE);
  expect(snapshot()?.pid).toBe(before);
  writeFileSync(own('leave'), '');
  expect(await operate('stop')).toEqual(DONE);
  expect(snapshot()).toMatchObject({ status: 'stopped', pid: 0 });
  expect(await operate('stop')).toEqual(DONE);
  expect(snapshot()).toMatchObject({ status: 'stopped', pid: 0 });
}, 30_000);

test('two restarts at once are one', async () => {
  const { own, operate, snapshot, made } = await running();
  const before = snapshot()?.pid ?? 0;
  const both = [operate('restart'), operate('restart')];
  await waitFor(() => existsSync(own('asked')), { what: 'the agent to be asked', timeoutMs: 30_000 });
  await host.ask(made, 'listAgents', {}); // by then the second has come as well
  writeFileSync(own('leave'), '');
  expect(await Promise.all(both)).toEqual([DONE, DONE]);
  const after = snapshot()?.pid ?? 0;
  expect(after).not.toBe(before);
  // a second restart would still be on its way: what is asked for now waits for it
  expect(await operate('start')).toEqual(DONE);
  expect(snapshot()?.pid).toBe(after);
}, 30_000);

test('a caller that leaves in the middle of a stop leaves a stopped agent; the next call tells how it ended', async () => {
  const { own, made, operate, snapshot } = await running();
  const left = new Promise<ServiceError | null>((resolve) => {
    const call = made.operateAgent({ agentId: 'one', operation: 'stop' }, (error) => resolve(error));
    void waitFor(() => existsSync(own('asked')), { what: 'the agent to be asked', timeoutMs: 30_000 }).finally(() =>
      call.cancel(),
    );
  });
  expect((await left)?.code).toBe(status.CANCELLED);
  expect(snapshot()?.status).not.toBe('stopped');
  const next = operate('stop');
  writeFileSync(own('leave'), '');
  expect(await next).toEqual(DONE);
  expect(snapshot()).toMatchObject({ status: 'stopped', pid: 0 });
  const lines = host.log.events('operation');
  await waitFor(() => host.log.events('operation').length === 2, { what: 'both lines' });
  expect(lines.every(({ outcome }) => outcome === 'done')).toBe(true);
}, 30_000);
