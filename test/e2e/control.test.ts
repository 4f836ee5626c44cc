/** The control socket of a real daemon: what its people ask for, and what they get. */
import { appendFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { ask as askSocket } from '../../src/ctl/client.ts';
import {
  CONTROL_SOCKET,
  type ControlVerb,
  type ControlVerbs,
  type RecordedEvent,
} from '../../src/shared/contracts/control.ts';
import { sampleAgent, TestHost, type Yaml } from '../support/daemon-process.ts';
import { waitFor } from '../support/wait-until.ts';

let host: TestHost;

beforeEach(async () => {
  host = await TestHost.make();
});
afterEach(() => host.remove());

/** Nothing listens at port 1: all of this is so without a Manager. */
const configure = (over: Yaml = {}): Promise<void> => host.configure(1, 'off', over);
function ask<V extends ControlVerb>(verb: V, input: ControlVerbs[V]['input']): Promise<ControlVerbs[V]['output']> {
  return askSocket(join(host.workDir, CONTROL_SOCKET), verb, input);
}
const started = (since = 0): Promise<unknown> => host.logged('started', () => true, since);
const running = (...ids: string[]): Promise<boolean> =>
  waitFor(
    async () => {
      const agents = await ask('agents', {});
      return ids.every((id) => agents.some((agent) => agent.id === id && agent.status === 'running'));
    },
    { what: `${ids.join(', ')} running`, timeoutMs: 20_000 },
  );
const events = async (after = 0): Promise<RecordedEvent[]> =>
  (await ask('events', { after, limit: 1000, waitMs: 0 })).events;
const shell = (id: string, script: string, over: Yaml = {}): Yaml => ({
  ...{ id, type: 'custom', binary_path: '/bin/sh', args: ['-c', script] },
  ...over,
});

test('what is there: status, agents, metrics, health, logs', async () => {
  const health = { health_check: { interval: '1s' } };
  await configure({
    agents: [sampleAgent('one', health), shell('two', 'echo first; echo second; exec sleep 600', { enabled: true })],
  });
  const { pid = 0 } = host.start();
  await started();
  await running('one', 'two');

  const status = await ask('status', {});
  expect(status).toMatchObject({
    ...{ pid, workDir: host.workDir, configFile: host.configFile, agents: { running: 2 }, updatesUnderWay: 0 },
    link: { address: '' },
    footprint: { mode: 'full' },
  });
  expect(status.nodeId).toBe(readFileSync(join(host.workDir, 'node-id'), 'utf8').trim());
  expect(Math.abs(status.startedMs - Date.now())).toBeLessThan(60_000);
  const resident = Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) * 1024;
  expect(Math.abs(status.rssBytes - resident)).toBeLessThan(0.5 * resident);

  const used = await waitFor(async () => (await ask('agents', {})).find(({ id, usage }) => id === 'one' && usage), {
    what: 'a check of its use',
  });
  expect(used).toMatchObject({ wanted: true, enabled: true, usage: { rssBytes: expect.any(Number) } });
  expect(used.usage?.rssBytes).toBeGreaterThan(1e6);

  await waitFor(async () => (await ask('metrics', { fresh: false })).samples.length >= 4, { what: 'a collection' });
  const [fresh, same] = await Promise.all([ask('metrics', { fresh: true }), ask('metrics', { fresh: true })]);
  expect(fresh.samples.map(({ collector }) => collector).sort()).toEqual(['cpu', 'disk', 'memory', 'network']);
  expect(same).toEqual(fresh);
  expect(fresh.errors).toEqual([]);

  const looked = await ask('health', { agentId: 'one', fresh: true });
  expect(looked.pid).toBe(used.pid);
  expect(looked.checks.find(({ check }) => check === 'process')).toMatchObject({ state: 'ok' });
  const last = await waitFor(
    async () => {
      const { checks } = await ask('health', { agentId: 'one', fresh: false });
      return checks.length > 0 && checks;
    },
    { what: 'the results of a regular check' },
  );
  expect(last.map(({ check }) => check)).toEqual(looked.checks.map(({ check }) => check));

  expect((await ask('logs', { agentId: 'two', lines: 1, cursor: '' })).lines).toEqual(['second']);
  const own = await ask('logs', { agentId: '', lines: 10_000, cursor: '' });
  expect(JSON.parse(own.lines[0] ?? '')).toMatchObject({ event: 'starting' });
  const since = await ask('logs', { agentId: '', lines: 1, cursor: own.cursor });
  expect(since.lines.length).toBeGreaterThan(0); // what was asked here is in it
  for (const verb of ['logs', 'health'] as const) {
    const input = { agentId: '../two', lines: 1, cursor: '', fresh: false };
    await expect(ask(verb, input)).rejects.toMatchObject({ code: 'no-agent' });
  }
}, 60_000);

test('operations: in order, one by one or all, each with its own outcome, whatever the Manager may', async () => {
  const away = join(host.folder, 'not-there');
  await configure({
    remote: { allow: [] },
    agents: [
      shell('web', 'exec sleep 600', { after: ['db'] }),
      shell('db', 'exec sleep 600'),
      { id: 'broken', type: 'custom', binary_path: away, restart: { policy: 'never' } },
      shell('off', 'exec sleep 600', { enabled: false }),
    ],
  });
  host.start();
  await started();
  await running('web', 'db');
  const before = (await events()).at(-1)?.number ?? 0;

  const stopped = await ask('operate', { agentId: '', action: 'stop' });
  expect(stopped.map(({ agentId, success }) => [agentId, success]).sort()).toEqual(
    ['broken', 'db', 'web'].map((id) => [id, true]),
  );
  expect(host.agents()).toEqual([]);
  const stops = (await events(before)).filter(({ kind }) => kind === 'agent-stopped');
  expect(stops.map(({ agentId }) => agentId)).toEqual(['web', 'db']);
  expect(stops.every(({ details }) => details['reason'] === 'asked for on this host')).toBe(true);

  const begun = await ask('operate', { agentId: '', action: 'start' });
  expect(begun).toEqual(
    expect.arrayContaining([
      { agentId: 'db', success: true, error: '' },
      { agentId: 'web', success: true, error: '' },
      { agentId: 'broken', success: false, error: expect.stringContaining('could not be started') },
    ]),
  );
  const starts = (await events(before)).filter(({ kind }) => kind === 'agent-started');
  expect(starts.map(({ agentId }) => agentId)).toEqual(['db', 'web']);

  const [first] = host.agents();
  expect(await ask('operate', { agentId: 'db', action: 'restart' })).toEqual([
    { agentId: 'db', success: true, error: '' },
  ]);
  expect(host.agents()).toHaveLength(2);
  expect(host.agents()).not.toContain(first);
  await expect(ask('operate', { agentId: 'nobody', action: 'start' })).rejects.toMatchObject({ code: 'no-agent' });

  const audit = host
    .audit()
    .map(({ via, operation, asked, agentId, outcome }) => [via, operation, asked, agentId, outcome]);
  expect(audit).toEqual(
    expect.arrayContaining([
      ['control', 'OperateAgent', 'stop', 'web', 'done'],
      ['control', 'OperateAgent', 'start', 'broken', 'failed'],
      ['control', 'OperateAgent', 'restart', 'db', 'done'],
    ]),
  );
}, 60_000);

test('the configuration: taken over when asked, refused with what is wrong, shown with its origins', async () => {
  const secret = 'hunter2-hunter2';
  await configure({ agents: [shell('one', 'exec sleep 600', { env: { API_TOKEN: secret } })] });
  host.start();
  await started();
  expect(await ask('reload', {})).toEqual({ changes: [], needsRestart: [] });

  const text = readFileSync(host.configFile, 'utf8').replace('log_level: debug', 'log_level: info\n  http_port: 17');
  writeFileSync(host.configFile, text);
  const taken = await ask('reload', {});
  expect(taken.changes).toEqual(expect.arrayContaining(['daemon.logLevel: "debug" → "info"']));
  expect(taken.needsRestart).toEqual(['daemon.httpPort']);

  const { effective, origins } = await ask('config', {});
  expect(effective).toMatchObject({ daemon: { log_level: 'info' }, agents: [{ id: 'one' }] });
  expect(JSON.stringify(effective)).not.toContain(secret);
  const line = text.split('\n').findIndex((found) => found.includes('log_level: info')) + 1;
  const from = new Map(origins.map((origin) => [origin.path, origin.from]));
  expect(from.get('daemon.log_level')).toBe(`${host.configFile}:${line}`);
  expect(from.get('manager.proxy')).toBe('default');

  appendFileSync(host.configFile, '\nnonsense: 1\n');
  await expect(ask('reload', {})).rejects.toMatchObject({
    code: 'D1002',
    message: expect.stringMatching(/daemon\.yaml:\d+:1: error D1002 nonsense: unknown key/),
  });
  writeFileSync(host.configFile, 'daemon: [');
  await expect(ask('reload', {})).rejects.toMatchObject({ code: 'D1001' });
  const kinds = (await events()).map(({ kind }) => kind);
  expect(kinds.filter((kind) => kind.startsWith('config-')).slice(0, 2)).toEqual(['config-reloaded', 'config-refused']);
  // what is in force is still what it was; the file says nothing that can be used
  const later = await ask('config', {});
  expect(later.effective).toEqual(effective);
  expect(later.origins.find(({ path }) => path === 'daemon.log_level')?.from).toBe(host.configFile);
}, 60_000);

test('events: over restarts and kill -9, waited for, and with how the daemon before ended', async () => {
  const last = 'echo no such option; echo cannot reach pg://app:hunter2@db; exit 3';
  await configure({ agents: [shell('one', 'exec sleep 600'), shell('ill', last)] });
  const first = host.start();
  await started();
  const failed = await waitFor(
    async () => (await events()).find(({ kind, agentId }) => kind === 'agent-exited' && agentId === 'ill'),
    { what: 'the end of it' },
  );
  expect(failed).toMatchObject({
    details: { exit_code: '3', last_lines: 'no such option\ncannot reach pg://[credentials]@db' },
  });
  expect(failed?.message).toMatch(/cannot reach pg:\/\/\[credentials\]@db$/);
  await running('one');
  expect((await events()).slice(0, 2)).toMatchObject([
    { number: 1, kind: 'daemon-started', details: { before: 'first-start' } },
    { kind: 'agent-started' },
  ]);
  expect((await events()).filter(({ kind }) => kind === 'link-lost')).toHaveLength(1);
  await first.kill('SIGKILL');

  let since = host.log().length;
  const second = host.start();
  await started(since);
  const before = (await events()).at(-1)?.number ?? 0;
  const numbers = (await events()).map(({ number }) => number);
  expect(numbers).toEqual(numbers.map((_, index) => index + 1));
  const again = (await events()).filter(({ kind }) => kind === 'daemon-started');
  expect(again.map(({ details }) => details['before'])).toEqual(['first-start', 'unexpectedly']);
  expect((await events()).some(({ kind, agentId }) => kind === 'agent-adopted' && agentId === 'one')).toBe(true);

  const waiting = ask('events', { after: before + 100, limit: 10, waitMs: 30_000 });
  const next = ask('events', { after: before, limit: 1000, waitMs: 30_000 });
  await ask('operate', { agentId: 'one', action: 'stop' });
  expect((await next).events.length).toBeGreaterThan(0);
  // one that waits does not hold up the end of the daemon
  const refused = expect(waiting).rejects.toThrow('ended the connection');
  process.kill(second.pid ?? 0, 'SIGTERM');
  expect((await second.ended()).code).toBe(0);
  await refused;

  since = host.log().length;
  host.start();
  await started(since);
  const turns = (await events()).filter(({ kind }) => kind.startsWith('daemon-'));
  expect(turns.map(({ kind, details }) => [kind, details['before'] ?? details['reason']])).toEqual([
    ['daemon-started', 'first-start'],
    ['daemon-started', 'unexpectedly'],
    ['daemon-stopping', 'SIGTERM'],
    ['daemon-started', 'as-asked'],
  ]);
}, 90_000);

test('a daemon that logs to its standard output says where its log is', async () => {
  await configure({ daemon: host.daemonSection({ log_file: '-' }) });
  host.start();
  await waitFor(() => ask('status', {}), { what: 'an answer' });
  await expect(ask('logs', { agentId: '', lines: 1, cursor: '' })).rejects.toMatchObject({
    code: 'invalid',
    message: expect.stringContaining('journalctl'),
  });
});
