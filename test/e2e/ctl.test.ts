/** daemonctl against the real daemon, with a real Manager: what it says is so, and what it asks for happens. */
import { execFile } from 'node:child_process';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { constants } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { parse, stringify } from 'yaml';
import type { Finding } from '../../src/ctl/doctor/finding.ts';
import type { Bundled } from '../../src/ctl/support/bundle.ts';
import type { AgentView, RecordedEvent, StatusView } from '../../src/shared/contracts/control.ts';
import { sampleAgent, TestHost } from '../support/daemon-process.ts';
import { DIST, ManagerProcess } from '../support/manager-process.ts';
import { Child } from '../support/processes.ts';
import { waitFor } from '../support/wait-until.ts';
import { HAS_TMUX, TmuxTerminal } from './ctl-terminal.ts';

interface Run {
  code: number | null;
  out: string;
  err: string;
}

const LONGEST_MS = 60_000;

let manager: ManagerProcess;
let host: TestHost;
let daemon: Child;

beforeEach(async () => {
  manager = await ManagerProcess.start();
  host = await TestHost.make();
  const env = { API_TOKEN: 'planted-token-of-the-agent' };
  await host.configure(manager.port, manager.tlsFolder, { agents: [sampleAgent('one', { env }), sampleAgent('two')] });
  daemon = host.start();
  await manager.event('registered');
  await waitFor(async () => (await agents()).every(({ status }) => status === 'running'), { what: 'both agents' });
});
afterEach(async () => {
  await host.remove();
  await manager.stop();
});

const ctl = (...args: readonly string[]): Promise<Run> => bare(...args, '--config', host.configFile);

function bare(...args: readonly string[]): Promise<Run> {
  const whole = [join(DIST, 'daemonctl.js'), ...args];
  return new Promise((resolve) => {
    const child = execFile(process.execPath, whole, { timeout: LONGEST_MS }, (_, out, err) => {
      resolve({ code: child.exitCode, out, err });
    });
  });
}

/** What a verb says to programs. */
async function json<T>(...args: readonly string[]): Promise<T> {
  const { out, err } = await ctl(...args, '--json');
  if (out === '') throw new Error(err);
  return JSON.parse(out) as T;
}

const agents = (): Promise<AgentView[]> => json<AgentView[]>('agents');

async function events(): Promise<RecordedEvent[]> {
  const { out } = await ctl('events', '-n', '100', '--json');
  return out
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as RecordedEvent);
}

test('status and agents say what runs', async () => {
  const status = await json<StatusView>('status');
  expect(status).toMatchObject({ pid: daemon.pid, configFile: host.configFile, agents: { running: 2 } });
  await waitFor(async () => (await json<StatusView>('status')).link.state === 'connected', { what: 'the link' });
  expect((await ctl('status')).out).toMatch(/^Manager link +connected for /m);
  expect((await agents()).map(({ pid }) => pid).toSorted()).toEqual(host.agents().toSorted());
});

test('stop, start, restart', async () => {
  expect(await ctl('stop', 'one')).toEqual({ code: 0, out: 'one: stopped\n', err: '' });
  expect(host.agents()).toHaveLength(1);
  expect((await agents()).find(({ id }) => id === 'one')).toMatchObject({ status: 'stopped', pid: 0, wanted: false });
  expect(await ctl('start', 'one')).toMatchObject({ code: 0 });
  const before = host.agents();
  expect((await ctl('restart', '--all')).out.split('\n').toSorted()).toEqual(['', 'one: restarted', 'two: restarted']);
  expect(host.agents()).toHaveLength(2);
  expect(host.agents().filter((pid) => before.includes(pid))).toEqual([]);
  const kinds = (await events()).filter(({ agentId }) => agentId === 'one').map(({ kind }) => kind);
  expect(kinds).toEqual(expect.arrayContaining(['agent-started', 'agent-stopped']));
});

test('events -f tells of the end of an agent', async () => {
  const child = new Child([join(DIST, 'daemonctl.js'), 'events', '-f', '--json', '--config', host.configFile]);
  try {
    await child.object(({ kind }) => kind === 'daemon-started', { what: 'the start' });
    const [pid = 0] = host.agents();
    process.kill(pid, 'SIGKILL');
    await child.object(({ kind }) => kind === 'agent-exited', { what: 'the end of the agent' });
  } finally {
    await child.kill('SIGKILL');
  }
});

/** Of a verb that goes on until Ctrl-C, which comes once `during` is done: its exit code as a shell has it. */
async function untilInterrupted(args: readonly string[], during: (child: Child) => Promise<void>): Promise<number> {
  const child = new Child([join(DIST, 'daemonctl.js'), ...args, '--config', host.configFile]);
  try {
    await during(child);
    child.signal('SIGINT');
    const { code, signal } = await child.ended();
    expect(child.stderr).toEqual([]);
    return signal ? 128 + constants.signals[signal] : (code ?? Number.NaN);
  } finally {
    await child.kill('SIGKILL');
  }
}

const pidOf = async (id: string): Promise<number> => (await agents()).find((agent) => agent.id === id)?.pid ?? 0;

test('logs, of the daemon and of an agent', async () => {
  const { out } = await ctl('logs', 'daemon', '-n', '1000');
  expect(out.split('\n').filter((line) => line.includes('"event":"started"'))).toHaveLength(1);
  const said = new RegExp(`sample-agent: version \\S+ runs with pid ${await pidOf('one')}\\n`);
  const look = async (): Promise<Run | null> => {
    const run = await ctl('logs', 'one');
    return said.test(run.out) ? run : null;
  };
  const run = await waitFor(look, { what: "the agent's own words" });
  expect(run).toMatchObject({ code: 0, err: '' });
  expect(run.out).not.toContain(`pid ${await pidOf('two')}\n`);
});

test('logs one -f: what is there, what comes, and Ctrl-C', async () => {
  const code = await untilInterrupted(['logs', 'one', '-f'], async (child) => {
    const said = (pid: number): boolean => child.stdout.some((line) => line.endsWith(` runs with pid ${pid}`));
    const first = await pidOf('one');
    await waitFor(() => said(first), { what: 'what it has said' });
    expect(await ctl('restart', 'one')).toMatchObject({ code: 0 });
    const second = await pidOf('one');
    expect(second).not.toBe(first);
    await waitFor(() => said(second), { what: 'what it says once it is started again' });
  });
  expect(code).toBe(130);
});

test('metrics --watch: look after look, until Ctrl-C', async () => {
  const code = await untilInterrupted(['metrics', '--watch', '1'], async (child) => {
    const times = (): string[] => child.stdout.filter((line) => /^\d{4}-\d\d-\d\dT[\d:]{8}Z$/.test(line));
    await waitFor(() => new Set(times()).size >= 2, { what: 'a second look' });
    expect(child.stdout.filter((line) => /^used_percent +[\d.]+ %$/.test(line)).length).toBeGreaterThanOrEqual(1);
  });
  expect(code).toBe(130);
});

test.skipIf(!HAS_TMUX)('top: r restarts the selected agent (skipped where tmux is missing)', async () => {
  const [one, two] = [await pidOf('one'), await pidOf('two')];
  const terminal = await TmuxTerminal.open(host.folder, 100, 24);
  try {
    const command = `'${process.execPath}' '${join(DIST, 'daemonctl.js')}' top --config '${host.configFile}'`;
    await terminal.type(`${command}; echo "ends with $?"`);
    await terminal.shows(/q quit$/, 'the keys');
    await terminal.press('n');
    await terminal.shows(/by name[\s\S]*^> one [\s\S]*^ {2}two /m, 'both agents, by name');
    await terminal.press('j', 'r');
    await terminal.shows(/^restart two\? {2}y: yes/m, 'the question');
    expect(await pidOf('two')).toBe(two);
    await terminal.press('y');
    await terminal.shows(/^restart two: done$/m, 'that it is done');
    const restarted = await pidOf('two');
    expect(host.agents().toSorted()).toEqual([one, restarted].toSorted());
    expect(restarted).not.toBe(two);
    await terminal.press('q');
    await terminal.shows(/^ends with 0$/m, 'the end');
  } finally {
    await terminal.close();
  }
});

test('logs daemon -f does not feed on its own questions', async () => {
  const child = new Child([join(DIST, 'daemonctl.js'), 'logs', 'daemon', '-f', '-n', '1', '--config', host.configFile]);
  try {
    await waitFor(() => child.stdout.length > 0, { what: 'the first line' });
    await ctl('restart', 'two'); // some seconds of looks
    await ctl('restart', 'two');
    const ownQuestions = child.stdout.filter(
      (line) => line.includes('"verb":"logs"') && line.includes('"level":"info"'),
    );
    expect(ownQuestions).toEqual([]);
  } finally {
    await child.kill('SIGKILL');
  }
});

describe('the configuration', () => {
  function change(how: (config: { agents: object[] }) => void): void {
    const config = parse(readFileSync(host.configFile, 'utf8')) as { agents: object[] };
    how(config);
    writeFileSync(host.configFile, stringify(config));
  }

  test('show has no secrets; reload takes a change over, or says what is wrong', async () => {
    const shown = await ctl('config', 'show', '--origins');
    expect(shown.out).toMatch(/agents\[0\]\.id +one +.*daemon\.yaml:\d+/);
    expect(shown.out).not.toContain('planted-token');
    change(({ agents: list }) => list.push(sampleAgent('three')));
    expect(await ctl('reload')).toMatchObject({ code: 0, err: '' });
    await waitFor(() => host.agents().length === 3, { what: 'the third agent' });
    change(({ agents: list }) => list.push(sampleAgent('not an id')));
    const refused = await ctl('reload');
    expect(refused).toMatchObject({ code: 5, out: '' });
    expect(refused.err).toMatch(/D1002[\s\S]*agents\[3\]\.id/);
    expect(host.agents()).toHaveLength(3);
  });
});

test('metrics and health look at the host', async () => {
  expect((await ctl('metrics', '--fresh')).out).toMatch(/^memory\nused_percent +[\d.]+ %$/m);
  expect((await ctl('health', 'one', '--fresh')).out).toMatch(/^process +ok /m);
});

test('doctor reaches the Manager, and its clock agrees', async () => {
  await waitFor(async () => (await json<StatusView>('status')).link.state === 'connected', { what: 'the link' });
  const { out } = await ctl('doctor');
  expect(out).toMatch(
    /^ok +manager +127\.0\.0\.1:\d+: TCP connects, TLS 1\.3 with this host's certificate, it answers$/m,
  );
  expect(out).toMatch(/^ok +clock /m);
  expect(out).toMatch(/^ok +sockets .*control\.sock: answers in \d+ ms/m);
  // the daemon itself says where its configuration is
  const { out: told } = await bare('doctor', '--json', '--socket', join(host.workDir, 'control.sock'));
  expect((JSON.parse(told) as { findings: Finding[] }).findings).toContainEqual(
    expect.objectContaining({ subject: host.configFile, outcome: 'ok', found: 'is valid' }),
  );
});

test('a support bundle of all of it, by the socket alone', async () => {
  const file = join(host.folder, 'support.tar.gz');
  const { out } = await bare('support-bundle', '-o', file, '--json', '--socket', join(host.workDir, 'control.sock'));
  const { missing, present, valuesUnknown } = JSON.parse(out) as Bundled;
  expect({ missing, valuesUnknown }).toEqual({ missing: [], valuesUnknown: '' });
  expect(present.map(({ name }) => name)).toEqual(expect.arrayContaining(['logs/agents/one.log', 'proc/smaps_rollup']));
  expect(statSync(file).mode & 0o777).toBe(0o600);
});

test('exit codes: 4 for an agent that is not there, 3 once the daemon has ended', async () => {
  expect(await ctl('restart', 'three')).toMatchObject({ code: 4, err: expect.stringContaining('there are one, two') });
  await daemon.kill();
  expect(await ctl('status')).toMatchObject({ code: 3, out: '' });
});
