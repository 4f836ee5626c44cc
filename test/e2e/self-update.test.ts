/**
 * The daemon replaces itself: built versions of it, a supervisor that behaves as Restart=always does, a real Manager,
 * agents that must not notice. What is no good is undone with nobody there to help.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { ask } from '../../src/ctl/client.ts';
import { keygen } from '../../src/ctl/keygen.ts';
import { sign } from '../../src/ctl/sign.ts';
import { updateRequest } from '../../src/ctl/update-request.ts';
import type { UpdateResult } from '../../src/shared/contracts/update.ts';
import { sampleAgent, TestHost } from '../support/daemon-process.ts';
import { ManagerProcess } from '../support/manager-process.ts';
import { expectNoProcessWith } from '../support/processes.ts';
import { type Fault, ReleaseRoot, Releases, Supervisor } from '../support/release-root.ts';
import { waitFor } from '../support/wait-until.ts';

const OLD = '1.0.0';
const NEW = '1.1.0';
const LONG = 60_000;

let releases: Releases;
let manager: ManagerProcess;
let packages: { old: string; good: string; bad: Record<Fault, string> };
let host: TestHost;
let root: ReleaseRoot;
let supervisor: Supervisor;

beforeAll(async () => {
  releases = new Releases();
  manager = await ManagerProcess.start();
  keygen({ type: 'ecdsa', bits: 0, curve: 'P-256', out: join(releases.folder, 'key'), passphraseFile: '' });
  const old = await releases.build(OLD);
  const good = await releases.build(NEW);
  const bad = {
    crashes: await releases.spoil(good, 'crashes'),
    hangs: await releases.spoil(good, 'hangs'),
    'cannot connect': await releases.spoil(good, 'cannot connect'),
  };
  packages = { old, good, bad };
  for (const path of [good, ...Object.values(bad)]) signed(path, NEW);
}, LONG);
afterAll(async () => {
  await manager.stop('SIGKILL');
  releases.remove();
});
beforeEach(async () => {
  host = await TestHost.make();
  root = new ReleaseRoot(join(host.folder, 'opt'));
  await root.install(OLD, packages.old);
});
afterEach(async () => {
  await supervisor.stop('SIGKILL');
  await host.remove();
  await expectNoProcessWith(host.folder);
});

function signed(path: string, version: string): void {
  sign({
    file: path,
    keyFile: join(releases.folder, 'key'),
    passphraseFile: '',
    pss: false,
    manifest: {
      component: 'daemon',
      agent: '',
      version,
      platform: process.platform,
      arch: process.arch,
      expiresMs: Date.now() + 3_600_000,
      allowDowngrade: false,
    },
    nowMs: Date.now(),
  });
}

const socket = (): string => join(host.workDir, 'control.sock');

async function configure(managerPort = manager.port, verifyTimeout = '20s'): Promise<void> {
  await host.configure(managerPort, manager.tlsFolder, {
    agents: [sampleAgent('one'), sampleAgent('two')],
    update: {
      download_dir: join(host.folder, 'downloads'),
      backup_dir: join(host.folder, 'backups'),
      public_key_file: join(releases.folder, 'key.pub'),
      verify_timeout: verifyTimeout,
      verify_seconds: '1s',
    },
  });
}

async function running(env: Record<string, string> = {}): Promise<number[]> {
  supervisor = new Supervisor(root, host.configFile, env);
  supervisor.start();
  await waitFor(() => existsSync(host.logFile) && host.log().some(({ event }) => event === 'registered'), {
    what: 'the registration',
    timeoutMs: 15_000,
  });
  return agentPids();
}

const agentPids = (): Promise<number[]> =>
  waitFor(() => (host.agents().length === 2 ? host.agents().sort((a, b) => a - b) : null), { what: 'two agents' });

async function update(path: string): Promise<string> {
  return (await ask(socket(), 'update', await updateRequest('daemon', { file: path }))).id;
}

/** Waits for the outcome, as whichever daemon runs in the end has it. */
async function outcome(id: string, timeoutMs = 45_000): Promise<UpdateResult> {
  const look = async (): Promise<UpdateResult | undefined> => {
    const status = await ask(socket(), 'updateStatus', {}).catch(() => null);
    return status?.results.find((result) => result.id === id);
  };
  return waitFor(look, { what: 'the outcome of the update', timeoutMs });
}

const handover = (): string => readFileSync(join(host.workDir, 'updates/handover.log'), 'utf8');

/** Nothing is left in the middle: neither files of the update nor the helper. */
async function expectClean(): Promise<void> {
  await expectNoProcessWith('handover.js');
  const left = (): string => readdirSync(join(host.workDir, 'updates')).sort().join();
  await waitFor(() => left() === 'handover.log,outcomes.json', { what: 'the files of the update to be cleared up' });
  expect(readdirSync(join(host.folder, 'downloads'))).toEqual([]);
  expect(readdirSync(root.root).sort()).toEqual(['current', 'releases']);
}

describe('a version that is good', () => {
  test(
    'stays: agents keep their processes, the old version is kept, the Manager hears of it',
    async () => {
      await configure();
      const agents = await running();
      const id = await update(packages.good);
      const result = await outcome(id);
      expect(result).toMatchObject({ success: true, oldVersion: OLD, newVersion: NEW, rolledBack: false, error: '' });
      expect(root.current).toBe(NEW);
      expect(await agentPids()).toEqual(agents);
      expect(readdirSync(join(root.root, 'releases')).sort()).toEqual([OLD, NEW]);
      const told = await manager.event('states', ({ updates }) => updates.some(({ updateId }) => updateId === id));
      expect(told.updates.find(({ updateId }) => updateId === id)).toMatchObject({ success: true, newVersion: NEW });
      await expectClean();
    },
    LONG,
  );

  test(
    'stays while the Manager is away',
    async () => {
      const own = await ManagerProcess.start({ tlsFolder: manager.tlsFolder });
      await configure(own.port);
      const agents = await running();
      await own.stop('SIGKILL');
      const result = await outcome(await update(packages.good));
      expect(result).toMatchObject({ success: true, newVersion: NEW });
      expect(root.current).toBe(NEW);
      expect(await agentPids()).toEqual(agents);
      await expectClean();
    },
    LONG,
  );
});

describe('a version that is no good is undone', () => {
  test.each<[Fault, string]>([
    ['crashes', '6s'],
    ['hangs', '6s'],
    ['cannot connect', '8s'],
  ])(
    'one that %s',
    async (fault, verifyTimeout) => {
      await configure(manager.port, verifyTimeout);
      const agents = await running();
      const id = await update(packages.bad[fault]);
      const result = await outcome(id);
      expect(result, handover()).toMatchObject({ success: false, rolledBack: true, code: 'D4003', oldVersion: OLD });
      expect(root.current).toBe(OLD);
      expect(await agentPids()).toEqual(agents);
      const { refused } = await ask(socket(), 'updateStatus', {});
      expect(refused).toEqual([expect.objectContaining({ version: NEW, reason: result.error, acknowledged: false })]);
      await expect(update(packages.bad[fault])).rejects.toMatchObject({ code: 'D4003' });
      await manager.event('states', ({ updates }) => updates.some(({ updateId }) => updateId === id));
      await expectClean();
      expect(readdirSync(join(root.root, 'releases'))).toEqual([OLD]);
    },
    LONG,
  );
});
