import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  existsSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { basename, join } from 'node:path';
import { beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import {
  type AgentUpdateDeps,
  agentJournal,
  besideTarget,
  takeAgentStep,
  type UpdatableAgents,
} from '../../../../src/main/update/agent-update.ts';
import { Backups } from '../../../../src/main/update/backups.ts';
import type { AgentJournal } from '../../../../src/main/update/journal-format.ts';
import type { AgentStep } from '../../../../src/main/update/steps.ts';
import type { AgentSnapshot } from '../../../../src/shared/contracts/agent.ts';
import type { CheckResult } from '../../../../src/shared/contracts/health.ts';
import { DaemonError } from '../../../../src/shared/errors/daemon-error.ts';
import { agentConfig } from '../../../fakes/agent-config.ts';
import { FakeClock } from '../../../fakes/clock.ts';
import { testFolder } from '../../../support/temp-folder.ts';
import { type CalledTasks, realTasks } from './tasks.ts';

const OLD = '#!/bin/sh\necho version 1.0.0\n';
const NEW = '#!/bin/sh\necho version 1.1.0\n';
const RUNNING: AgentSnapshot = {
  ...{ id: 'one', type: 'custom', name: 'one', status: 'running', reason: '', pid: 7, startedAtMs: 1 },
  ...{ restarts: 0, lastRestartMs: 0, lastHeartbeatMs: 0, version: '', lastExit: null, alerts: [] },
};
const check = (name: CheckResult['check'], state: CheckResult['state']): CheckResult => {
  return { check: name, state, reason: '', sinceMs: 0, failures: 0 };
};

/** An agent that does as the test says; what is done to it is told. */
class FakeAgents implements UpdatableAgents {
  #config: ReturnType<typeof agentConfig> | null = null;
  readonly done: string[] = [];
  snapshot: AgentSnapshot = RUNNING;
  results: CheckResult[] = [check('process', 'ok')];
  configured = true;
  /** Its program, as the configuration has it. */
  program = '';
  enabled = true;
  wanted = true;
  told: string | null | Error = '1.1.0';
  failing: Error | null = null;

  reconfigure(): void {
    this.#config = null;
  }

  find(id: string): ReturnType<UpdatableAgents['find']> {
    if (!this.configured) return null;
    const { snapshot, wanted, enabled } = this;
    const { program } = this;
    // the same object for as long as nobody changes the configuration, as the daemon has it
    if (this.#config?.enabled !== enabled || this.#config.binaryPath !== program) {
      this.#config = agentConfig({ id, enabled, binaryPath: program });
    }
    return { config: this.#config, snapshot, process: null, wanted };
  }
  async checks(): Promise<{ pid: number; results: CheckResult[] }> {
    return { pid: this.snapshot.pid, results: this.results };
  }
  async startAgent(id: string): Promise<void> {
    this.done.push(`start ${id}`);
    if (this.failing) throw this.failing;
  }
  async stopAgent(_: string, reason: string): Promise<void> {
    this.done.push(`stop: ${reason}`);
    if (this.failing) throw this.failing;
  }
  async versionOf(_: string, program: string): Promise<string | null> {
    this.done.push(`version of ${basename(program)}`);
    if (this.told instanceof Error) throw this.told;
    return this.told;
  }
}

let folder: string;
let agents: FakeAgents;
let clock: FakeClock;
let tasks: CalledTasks;
let waits: (() => void)[];
let journal: AgentJournal;
let deps: AgentUpdateDeps;

beforeEach(async () => {
  folder = await testFolder('agent-update');
  agents = new FakeAgents();
  clock = new FakeClock();
  waits = [];
  for (const name of ['bin', 'downloads']) mkdirSync(join(folder, name));
  const target = join(folder, 'bin/one');
  writeFileSync(target, OLD, { mode: 0o750 });
  agents.program = target;
  const path = join(folder, 'downloads/u1.package');
  writeFileSync(path, NEW);
  const facts = { id: 'u1', startedMs: 1, oldVersion: '1.0.0', target, package: path, sha256: '' };
  journal = agentJournal({ agentId: 'one', version: '1.1.0' }, facts);
  tasks = realTasks();
  use({});
});

function use(over: Partial<AgentUpdateDeps>): void {
  deps = {
    agents,
    tasks,
    clock,
    backups: new Backups(tasks, () => join(folder, 'backups')),
    update: { verifyMs: 2000, verifyTimeoutMs: 10_000, maxBytes: 1_000_000 } as AgentUpdateDeps['update'],
    signal: new AbortController().signal,
    obtain: null,
    wait: async (ms) => {
      waits.shift()?.();
      await clock.advance(ms);
    },
    ...over,
  };
}

const at = (step: AgentStep, over: Partial<AgentJournal> = {}): AgentJournal => ({ ...journal, step, ...over });
const take = (step: AgentStep, over: Partial<AgentJournal> = {}): Promise<AgentJournal> =>
  takeAgentStep(at(step, over), deps);
const inPlace = (): string => readFileSync(journal.target, 'utf8');
const refusal = (code: string, text: string) => ({ code, message: expect.stringContaining(text) });

describe('fetching', () => {
  test('accepted', async () => expect(await take('accepted')).toEqual(at('downloading')));
  test('is done by whoever brings packages; its hash is kept', async () => {
    const done: string[] = [];
    const fetch = async (): Promise<void> => void done.push('fetch');
    use({ obtain: { fetch, verify: async () => ({ sha256: 'abc', form: { form: 'tar.gz' } }) } });
    expect(await take('downloading')).toEqual(at('verifying'));
    expect(await take('verifying')).toEqual(at('staging', { sha256: 'abc' }));
    expect(done).toEqual(['fetch']);
  });
  test('a backup is there already', async () => {
    expect(await take('downloading')).toEqual(at('verifying'));
    expect(await take('verifying', { sha256: 'kept' })).toEqual(at('staging', { sha256: 'kept' }));
  });
});

describe('staging', () => {
  test('the program lies beside the old one, with its mode, and was run once', async () => {
    const next = await take('staging');
    expect(next).toEqual(at('backing-up', { newSha256: expect.stringMatching(/^[0-9a-f]{64}$/) }));
    expect(readFileSync(journal.staged, 'utf8')).toBe(NEW);
    expect(statSync(journal.staged).mode & 0o7777).toBe(0o750);
    expect(agents.done).toEqual([`version of ${basename(journal.staged)}`]);
    expect(inPlace()).toBe(OLD);
  });

  test('again after it was cut short', async () => {
    writeFileSync(journal.staged, 'half of it');
    await take('staging');
    expect(readFileSync(journal.staged, 'utf8')).toBe(NEW);
  });

  test('setuid is no part of an update', async () => {
    chmodSync(journal.target, 0o4755);
    await take('staging');
    expect(statSync(journal.staged).mode & 0o7777).toBe(0o755);
  });

  test('from an archive', async () => {
    mkdirSync(join(folder, 'root/bin'), { recursive: true });
    writeFileSync(join(folder, 'root/bin/one'), NEW);
    execFileSync('tar', ['-czf', journal.package, '-C', folder, 'root']);
    await take('staging', { sha256: createHash('sha256').update(readFileSync(journal.package)).digest('hex') });
    expect(readFileSync(journal.staged, 'utf8')).toBe(NEW);
  });

  test('an archive that is no longer the one that was checked', async () => {
    mkdirSync(join(folder, 'root/bin'), { recursive: true });
    writeFileSync(join(folder, 'root/bin/one'), NEW);
    execFileSync('tar', ['-czf', journal.package, '-C', folder, 'root']);
    await expect(take('staging', { sha256: '0'.repeat(64) })).rejects.toMatchObject(refusal('D4002', '(check: hash)'));
    expect(readdirSync(join(folder, 'downloads'))).toEqual(['u1.package']);
    expect(agents.done).toEqual([]);
  });

  test('a package that is no longer what was checked', async () => {
    await expect(take('staging', { sha256: '0'.repeat(64) })).rejects.toMatchObject(refusal('D4002', '(check: hash)'));
    expect(existsSync(journal.staged)).toBe(false);
  });

  test('a program for another machine', async () => {
    const program = readFileSync('/bin/true');
    program.writeUInt16LE(process.arch === 'arm64' ? 62 : 183, 18); // e_machine
    writeFileSync(journal.package, program);
    await expect(take('staging')).rejects.toMatchObject(refusal('D4002', '(check: arch)'));
    expect(agents.done).toEqual([]);
  });

  test('one for this machine', async () => {
    writeFileSync(journal.package, readFileSync('/bin/true'));
    expect((await take('staging')).step).toBe('backing-up');
  });

  test.each<[string, string | null | Error, string, string]>([
    ['it does not run', new Error('ENOEXEC'), '1.1.0', '(check: program)'],
    ['it tells no version', '', '1.1.0', '(check: program)'],
    ['it is another version', '1.1.1', '1.1.0', 'says that it is 1.1.1, not 1.1.0 (check: version)'],
    ['it does not run, whatever it is', new Error('ENOEXEC'), '', '(check: program)'],
  ])('%s', async (_, told, newVersion, says) => {
    agents.told = told;
    await expect(take('staging', { newVersion })).rejects.toMatchObject(refusal('D4002', says));
  });

  test.each<[string, string | null, string]>([
    ['nobody knows how to ask it', null, '1.1.0'],
    ['nobody knew the version of a backup', '1.0.0', ''],
    ['nobody knew it, and it does not tell it', '', ''],
    ['it says the same in other words', 'v1.1', '1.1.0'],
  ])('taken: %s', async (_, told, newVersion) => {
    agents.told = told;
    expect((await take('staging', { newVersion })).step).toBe('backing-up');
  });
});

describe('backing up', () => {
  test('what going back needs is there, and how the agent is', async () => {
    agents.results = [
      check('process', 'ok'),
      check('resources', 'off'),
      check('http', 'failing'),
      check('heartbeat', 'unknown'),
    ];
    const next = await take('backing-up');
    expect(next).toMatchObject({ step: 'stopping', wanted: true, ran: true, ill: ['http'], well: ['process'] });
    expect(readFileSync(next.backup, 'utf8')).toBe(OLD);
    expect(statSync(journal.former).ino).toBe(statSync(journal.target).ino);
    expect(await deps.backups.list('agent', 'one')).toEqual([
      expect.objectContaining({ version: '1.0.0', good: false }),
    ]);
    expect(inPlace()).toBe(OLD);
  });

  test('again after it was cut short', async () => {
    writeFileSync(journal.former, 'half of it');
    await take('backing-up');
    expect(readFileSync(journal.former, 'utf8')).toBe(OLD);
  });

  test.each<[string, Partial<AgentSnapshot>, Partial<FakeAgents>, object]>([
    ['runs', {}, {}, { wanted: true, ran: true, ill: [] }],
    ['failed', { status: 'failed', pid: 0 }, { results: [] }, { wanted: true, ran: false }],
    ['waits to be restarted', { status: 'restarting', pid: 0 }, { results: [] }, { wanted: true, ran: false }],
    ['was stopped', { status: 'stopped', pid: 0 }, { wanted: false, results: [] }, { wanted: false, ran: false }],
    ['ended by itself', { status: 'stopped', pid: 0 }, { results: [] }, { wanted: false, ran: false }],
    ['is not enabled', { status: 'stopped', pid: 0 }, { enabled: false, results: [] }, { wanted: false, ran: false }],
    [
      'is held back by a check',
      { status: 'starting' },
      { results: [check('http', 'failing')] },
      { ran: true, ill: ['http'] },
    ],
    ['never comes to start', { status: 'starting', pid: 0 }, { results: [] }, { wanted: true, ran: false }],
  ])('one that %s', async (_, snapshot, over, expected) => {
    Object.assign(agents, { ...over, snapshot: { ...RUNNING, ...snapshot } });
    expect(await take('backing-up')).toMatchObject(expected);
  });

  test('one in between is waited for', async () => {
    agents.snapshot = { ...RUNNING, status: 'stopping' };
    waits = [
      () => {
        agents.snapshot = { ...RUNNING, status: 'starting' };
      },
      () => {
        agents.snapshot = RUNNING;
      },
    ];
    expect(await take('backing-up')).toMatchObject({ ran: true });
    expect(waits).toEqual([]);
  });

  test('one that the configuration has lost', async () => {
    agents.configured = false;
    await expect(take('backing-up')).rejects.toMatchObject(refusal('D4003', 'no longer configured'));
  });

  test('where no second name can be given, a copy does as well', async () => {
    const elsewhere = mkdtempSync('/dev/shm/agent-update-'); // another file system
    onTestFinished(() => rmSync(elsewhere, { recursive: true }));
    const former = join(elsewhere, 'former');
    await take('backing-up', { former });
    expect(readFileSync(former, 'utf8')).toBe(OLD);
    expect(statSync(former).mode & 0o7777).toBe(0o750);
  });

  test('without a way back nothing is touched', async () => {
    await expect(take('backing-up', { former: join(folder, 'nowhere/former') })).rejects.toMatchObject({
      code: 'D4003',
    });
    expect(agents.done).toEqual([]);
  });
});

describe('switching', () => {
  test('the agent is stopped, and says why', async () => {
    expect(await take('stopping')).toEqual(at('switching', { switched: true }));
    expect(agents.done).toEqual(['stop: it is being updated to 1.1.0']);
  });

  test.each([
    [true, 'starting'],
    [false, 'committed'],
  ] as const)('wanted %s: then %s', async (wanted, step) => {
    await take('staging');
    expect(await take('switching', { wanted })).toEqual(at(step, { wanted }));
    expect(inPlace()).toBe(NEW);
    expect(existsSync(journal.staged)).toBe(false);
  });

  test('what cannot be put in place', async () => {
    await expect(take('switching')).rejects.toMatchObject(refusal('D4003', `${journal.target} could not be replaced`));
    expect(inPlace()).toBe(OLD);
  });

  test('started', async () => {
    expect(await take('starting')).toEqual(at('proving'));
    expect(agents.done).toEqual(['start one']);
  });
});

describe('proving', () => {
  const proving = { wanted: true, ran: true };
  test('well for long enough', async () => {
    expect(await take('proving', proving)).toEqual(at('committed', proving));
    expect(agents.done).toEqual(['version of one']);
  });

  test('another process', async () => {
    waits = [
      () => {
        agents.snapshot = { ...RUNNING, pid: 8 };
      },
    ];
    const says = 'version 1.1.0 of agent one is no good: its process 7 did not stay';
    await expect(take('proving', proving)).rejects.toMatchObject(refusal('D4003', says));
  });

  test('another process because its configuration changed begins anew', async () => {
    waits = [
      () => {
        agents.snapshot = { ...RUNNING, pid: 8 };
        agents.reconfigure();
      },
    ];
    expect(await take('proving', proving)).toEqual(at('committed', proving));
  });

  test('one that the configuration switches off meanwhile is proven no further', async () => {
    agents.enabled = false;
    agents.snapshot = { ...RUNNING, status: 'stopped', pid: 0 };
    expect(await take('proving', proving)).toEqual(at('committed', proving));
    expect(await take('starting', proving)).toEqual(at('committed', proving));
    await take('restarting-old', proving);
    expect(agents.done.filter((what) => what.startsWith('start'))).toEqual([]);
  });

  test('one that has another program by now is neither started nor proven', async () => {
    agents.program = '/bin/true';
    for (const step of ['starting', 'proving'] as const) {
      await expect(take(step, proving)).rejects.toMatchObject(refusal('D4003', 'now has the program /bin/true'));
    }
  });

  test('a look that fails says nothing of the version', async () => {
    const { checks } = agents;
    agents.checks = () => Promise.reject(new Error('the thread ended'));
    waits = [
      () => {
        agents.checks = checks;
      },
    ];
    expect(await take('proving', proving)).toEqual(at('committed', proving));
  });

  test('checks of another process do not count', async () => {
    agents.checks = async () => ({ pid: 9, results: agents.results });
    await expect(take('proving', proving)).rejects.toMatchObject(refusal('D4003', 'it has not been checked yet'));
  });

  test('another version than was put in place', async () => {
    agents.told = '1.0.0';
    await expect(take('proving', proving)).rejects.toMatchObject(refusal('D4002', '(check: version)'));
  });

  test('the configuration has lost it', async () => {
    agents.configured = false;
    await expect(take('proving', proving)).rejects.toMatchObject(refusal('D4003', 'no longer configured'));
  });
});

describe('going back', () => {
  /** As it is once the new version was in place. */
  async function switched(): Promise<AgentJournal> {
    const staged = await take('staging');
    const kept = await takeAgentStep(staged, deps);
    renameSync(journal.staged, journal.target);
    agents.done.length = 0;
    return { ...kept, switched: true, step: 'restoring' };
  }

  test('by its second name: no task is run', async () => {
    const from = await switched();
    tasks.calls.length = 0;
    expect(await takeAgentStep(from, deps)).toEqual({ ...from, step: 'restarting-old' });
    expect(inPlace()).toBe(OLD);
    expect(agents.done).toEqual(['stop: 1.1.0 is taken back']);
    expect(tasks.calls).toEqual([]);
  });

  test('twice: the second time changes nothing', async () => {
    const from = await switched();
    await takeAgentStep(from, deps);
    const { ino } = statSync(journal.target);
    rmSync(from.backup);
    await takeAgentStep(from, deps);
    expect(statSync(journal.target).ino).toBe(ino);
  });

  test('before anything was switched', async () => {
    linkSync(journal.target, journal.former);
    await take('restoring');
    expect(inPlace()).toBe(OLD);
  });

  test.each([
    ['the new program is in place', () => {}],
    ['no program is in place', () => rmSync(journal.target)],
  ])('from the backup, where somebody has cleared up: %s', async (_, more) => {
    const from = await switched();
    rmSync(journal.former);
    writeFileSync(journal.staged, 'left');
    more();
    await takeAgentStep(from, deps);
    expect(inPlace()).toBe(OLD);
    expect(statSync(journal.target).mode & 0o777).toBe(0o750);
    expect(readdirSync(join(folder, 'bin'))).toEqual(['one']);
  });

  test('nothing to go back to', async () => {
    const from = await switched();
    for (const path of [journal.former, from.backup]) rmSync(path);
    await expect(takeAgentStep(from, deps)).rejects.toThrow('ENOENT');
    expect(inPlace()).toBe(NEW);
  });

  test('a backup that was changed in place is not taken', async () => {
    const from = await switched();
    rmSync(journal.former);
    writeFileSync(from.backup, 'changed');
    await expect(takeAgentStep(from, deps)).rejects.toMatchObject(refusal('D4002', '(check: hash)'));
    expect(inPlace()).toBe(NEW);
  });

  test('of one that the configuration has lost: only its program', async () => {
    const from = await switched();
    agents.configured = false;
    const next = await takeAgentStep(from, deps);
    expect(await takeAgentStep(next, deps)).toMatchObject({ step: 'rolled-back' });
    expect(inPlace()).toBe(OLD);
    expect(agents.done).toEqual([]);
  });

  test('where it cannot be looked at', async () => {
    await expect(take('restoring', { former: join(journal.target, 'below') })).rejects.toThrow('ENOTDIR');
  });

  test.each([
    [true, ['start one']],
    [false, []],
  ])('wanted %s: %j', async (wanted, done) => {
    expect(await take('restarting-old', { wanted })).toEqual(at('rolled-back', { wanted }));
    expect(agents.done).toEqual(done);
  });

  test('the old one does not start', async () => {
    agents.failing = new DaemonError('D3001', 'no');
    await expect(take('restarting-old', { wanted: true })).rejects.toMatchObject({ code: 'D3001' });
  });
});

test.each<AgentStep>(['committed', 'rolled-back', 'abandoned'])('%s: nothing is left to do', async (step) => {
  expect(await take(step)).toEqual(at(step));
  expect([agents.done, tasks.calls]).toEqual([[], []]);
});

test('files beside the program are hidden and named for the update', () => {
  expect(besideTarget('/opt/one', 'u1')).toEqual({ staged: '/opt/.one.u1.new', former: '/opt/.one.u1.former' });
  const { package: path, staged, former, temporary } = journal;
  expect(temporary).toEqual([path, `${path}.unpacked`, staged, former]);
});
