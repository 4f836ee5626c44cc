/** Verbs that ask the daemon: what they print, what they ask, and how they end. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { LogLines } from '../../../src/shared/contracts/control.ts';
import { Child } from '../../support/processes.ts';
import { testFolder } from '../../support/temp-folder.ts';
import { waitFor } from '../../support/wait-until.ts';
import { FakeDaemon, Refusal } from './fake-daemon.ts';
import { AGENTS, agentView, eventsOf, hostHandlers, recordedEvent, SAMPLES, statusView } from './host-views.ts';
import { type BuiltProgram, buildProgram, type Run, socketIn } from './run.ts';

let program: BuiltProgram;
let folder: string;
let daemon: FakeDaemon;

beforeAll(async () => {
  program = await buildProgram();
});
afterAll(() => program.remove());
beforeEach(async () => {
  folder = await testFolder('verbs');
  daemon = await FakeDaemon.listen(socketIn(folder), hostHandlers());
});
afterEach(() => daemon.goAway());

const ctl = (...args: string[]): Promise<Run> => program.run([...args, '--socket', daemon.path]);

describe('exit codes', () => {
  test('0: done', async () => {
    expect(await ctl('status')).toMatchObject({ code: 0, err: '' });
  });

  test('1: failed', async () => {
    daemon.handlers.status = () => Promise.reject(new Error('out of luck'));
    expect(await ctl('status')).toEqual({ code: 1, out: '', err: 'daemonctl: out of luck\n' });
  });

  test.each([
    [['start'], 'name agents, or give --all'],
    [['stop', 'telegraf', '--all'], 'name agents, or give --all'],
    [['logs', 'telegraf', '-n', '0'], '--lines wants a number from 1 to 10000, given 0'],
    [['logs', 'telegraf', '-n', '1e3'], '--lines wants a number'],
    [['events', '-n', '1001'], '--count wants a number from 1 to 1000'],
    [['metrics', '--watch', 'often'], '--watch wants a number'],
    [['top'], 'top needs a terminal'],
    [['top', '--json'], "unknown option '--json'"],
    [['update', 'telegraf'], 'give the package with either --file or --url'],
    [['update', 'daemon', '--file', '/p', '--url', 'https://h/p'], 'give the package with either --file or --url'],
    [['update', 'telegraf', '--url', 'https://h/p'], 'give --sig or --manifest'],
    [['health'], "missing required argument 'agent'"],
    [['status', '--colour'], "unknown option '--colour'"],
  ])('2: a wrong command line, and nothing is asked: %j', async (args, says) => {
    const { code, out, err } = await ctl(...args);
    expect(err).toContain(says);
    expect({ code, out, asked: daemon.asked }).toEqual({ code: 2, out: '', asked: [] });
  });

  test.each(['status', 'agents', 'metrics', 'events', 'link', 'reload', 'updates'])(
    '3: nobody listens: %s',
    async (verb) => {
      await daemon.goAway();
      const { code, out, err } = await ctl(verb);
      expect({ code, out }).toEqual({ code: 3, out: '' });
      expect(err).toMatch(/^daemonctl: the daemon at .*control\.sock cannot be asked: [^\n]+\n$/);
    },
  );

  test.each([
    [['logs', 'nginx']],
    [['health', 'nginx']],
    [['restart', 'telegraf', 'nginx']],
    [['backups', 'nginx']],
    [['rollback', 'nginx']],
  ])('4: an agent that is not there, and nothing is done: %j', async (args) => {
    const err = 'daemonctl: there is no agent nginx; there are telegraf, filebeat\n';
    expect(await ctl(...args)).toEqual({ code: 4, out: '', err });
    expect(daemon.asked.map(({ verb }) => verb)).toEqual(['agents']);
  });

  test('5: refused', async () => {
    daemon.handlers.reload = () => Promise.reject(new Refusal('D1002', 'daemon.yaml:3:1: error\n  3 | x\n    | ^'));
    const err = 'daemonctl: D1002: daemon.yaml:3:1: error\n  3 | x\n    | ^\n';
    expect(await ctl('reload')).toEqual({ code: 5, out: '', err });
    daemon.handlers.rollback = () => Promise.reject(new Refusal('D4003', 'an update is under way'));
    expect(await ctl('rollback', 'daemon')).toMatchObject({
      code: 5,
      err: 'daemonctl: D4003: an update is under way\n',
    });
  });
});

describe('status', () => {
  test('at a glance', async () => {
    const { out } = await ctl('status');
    expect(out).toMatch(
      /^Daemon {11}0\.1\.0 on web-1, node node-1\nProcess {10}pid 4242, 13\.9 MiB, since .*Z \(3 h\)\n/,
    );
    expect(out).toContain('Manager link     connected for 3 h (manager.example.com:9090)\n');
    expect(out).toContain('Agents           2: 1 running, 1 failed\n');
    expect(out).toMatch(/Last collection {2}1\d s ago\nUpdates {10}none under way\n$/);
  });

  test('--json gives it as it is', async () => {
    const view = statusView({
      startedMs: 1,
      lastCollectionMs: 2,
      link: { state: 'closed', sinceMs: 3, reason: 'x', address: '' },
    });
    daemon.handlers.status = async () => view;
    expect(JSON.parse((await ctl('status', '--json')).out)).toEqual(view);
  });
});

describe('agents', () => {
  test('a table without lines', async () => {
    const { out } = await ctl('agents');
    expect(out).toBe(
      [
        'AGENT     STATUS    PID  AGE  RESTARTS    CPU  MEMORY  VERSION  NOTE',
        'telegraf  running  4712   2h         0  1.5 %  42 MiB  1.2.0',
        'filebeat  failed      -    -        10      -       -  -        exit code 1 after 10 restarts',
        '',
      ].join('\n'),
    );
  });

  test('none', async () => {
    daemon.handlers.agents = async () => [];
    expect((await ctl('agents')).out).toBe('No agents.\n');
    expect((await ctl('agents', '--json')).out).toBe('[]\n');
  });
});

describe('start, stop, restart', () => {
  beforeEach(() => {
    daemon.handlers.operate = async ({ agentId }) => {
      const ids = agentId === '' ? AGENTS.map(({ id }) => id) : [agentId];
      return ids.map((id) => ({
        agentId: id,
        success: id !== 'filebeat',
        error: id === 'filebeat' ? 'D3001: no' : '',
      }));
    };
  });

  test('each that is named, once', async () => {
    expect(await ctl('stop', 'telegraf', 'telegraf')).toEqual({ code: 0, out: 'telegraf: stopped\n', err: '' });
    expect(daemon.askedFor('operate')).toEqual([{ agentId: 'telegraf', action: 'stop' }]);
  });

  test('one that failed is told, the others are done', async () => {
    const run = await ctl('restart', 'filebeat', 'telegraf');
    expect(run).toEqual({
      code: 1,
      out: 'telegraf: restarted\n',
      err: 'daemonctl: filebeat: not restarted: D3001: no\n',
    });
  });

  test('--all is one question', async () => {
    const run = await ctl('start', '--all', '--json');
    expect(daemon.asked).toEqual([{ verb: 'operate', input: { agentId: '', action: 'start' } }]);
    expect(run).toMatchObject({ code: 1, err: '' });
    expect(JSON.parse(run.out)).toHaveLength(2);
  });
});

describe('logs', () => {
  test('the last lines, all that are there', async () => {
    const looks: LogLines[] = [
      { lines: ['one', 'two'], cursor: 'a', more: true },
      { lines: ['three'], cursor: 'b', more: false },
    ];
    daemon.handlers.logs = async () => looks.shift() ?? { lines: [], cursor: 'b', more: false };
    expect(await ctl('logs', 'telegraf', '-n', '3')).toEqual({ code: 0, out: 'one\ntwo\nthree\n', err: '' });
    expect(daemon.askedFor('logs')).toEqual([
      { agentId: 'telegraf', lines: 3, cursor: '' },
      { agentId: 'telegraf', lines: 3, cursor: 'a' },
    ]);
  });

  test("daemon: the daemon's own, a line of JSON each", async () => {
    daemon.handlers.logs = async () => ({ lines: ['{"event":"x"}'], cursor: 'a', more: false });
    expect((await ctl('logs', 'daemon', '--json')).out).toBe('{"agentId":"","line":"{\\"event\\":\\"x\\"}"}\n');
    expect(daemon.askedFor('logs')).toEqual([{ agentId: '', lines: 50, cursor: '' }]);
  });

  test('-f goes on through an end of the daemon', async () => {
    const waiting = ['first'];
    daemon.handlers.logs = async () => ({ lines: waiting.splice(0), cursor: `c${daemon.asked.length}`, more: false });
    const child = new Child([program.path, 'logs', 'telegraf', '-f', '--socket', daemon.path]);
    try {
      await waitFor(() => child.stdout.includes('first'), { what: 'the first line' });
      await daemon.goAway();
      waiting.push('after it came back');
      await daemon.comeBack();
      await waitFor(() => child.stdout.includes('after it came back'), { what: 'the line after it' });
      expect(child.exit).toBeNull();
    } finally {
      await child.kill('SIGKILL');
    }
    expect(child.stderr).toEqual([]);
  });
});

describe('events', () => {
  const record = Array.from({ length: 30 }, (_, n) => recordedEvent(n + 1));

  test('the newest ones, oldest first', async () => {
    daemon.handlers.events = eventsOf(record);
    const { out } = await ctl('events', '-n', '2');
    expect(out).toBe(
      [
        '2026-01-02T03:04:29Z  agent-started       telegraf          event 29',
        '2026-01-02T03:04:30Z  agent-started       telegraf          event 30',
        '',
      ].join('\n'),
    );
  });

  test('--json: one a line, as they are', async () => {
    daemon.handlers.events = eventsOf(record);
    const lines = (await ctl('events', '--json')).out.trimEnd().split('\n');
    expect(lines.map((line) => JSON.parse(line))).toEqual(record.slice(-20));
  });

  test('none so far', async () => {
    expect(await ctl('events')).toEqual({ code: 0, out: '', err: '' });
  });

  test('-f shows what comes, and none twice', async () => {
    const growing = [recordedEvent(1)];
    daemon.handlers.events = eventsOf(growing);
    const child = new Child([program.path, 'events', '-f', '--socket', daemon.path]);
    try {
      await waitFor(() => child.stdout.length === 1, { what: 'the first event' });
      growing.push(recordedEvent(2), recordedEvent(3));
      await waitFor(() => child.stdout.length >= 3, { what: 'those after it' });
      await daemon.goAway();
      growing.push(recordedEvent(4));
      await daemon.comeBack();
      await waitFor(() => child.stdout.length >= 4, { what: 'the one after it was away' });
    } finally {
      await child.kill('SIGKILL');
    }
    expect(child.stdout.map((line) => line.split(' ').at(-1))).toEqual(['1', '2', '3', '4']);
  });
});

describe('metrics', () => {
  test('what people look at, with units', async () => {
    const { out } = await ctl('metrics');
    expect(out).toMatch(/^2026-01-02T03:04:05Z\n\ncpu\nusage_percent {3}12\.3 %\n/);
    expect(out).toContain('available     6 GiB');
    expect(out).toMatch(/MOUNTPOINT {2}FSTYPE {2}USED % {4}USED {4}FREE {4}TOTAL\n\/ +ext4 +40\.0 % +40 GiB/);
    expect(out).toMatch(/eth0 +2 KiB\/s +1 KiB\/s/);
    expect(daemon.askedFor('metrics')).toEqual([{ fresh: false }]);
  });

  test('--json has all of them; --fresh collects', async () => {
    const { out } = await ctl('metrics', '--json', '--fresh');
    expect(JSON.parse(out)).toMatchObject({ samples: SAMPLES, errors: [] });
    expect(daemon.askedFor('metrics')).toEqual([{ fresh: true }]);
  });

  test('nothing so far, and what could not be had', async () => {
    daemon.handlers.metrics = async () => ({ atMs: 0, samples: [], errors: [] });
    expect((await ctl('metrics')).out).toBe('Nothing was collected so far.\n');
    daemon.handlers.metrics = async () => ({ atMs: 1, samples: [], errors: ['D5001: disk failed'] });
    expect((await ctl('metrics')).out).toContain('D5001: disk failed');
  });

  test('--watch asks again', async () => {
    const child = new Child([program.path, 'metrics', '--watch', '1', '--json', '--socket', daemon.path]);
    try {
      await waitFor(() => child.objects.length >= 2, { what: 'a second look' });
    } finally {
      await child.kill('SIGKILL');
    }
  });
});

test('health ends with 1 where a check fails', async () => {
  const check = { failures: 0, sinceMs: 0, reason: '' };
  daemon.handlers.health = async ({ fresh }) => ({
    pid: 1,
    checks: [
      { ...check, check: 'process', state: 'ok' },
      { ...check, check: 'http', state: fresh ? 'failing' : 'off', failures: 3, reason: fresh ? 'status 500' : '' },
    ],
  });
  const well = await ctl('health', 'telegraf');
  expect(well).toMatchObject({ code: 0, err: '' });
  expect(well.out).toMatch(/^CHECK +STATE +FOR +FAILURES +REASON\nprocess +ok +- +0\nhttp +off/);
  expect(await ctl('health', 'telegraf', '--fresh')).toMatchObject({ code: 1, err: '' });
  expect(JSON.parse((await ctl('health', 'telegraf', '--fresh', '--json')).out).checks[1].reason).toBe('status 500');
});

test('reload says what changed, and what needs a restart', async () => {
  daemon.handlers.reload = async () => ({ changes: ['agent a is added'], needsRestart: ['daemon.work_dir'] });
  const out = 'agent a is added\ndaemon.work_dir: takes effect when the daemon is started again\n';
  expect(await ctl('reload')).toEqual({ code: 0, out, err: '' });
  daemon.handlers.reload = async () => ({ changes: [], needsRestart: [] });
  expect((await ctl('reload')).out).toBe('nothing has changed\n');
});

describe('config', () => {
  const effective = {
    manager: { address: 'm:9090', tls: { ca_file: '/ca' } },
    agents: [{ id: 'a', args: ['x', 'y'] }],
  };
  const origins = [
    { path: 'manager.address', from: 'daemon.yaml:2' },
    { path: 'manager.tls.ca_file', from: 'default' },
    { path: 'agents[0]', from: 'daemon.yaml:9' },
  ];

  test('show', async () => {
    daemon.handlers.config = async () => ({ effective, origins });
    expect((await ctl('config', 'show')).out).toContain('manager:\n  address: m:9090\n  tls:\n    ca_file: /ca\n');
    expect((await ctl('config', 'show', '--origins')).out).toBe(
      [
        'KEY                  VALUE      FROM',
        'manager.address      m:9090     daemon.yaml:2',
        'manager.tls.ca_file  /ca        default',
        'agents[0].id         a          daemon.yaml:9',
        'agents[0].args       ["x","y"]  daemon.yaml:9',
        '',
      ].join('\n'),
    );
    expect(JSON.parse((await ctl('config', 'show', '--json')).out)).toEqual({ effective, origins });
  });

  test('check needs no daemon, and ends with 1 for what cannot be used', async () => {
    await daemon.goAway();
    const file = join(folder, 'daemon.yaml');
    writeFileSync(file, 'manager:\n  address: m:9090\n  tls: off\ndaemon:\n  grpc_port: 0\n');
    expect(await program.run(['config', 'check', file])).toMatchObject({ code: 0, out: `${file} is valid\n` });
    writeFileSync(file, 'manager:\n  adress: m:9090\n');
    const wrong = await program.run(['config', 'check', file]);
    expect(wrong).toMatchObject({ code: 1, out: '' });
    expect(wrong.err).toContain(`${file}:2:3: error D1002 manager.adress`);
    const { out } = await program.run(['config', 'check', file, '--json']);
    expect(JSON.parse(out).valid).toBe(false);
    const keyPaths = JSON.parse(out).diagnostics.map(({ keyPath }: { keyPath: string }) => keyPath);
    expect(keyPaths).toContain('manager.adress');
  });
});

describe('where the socket is', () => {
  test('--config: in its work_dir', async () => {
    const workDir = join(folder, 'work');
    mkdirSync(workDir);
    const file = join(folder, 'daemon.yaml');
    writeFileSync(file, `daemon:\n  work_dir: ${workDir}\nmanager:\n  address: m:9090\n`);
    const other = await FakeDaemon.listen(socketIn(workDir), hostHandlers());
    try {
      expect(await program.run(['agents', '--config', file, '--json'])).toMatchObject({ code: 0 });
      expect(other.asked).toHaveLength(1);
    } finally {
      await other.goAway();
    }
  });

  test.each([
    ['plain', (path: string) => path],
    ['quoted', (path: string) => `"${path}" # here`],
    ['in single quotes', (path: string) => `'${path}'`],
  ])('a file that became invalid still says where: %s', async (_, written) => {
    const file = join(folder, 'daemon.yaml');
    writeFileSync(file, `daemon:\n  work_dir: ${written(folder)}\nmanager:\n  adress: m:9090\n`);
    expect(await program.run(['agents', '--config', file, '--json'])).toMatchObject({ code: 0 });
  });

  test('a configuration that cannot be used is told', async () => {
    const { code, err } = await program.run(['status', '--config', join(folder, 'none.yaml')]);
    expect(code).toBe(1);
    expect(err).toContain('give --socket, or mend it:\n');
    expect(err).toContain('does not exist');
  });
});

describe('what a terminal would act on', () => {
  const EVIL = 'a\u001b[2J\u001b]0;title\u0007\u009b31m\u202eb\r\nc';
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be there
  const UNSAFE = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e]/;

  test('never reaches it, whoever says it', async () => {
    daemon.handlers = hostHandlers({
      status: async () =>
        statusView({ hostName: EVIL, link: { state: EVIL, sinceMs: 0, reason: EVIL, address: EVIL } }),
      agents: async () => [agentView('telegraf', { reason: EVIL, version: EVIL })],
      logs: async () => ({ lines: [EVIL, '\u001b[32mgreen\u001b[0m'], cursor: EVIL, more: false }),
      events: eventsOf([recordedEvent(1, { kind: EVIL, agentId: EVIL, message: EVIL })]),
      metrics: async () => ({
        atMs: 1,
        samples: [{ collector: EVIL, timestampMs: 0, durationMs: 0, values: { [EVIL]: EVIL } }],
        errors: [EVIL],
      }),
      health: async () => ({ pid: 1, checks: [{ check: 'http', state: 'ok', reason: EVIL, sinceMs: 0, failures: 0 }] }),
      config: async () => ({ effective: { [EVIL]: EVIL }, origins: [{ path: EVIL, from: EVIL }] }),
      reload: async () => ({ changes: [EVIL], needsRestart: [EVIL] }),
      operate: async () => [{ agentId: 'telegraf', success: false, error: EVIL }],
      rollback: () => Promise.reject(new Refusal('D4003', EVIL)),
      backups: async () => [{ name: EVIL, version: EVIL, createdMs: 0, good: true }],
    });
    const verbs = [['status'], ['agents'], ['logs', 'telegraf'], ['events'], ['metrics'], ['health', 'telegraf']];
    const more = [['config', 'show'], ['config', 'show', '--origins'], ['reload'], ['stop', 'telegraf']];
    for (const args of [...verbs, ...more, ['rollback', 'daemon'], ['backups', 'telegraf']]) {
      for (const json of [[], ['--json']]) {
        const { out, err } = await ctl(...args, ...json);
        expect(out + err, args.join(' ')).not.toMatch(UNSAFE);
        expect(out + err, args.join(' ')).not.toBe('');
      }
    }
    expect((await ctl('logs', 'telegraf')).out).toContain('\ngreen\n');
  });
});

test('whoever has read enough ends it quietly', async () => {
  const lines = Array.from({ length: 10_000 }, (_, n) => `line ${n} ${'x'.repeat(80)}`);
  daemon.handlers.logs = async () => ({ lines, cursor: 'a', more: false });
  const line = `"${process.execPath}" "${program.path}" logs telegraf --socket "${daemon.path}" | head -n 1; exit \${PIPESTATUS[0]}`;
  const shell = spawn('/bin/bash', ['-c', line]);
  let said = '';
  for (const stream of [shell.stdout, shell.stderr]) stream.on('data', (chunk) => (said += chunk));
  const [code] = await once(shell, 'close');
  expect({ code, said }).toEqual({ code: 0, said: `${lines[0]}\n` });
});

test('no colours where nobody looks, nor where they are not wanted', async () => {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: colours begin with one
  expect((await ctl('agents')).out).not.toMatch(/\u001b/);
});

test('each verb’s help has an example', async () => {
  const { out } = await program.run(['--help']);
  const verbs = [...out.matchAll(/^ {2}([a-z-]+) /gm)].map(([, verb = '']) => verb).filter((verb) => verb !== 'help');
  expect(verbs.length).toBeGreaterThan(20);
  const helps = await Promise.all(
    [...verbs.map((verb) => [verb]), ['config', 'show'], ['config', 'check']].map((args) =>
      program.run([...args, '--help']),
    ),
  );
  for (const [n, { code, out: help }] of helps.entries()) {
    expect(code).toBe(0);
    expect(help, verbs[n]).toMatch(/\nExamples?:\n {2}daemonctl /);
  }
});
