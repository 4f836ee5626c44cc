/** The updater with real packages, keys, tasks and files; agents are stand-ins, and time passes at once. */
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { keygen } from '../../../../src/ctl/keygen.ts';
import { sign } from '../../../../src/ctl/sign.ts';
import type { UpdatableAgents } from '../../../../src/main/update/agent-update.ts';
import type { ProcessName } from '../../../../src/main/update/journal-format.ts';
import { renderJournal } from '../../../../src/main/update/journal-format.ts';
import { Updater, type UpdaterOptions } from '../../../../src/main/update/updater.ts';
import type { AgentSnapshot } from '../../../../src/shared/contracts/agent.ts';
import type { UpdateRequest, UpdateResult } from '../../../../src/shared/contracts/update.ts';
import { systemClock } from '../../../../src/shared/platform/clock.ts';
import { agentConfig } from '../../../fakes/agent-config.ts';
import { FakeLog } from '../../../fakes/log.ts';
import { testFolder } from '../../../support/temp-folder.ts';
import { waitFor } from '../../../support/wait-until.ts';
import { agentJournalOf, daemonJournalOf } from './journals.ts';
import { type CalledTasks, realTasks } from './tasks.ts';

const program = (version: string): string => `#!/bin/sh\necho ${version}\n`;

/** Agents whose processes are only said to be there. */
class FakeAgents implements UpdatableAgents {
  readonly folder: string;
  readonly ids: string[];
  pid = 100;
  status: AgentSnapshot['status'] = 'running';
  wanted = true;
  /** What the process says when it is looked at. */
  healthy = true;
  stops = 0;

  constructor(folder: string, ids: string[]) {
    this.folder = folder;
    this.ids = ids;
  }

  list(): { id: string }[] {
    return this.ids.map((id) => ({ id }));
  }

  find(id: string): ReturnType<UpdatableAgents['find']> {
    if (!this.ids.includes(id)) return null;
    const { status, pid, wanted } = this;
    const process: ProcessName | null = status === 'running' ? { pid, startTicks: 1, bootId: 'b' } : null;
    const snapshot: AgentSnapshot = {
      ...{ id, type: 'custom', name: id, status, reason: '', pid: process?.pid ?? 0, startedAtMs: 1, restarts: 0 },
      ...{ lastRestartMs: 0, lastHeartbeatMs: 0, version: '', lastExit: null, alerts: [] },
    };
    return { config: agentConfig({ id, binaryPath: join(this.folder, id) }), snapshot, process, wanted };
  }

  async checks(): ReturnType<UpdatableAgents['checks']> {
    const state = this.healthy ? 'ok' : 'failing';
    return { pid: this.pid, results: [{ check: 'process', state, reason: 'it is ill', sinceMs: 0, failures: 0 }] };
  }

  async startAgent(): Promise<void> {
    this.status = 'running';
    this.pid++;
  }

  async stopAgent(): Promise<void> {
    this.status = 'stopped';
    this.stops++;
  }

  async versionOf(_: string, path: string): Promise<string | null> {
    return /echo (\S+)/.exec(readFileSync(path, 'utf8'))?.[1] ?? '';
  }
}

let folder: string;
let agents: FakeAgents;
let log: FakeLog;
let tasks: CalledTasks;
let results: number;
let begun: string[];
let waits: (() => void)[];
let update: UpdaterOptions['config'] extends () => infer C ? (C extends { update: infer U } ? U : never) : never;

beforeEach(async () => {
  folder = await testFolder('updater');
  mkdirSync(join(folder, 'bin'));
  for (const id of ['one', 'two']) {
    writeFileSync(join(folder, 'bin', id), program('1.0.0'));
    chmodSync(join(folder, 'bin', id), 0o755);
  }
  agents = new FakeAgents(join(folder, 'bin'), ['one', 'two']);
  log = new FakeLog();
  tasks = realTasks();
  results = 0;
  begun = [];
  waits = [];
  keygen({ type: 'ecdsa', bits: 0, curve: 'P-256', out: join(folder, 'key'), passphraseFile: '' });
  update = {
    downloadDir: join(folder, 'downloads'),
    backupDir: join(folder, 'backups'),
    maxBackups: 2,
    verifyTimeoutMs: 10_000,
    verifyMs: 0,
    publicKeyFile: join(folder, 'key.pub'),
    trustedHosts: [],
    allowHttpLoopback: false,
    maxBytes: 1_000_000,
    downloadTimeoutMs: 10_000,
    minBytesPerSecond: 0,
    rateLimit: 0,
  };
});

const updates = (): string => join(folder, 'updates');

function updater(over: Partial<UpdaterOptions> = {}): Updater {
  mkdirSync(updates(), { recursive: true });
  const tls = { certFile: '/c', keyFile: '/k', caFile: '/a' };
  const made = new Updater({
    version: '1.0.0',
    bundles: join(folder, 'lib'),
    configFile: join(folder, 'daemon.yaml'),
    folder: updates(),
    config: () => ({
      update,
      manager: { addresses: ['manager:9090'], tls, timeoutMs: 1000 } as ReturnType<UpdaterOptions['config']>['manager'],
      daemon: { pidFile: join(folder, 'daemon.pid') } as ReturnType<UpdaterOptions['config']>['daemon'],
    }),
    tasks,
    agents,
    link: () => ({ connected: true, busy: false, reason: '' }),
    clock: systemClock,
    // waits are over as soon as the test says so; by default at once
    after: (_, __, run) => {
      if (waits.length > 0) waits.push(run);
      else setImmediate(run);
      return () => {};
    },
    log,
    environment: {},
    onBegun: ({ component, agentId, newVersion }) => begun.push([component, agentId, newVersion].join(' ')),
    onResult: () => {
      results++;
    },
    ...over,
  });
  onTestFinished(() => made.close());
  return made;
}

function signedPackage(id: string, version: string, content = program(version)): UpdateRequest {
  const path = join(folder, `${id}-${version}`);
  writeFileSync(path, content);
  const manifest = { component: 'agent', agent: id, version, platform: process.platform, arch: process.arch } as const;
  const signed = sign({
    ...{ file: path, keyFile: join(folder, 'key'), passphraseFile: '', pss: false, nowMs: Date.now() },
    manifest: { ...manifest, expiresMs: Date.now() + 3_600_000, allowDowngrade: false },
  });
  return {
    component: 'agent',
    agentId: id,
    version,
    source: { kind: 'file', path, owned: false },
    sha256: '',
    signature: signed.manifest?.signature.base64 ?? '',
    manifest: readFileSync(signed.manifest?.file ?? '', 'utf8'),
    origin: 'local',
    allowDowngrade: false,
    retry: false,
  };
}

async function outcome(of: Updater, id: string): Promise<UpdateResult> {
  const found = await waitFor(() => of.status().results.find((result) => result.id === id), { what: 'the outcome' });
  await waitFor(() => of.status().underWay.length === 0, { what: 'the end of clearing up' });
  return found;
}

async function carriedOut(of: Updater, request: UpdateRequest): Promise<UpdateResult> {
  return outcome(of, (await of.request(request)).id);
}

const inPlace = (id = 'one'): string => readFileSync(join(folder, 'bin', id), 'utf8');

describe('an update that is asked for', () => {
  test('is carried out; nothing of it stays but the backup and the outcome', async () => {
    const made = updater();
    const result = await carriedOut(made, signedPackage('one', '1.1.0'));
    expect(result).toMatchObject({ number: 1, success: true, oldVersion: '1.0.0', newVersion: '1.1.0', error: '' });
    expect(inPlace()).toBe(program('1.1.0'));
    expect(readdirSync(join(folder, 'bin')).sort()).toEqual(['one', 'two']);
    expect(readdirSync(update.downloadDir)).toEqual([]);
    expect(readdirSync(updates())).toEqual(['outcomes.json']);
    expect(await made.backups('agent', 'one')).toMatchObject([{ version: '1.0.0', good: true }]);
    expect([results, made.undelivered().length]).toEqual([1, 1]);
    expect(begun).toEqual(['agent one 1.1.0']);
    await made.delivered(1);
    expect(made.undelivered()).toEqual([]);
  });

  test('asked for twice joins, another one is refused, and after it the same is done', async () => {
    waits.push(() => {});
    update = { ...update, verifyMs: 1 };
    const made = updater();
    const request = signedPackage('one', '1.1.0');
    const [first, second] = await Promise.all([made.request(request), made.request(request)]);
    expect([first.state, second.state, second.id]).toEqual(['begun', 'under-way', first.id]);
    await expect(made.request(signedPackage('one', '1.2.0'))).rejects.toMatchObject({ code: 'D4003' });
    await expect(made.rollback('agent', 'one', '')).rejects.toMatchObject({ code: 'D4003' });
    await waitFor(() => made.status().underWay[0]?.phase === 'proving', { what: 'the proof' });
    const let_ = waits.splice(0);
    for (const run of let_) run();
    expect(await outcome(made, first.id)).toMatchObject({ success: true });
    expect(await made.request(request)).toMatchObject({ state: 'done' });
    expect(made.status().results).toHaveLength(1);
  });

  test('two agents with one program are not', async () => {
    waits.push(() => {});
    update = { ...update, verifyMs: 1 };
    rmSync(join(folder, 'bin/two'));
    symlinkSync('one', join(folder, 'bin/two'));
    const made = updater();
    const { id } = await made.request(signedPackage('one', '1.1.0'));
    await waitFor(() => made.status().underWay[0]?.phase === 'proving', { what: 'the proof' });
    await expect(made.request(signedPackage('two', '1.2.0'))).rejects.toMatchObject({
      code: 'D4003',
      message: expect.stringMatching(/is being replaced by the update of agent-one/),
    });
    expect([made.isApplying('one'), made.isApplying('two')]).toEqual([true, false]);
    for (const run of waits.splice(0)) run();
    expect(await outcome(made, id)).toMatchObject({ success: true });
    expect(made.isApplying('one')).toBe(false);
    expect(await carriedOut(made, signedPackage('two', '1.2.0'))).toMatchObject({ success: true });
  });

  test('an outcome that cannot be noted is not forgotten', async () => {
    const made = updater();
    const blocked = join(updates(), `.outcomes.json.${process.pid}.tmp`);
    mkdirSync(join(blocked, 'x'), { recursive: true });
    const { id } = await made.request(signedPackage('one', '1.1.0'));
    await waitFor(() => log.events('update-stuck').length > 1, { what: 'several attempts' });
    expect(made.status().underWay).toHaveLength(1);
    rmSync(blocked, { recursive: true });
    expect(await outcome(made, id)).toMatchObject({ success: true });
  });

  test('a bare signature is not enough for a program that nobody can ask for its version', async () => {
    agents.versionOf = async () => null;
    const path = join(folder, 'bare');
    writeFileSync(path, program('1.1.0'));
    const { sha256, signature } = sign({
      ...{ file: path, keyFile: join(folder, 'key'), passphraseFile: '', pss: false, nowMs: 0, manifest: null },
    });
    const bare = { manifest: '', sha256, signature: signature?.base64 ?? '' };
    await expect(updater().request({ ...signedPackage('one', '1.1.0'), ...bare })).rejects.toMatchObject({
      code: 'D4002',
      message: expect.stringMatching(/check: manifest/),
    });
    expect(await carriedOut(updater(), signedPackage('one', '1.1.0'))).toMatchObject({ success: true });
  });

  test('packages are not kept where others can write', async () => {
    mkdirSync(update.downloadDir);
    chmodSync(update.downloadDir, 0o777);
    expect(await carriedOut(updater(), signedPackage('one', '1.1.0'))).toMatchObject({
      ...{ success: false, code: 'D4003' },
      error: expect.stringMatching(/can be written to by others/),
    });
    expect(inPlace()).toBe(program('1.0.0'));
  });

  test('two agents are updated side by side', async () => {
    const made = updater();
    const both = ['one', 'two'].map((id) => carriedOut(made, signedPackage(id, '1.1.0')));
    expect((await Promise.all(both)).map(({ agentId, success }) => [agentId, success])).toEqual([
      ['one', true],
      ['two', true],
    ]);
  });

  test('raw bytes with a hash and a signature do as well, and a file of its own is taken over', async () => {
    const path = join(folder, 'owned');
    writeFileSync(path, program('1.1.0'));
    const { sha256, signature } = sign({
      ...{ file: path, keyFile: join(folder, 'key'), passphraseFile: '', pss: false, nowMs: 0, manifest: null },
    });
    const request: UpdateRequest = {
      ...signedPackage('one', '1.1.0'),
      ...{ manifest: '', sha256: sha256.toUpperCase(), signature: signature?.base64 ?? '', origin: 'manager' },
      source: { kind: 'file', path, owned: true },
    };
    expect(await carriedOut(updater(), request)).toMatchObject({ success: true });
    expect(existsSync(path)).toBe(false);
  });

  test('one whose version was rolled back is refused until somebody says so, and shown until it was seen', async () => {
    const made = updater();
    agents.startAgent = async () => {
      agents.status = 'running';
      agents.healthy = inPlace() === program('1.0.0');
    };
    update = { ...update, verifyTimeoutMs: 1 };
    const request = signedPackage('one', '1.1.0');
    expect(await carriedOut(made, request)).toMatchObject({ success: false, rolledBack: true, code: 'D4003' });
    expect(inPlace()).toBe(program('1.0.0'));
    await expect(made.request(request)).rejects.toMatchObject({
      code: 'D4003',
      message: expect.stringMatching(/rolled back/),
    });
    expect(made.status().refused).toMatchObject([{ version: '1.1.0', acknowledged: false }]);
    await made.acknowledge();
    expect(made.status().refused).toMatchObject([{ version: '1.1.0', acknowledged: true }]);
    agents.startAgent = async () => {
      agents.status = 'running';
    };
    agents.healthy = true;
    expect(await carriedOut(made, { ...request, retry: true })).toMatchObject({ success: true });
    expect(made.status().refused).toEqual([]);
  });

  test.each<[string, (request: UpdateRequest) => UpdateRequest, string, RegExp]>([
    ['an unknown agent', (r) => ({ ...r, agentId: 'three' }), 'D4003', /no agent three/],
    ['a version that is not higher', () => signedPackage('one', '0.9.0'), 'D4002', /check: version/],
    ['a manifest for another agent', (r) => ({ ...r, agentId: 'two' }), 'D4002', /check: component/],
    [
      'a source that is not trusted',
      (r) => ({ ...r, source: { kind: 'url', url: 'https://else/x' } }),
      'D4002',
      /check: source/,
    ],
    [
      'the daemon where it is not installed',
      (r) => ({ ...r, component: 'daemon', agentId: '', manifest: '', sha256: 'a'.repeat(64) }),
      'D4003',
      /cannot replace itself/,
    ],
  ])('%s is refused before anything is begun', async (_, change, code, text) => {
    const made = updater();
    mkdirSync(join(folder, 'lib'), { recursive: true });
    await expect(made.request(change(signedPackage('one', '1.1.0')))).rejects.toMatchObject({
      code,
      message: expect.stringMatching(text),
    });
    expect(made.status()).toEqual({ underWay: [], results: [], refused: [] });
    expect(existsSync(update.downloadDir)).toBe(false);
    expect(agents.stops).toBe(0);
  });

  test('a downgrade that somebody on this host allows is carried out', async () => {
    const request = { ...signedPackage('one', '0.9.0'), allowDowngrade: true };
    expect(await carriedOut(updater(), request)).toMatchObject({ success: true, newVersion: '0.9.0' });
  });

  test('a program that is not there cannot be replaced', async () => {
    agents.versionOf = () => Promise.reject(new Error('ENOENT'));
    const { agentId } = signedPackage('one', '1.1.0');
    agents.find = ((find) => (id: string) => {
      const found = find.call(agents, id);
      return found && { ...found, config: { ...found.config, binaryPath: join(folder, 'absent') } };
    })(agents.find);
    await expect(updater().request({ ...signedPackage('one', '1.1.0'), agentId })).rejects.toMatchObject({
      code: 'D4003',
    });
  });

  test('a package that turns out to be no good leaves everything as it was', async () => {
    const made = updater();
    const request = signedPackage('one', '1.1.0');
    writeFileSync(join(folder, 'one-1.1.0'), program('6.6.6'));
    expect(await carriedOut(made, request)).toMatchObject({
      ...{ success: false, rolledBack: false, code: 'D4002' },
      error: expect.stringMatching(/\(check: (hash|size)\)/),
    });
    expect([inPlace(), agents.stops]).toEqual([program('1.0.0'), 0]);
    expect(readdirSync(update.downloadDir)).toEqual([]);
  });
});

describe('a step that cannot be journalled', () => {
  test('is not taken: the update ends there, with everything as it was', async () => {
    const made = updater();
    const request = signedPackage('one', '1.1.0');
    // the agent's stop is the last thing before the switch: the journal's folder is read-only from then on
    agents.stopAgent = async () => {
      agents.stops++;
      agents.status = 'stopped';
      blockJournal();
    };
    const start = agents.startAgent.bind(agents);
    agents.startAgent = async () => {
      rmSync(join(updates(), `.agent-one.json.${process.pid}.tmp`), { recursive: true });
      await start();
    };
    expect(await carriedOut(made, request)).toMatchObject({ success: false, code: 'D4003' });
    expect([inPlace(), agents.status]).toEqual([program('1.0.0'), 'running']);
    expect(log.events('update-journal').length).toBeGreaterThan(0);
  });

  /** A folder in the place of the journal's temporary file: it cannot be written, by root neither. */
  function blockJournal(): void {
    mkdirSync(join(updates(), `.agent-one.json.${process.pid}.tmp`, 'x'), { recursive: true });
  }
});

describe('going back by hand', () => {
  test('takes the newest other version, or the one that is named', async () => {
    const made = updater();
    await carriedOut(made, signedPackage('one', '1.1.0'));
    await carriedOut(made, signedPackage('one', '1.2.0'));
    const names = (await made.backups('agent', 'one')).map(({ path }) => path.split('/').at(-1) ?? '');
    expect(await outcome(made, (await made.rollback('agent', 'one', '')).id)).toMatchObject({ newVersion: '1.1.0' });
    expect(inPlace()).toBe(program('1.1.0'));
    await expect(made.rollback('agent', 'one', 'none')).rejects.toMatchObject({ code: 'D4004' });
    await expect(made.rollback('agent', 'three', '')).rejects.toMatchObject({ code: 'D4003' });
    expect(names).toHaveLength(2);
    // of three backups the oldest has gone by now, since two are kept
    await expect(made.rollback('agent', 'one', names[0] ?? '')).rejects.toMatchObject({ code: 'D4004' });
  });

  test('a backup that was changed is not used', async () => {
    const made = updater();
    await carriedOut(made, signedPackage('one', '1.1.0'));
    const [backup] = await made.backups('agent', 'one');
    writeFileSync(backup?.path ?? '', 'something else');
    await expect(made.rollback('agent', 'one', '')).rejects.toMatchObject({ code: 'D4004' });
    expect(inPlace()).toBe(program('1.1.0'));
  });
});

describe('what an earlier daemon left', () => {
  const left = (name: string, text: string): void => {
    mkdirSync(updates(), { recursive: true });
    writeFileSync(join(updates(), name), text);
  };

  test('is undone, gone on with or only noted, and an inline package that nobody took goes', async () => {
    mkdirSync(update.downloadDir);
    writeFileSync(join(update.downloadDir, 'inline-1-a'), 'x');
    writeFileSync(join(update.downloadDir, `inline-${process.pid}-a`), 'x');
    left('agent-one.json', renderJournal(agentJournalOf({ id: 'one', target: join(folder, 'bin/one') })));
    const two = {
      id: 'two',
      agentId: 'two',
      target: join(folder, 'bin/two'),
      newVersion: '1.0.0',
      step: 'starting',
    } as const;
    left('agent-two.json', renderJournal(agentJournalOf(two)));
    const made = updater();
    await made.resume();
    expect(await outcome(made, 'one')).toMatchObject({ success: false, rolledBack: false });
    expect(await outcome(made, 'two')).toMatchObject({ success: true });
    expect(readdirSync(updates())).toEqual(['outcomes.json']);
    expect(readdirSync(update.downloadDir)).toEqual([`inline-${process.pid}-a`]);
  });

  test('of the daemon’s own update before the switch is given up', async () => {
    const root = join(folder, 'opt');
    mkdirSync(join(root, 'releases/1.0.0'), { recursive: true });
    mkdirSync(join(root, 'releases/1.1.0'));
    mkdirSync(join(root, 'releases/.1.1.0.part-7'));
    symlinkSync('releases/1.0.0', join(root, 'current'));
    left(
      'daemon.json',
      renderJournal(daemonJournalOf({ step: 'staging', root, oldRelease: '1.0.0', newRelease: '1.1.0' })),
    );
    const made = updater();
    await made.resume();
    const result = await outcome(made, daemonJournalOf().id);
    expect(result).toMatchObject({ component: 'daemon', success: false, rolledBack: false, code: 'D4003' });
    expect(readdirSync(join(root, 'releases'))).toEqual(['1.0.0']);
  });

  test('and cannot be read is set aside', async () => {
    left('agent-one.json', '{ torn');
    left('outcomes.json', 'torn too');
    const made = updater();
    await made.resume();
    expect(made.status()).toEqual({ underWay: [], results: [], refused: [] });
    expect(readdirSync(updates()).filter((name) => name.includes('.unreadable-'))).toHaveLength(2);
    expect(log.events('update-journal')).toHaveLength(1);
    expect(log.events('update-outcomes')).toHaveLength(1);
  });

  test('closing leaves an update where it is, for the next start', async () => {
    waits.push(() => {});
    update = { ...update, verifyMs: 5000 };
    const made = updater();
    await made.request(signedPackage('one', '1.1.0'));
    await waitFor(() => made.status().underWay[0]?.phase === 'proving', { what: 'the proof' });
    await made.close();
    expect(made.status()).toMatchObject({ results: [] });
    expect(JSON.parse(readFileSync(join(updates(), 'agent-one.json'), 'utf8'))).toMatchObject({ step: 'proving' });
    waits.length = 0;
    update = { ...update, verifyMs: 0 };
    const next = updater();
    await next.resume();
    await waitFor(() => next.status().results.length === 1, { what: 'the outcome' });
    expect(next.status().results).toMatchObject([{ success: true, newVersion: '1.1.0' }]);
  });
});
