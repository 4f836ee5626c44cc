/**
 * The daemon replaces itself: built versions of it, a supervisor that behaves as Restart=always does, a real Manager,
 * agents that must not notice. What is no good is undone with nobody there to help.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { ask } from '../../src/ctl/client.ts';
import { updateRequest } from '../../src/ctl/update-request.ts';
import { readProcFile } from '../../src/shared/platform/proc.ts';
import { TestHost } from '../support/daemon-process.ts';
import { ManagerProcess } from '../support/manager-process.ts';
import { type Fault, Releases } from '../support/release-root.ts';
import { makeKey, SelfUpdateHost, signed } from '../support/self-update-host.ts';
import { waitFor } from '../support/wait-until.ts';

const OLD = '1.0.0';
const NEW = '1.1.0';
const LONG_MS = 90_000;
const MAX_ENVIRON_BYTES = 256 * 1024;

const FAULTY: Fault[] = ['crashes', 'hangs', 'cannot connect', 'refuses the configuration'];

let releases: Releases;
let manager: ManagerProcess;
let old: string;
let good: string;
let bad: Map<string, string>;
let self: SelfUpdateHost;

beforeAll(async () => {
  releases = new Releases();
  manager = await ManagerProcess.start();
  makeKey(releases);
  old = signed(releases, await releases.build(OLD), OLD);
  good = signed(releases, await releases.build(NEW), NEW);
  const spoilt = await Promise.all(FAULTY.map(async (fault) => [fault, await releases.spoil(good, fault)] as const));
  bad = new Map([
    ...spoilt,
    ['says another version', await releases.change(good, 'version', ['VERSION', () => '1.2.0\n'])],
    ['has no bin/daemon', await releases.change(good, 'program', ['bin/daemon', null])],
  ]);
  for (const path of bad.values()) signed(releases, path, NEW);
}, LONG_MS);
afterAll(async () => {
  await manager.stop('SIGKILL');
  releases.remove();
});
beforeEach(async () => {
  self = await SelfUpdateHost.make(releases, manager, { version: OLD, path: old });
});
afterEach(() => self.remove(), LONG_MS);

function packageThat(fault: string): string {
  const path = bad.get(fault);
  if (!path) throw new Error(`there is no package that ${fault}`);
  return path;
}

describe('a version that is good', () => {
  test(
    'stays: agents keep their processes, the old version is kept, the Manager hears of it',
    async () => {
      await self.configure();
      const agents = await self.start();
      const { id, state } = await self.update(good);
      expect(state).toBe('begun');
      // asked for once more it joins; anything else waits its turn
      expect(await self.update(good)).toMatchObject({ id, state: 'under-way' });
      await expect(self.update(packageThat('crashes'))).rejects.toMatchObject({ code: 'D4003' });
      const result = await self.outcome(id);
      expect(result).toMatchObject({ success: true, oldVersion: OLD, newVersion: NEW, rolledBack: false, error: '' });
      expect(await self.agentPids()).toEqual(agents);
      const told = await manager.event('happened', ({ updates }) => updates.some(({ updateId }) => updateId === id));
      expect(told.updates.find(({ updateId }) => updateId === id)).toMatchObject({ success: true, newVersion: NEW });
      await self.expectSettled(NEW, [OLD, NEW]);
    },
    LONG_MS,
  );

  test(
    'stays while the Manager is overloaded, and while it is away',
    async () => {
      const own = await ManagerProcess.start({ tlsFolder: manager.tlsFolder });
      try {
        await self.configure({ managerPort: own.port });
        const agents = await self.start();
        await own.fault({ fault: 'refuse', method: 'RegisterNode', status: 'RESOURCE_EXHAUSTED' });
        const { id } = await self.update(good);
        expect(self.journal?.linked).toBe(true); // so the link counts
        expect(await self.outcome(id), self.handover).toMatchObject({ success: true, newVersion: NEW });
        const since = self.host.log().findLastIndex(({ event }) => event === 'starting');
        const registered = (): boolean =>
          self.host
            .log()
            .slice(since)
            .some(({ event }) => event === 'registered');
        expect(registered()).toBe(false);
        await self.expectSettled(NEW, [OLD, NEW]);
        await own.fault({ fault: 'clear' });
        await waitFor(registered, { what: 'the registration', timeoutMs: LONG_MS });
        const back = await self.ask('rollback', { component: 'daemon', agentId: '', backup: '' });
        expect(self.journal?.linked).toBe(true);
        await own.stop('SIGKILL');
        expect(await self.outcome(back.id), self.handover).toMatchObject({ success: true, newVersion: OLD });
        await self.expectSettled(OLD, [OLD, NEW]);
        expect(await self.agentPids()).toEqual(agents);
      } finally {
        await own.stop('SIGKILL');
      }
    },
    LONG_MS,
  );

  test(
    'stays where nobody starts the daemon again: the helper does, with its environment',
    async () => {
      await self.configure();
      const agents = await self.startAlone({ OF_THE_FIRST_DAEMON: 'kept' });
      const { id } = await self.update(good);
      expect(await self.outcome(id), self.handover).toMatchObject({ success: true, newVersion: NEW });
      await self.expectSettled(NEW, [OLD, NEW]);
      expect(await self.agentPids()).toEqual(agents);
      const environment = readProcFile(`/proc/${self.daemons()[0]}/environ`, MAX_ENVIRON_BYTES)?.split('\0');
      expect(environment).toContain('OF_THE_FIRST_DAEMON=kept');
    },
    LONG_MS,
  );

  test(
    'is gone back from by hand, and forward to again',
    async () => {
      await self.configure();
      const agents = await self.start();
      await self.outcome((await self.update(good)).id);
      await expect(self.update(old)).rejects.toMatchObject({ code: 'D4002', message: /\(check: version\)$/ });
      await waitFor(() => self.journal === null, { what: 'the end of the update' });
      const target = { component: 'daemon', agentId: '' } as const;
      const [kept] = await self.ask('backups', target);
      expect(kept).toMatchObject({ version: OLD, good: true });
      const back = await self.ask('rollback', { ...target, backup: kept?.name ?? '' });
      expect(await self.outcome(back.id)).toMatchObject({ success: true, oldVersion: NEW, newVersion: OLD, code: '' });
      await self.expectSettled(OLD, [OLD, NEW]);
      // nothing was wrong with it: it may come again
      expect(await self.outcome((await self.update(good)).id)).toMatchObject({ success: true, newVersion: NEW });
      await self.expectSettled(NEW, [OLD, NEW]);
      expect(await self.update(good)).toMatchObject({ state: 'done' });
      expect(await self.agentPids()).toEqual(agents);
    },
    LONG_MS,
  );
});

describe('a version that is no good is undone', () => {
  test.each<[Fault, string]>([
    ['crashes', '6s'],
    ['hangs', '6s'],
    ['cannot connect', '6s'],
  ])(
    'one that %s',
    async (fault, verifyTimeout) => {
      await self.configure({ verifyTimeout });
      const agents = await self.start();
      const { id } = await self.update(packageThat(fault));
      const result = await self.outcome(id);
      expect(result, self.handover).toMatchObject({
        success: false,
        rolledBack: true,
        code: 'D4003',
        oldVersion: OLD,
      });
      const { refused } = await self.ask('updateStatus', {});
      expect(refused).toEqual([expect.objectContaining({ version: NEW, reason: result.error, acknowledged: false })]);
      await manager.event('happened', ({ updates }) => updates.some(({ updateId }) => updateId === id));
      await self.expectSettled(OLD, [OLD]);
      await expect(self.update(packageThat(fault))).rejects.toMatchObject({ code: 'D4003' });
      expect(await self.agentPids()).toEqual(agents);
    },
    LONG_MS,
  );

  test(
    'and taken all the same where somebody says so',
    async () => {
      await self.configure({ verifyTimeout: '6s' });
      await self.start();
      await self.outcome((await self.update(packageThat('crashes'))).id);
      await self.expectSettled(OLD, [OLD]);
      await expect(self.update(good)).rejects.toMatchObject({ code: 'D4003', message: /was rolled back/ });
      const { id } = await self.update(good, { retry: true });
      expect(await self.outcome(id), self.handover).toMatchObject({ success: true });
      expect((await self.ask('updateStatus', {})).refused).toEqual([]);
      await self.expectSettled(NEW, [OLD, NEW]);
    },
    LONG_MS,
  );
});

describe('a package is refused before anything is switched', () => {
  test.each([
    ['says another version', '(check: version)'],
    ['has no bin/daemon', '(check: archive)'],
    ['refuses the configuration', '(check: program)'],
  ])(
    'one that %s',
    async (fault, check) => {
      await self.configure();
      const agents = await self.start();
      const daemons = self.daemons();
      const result = await self.outcome((await self.update(packageThat(fault))).id);
      expect(result).toMatchObject({ success: false, rolledBack: false, code: 'D4002' });
      expect(result.error).toContain(check);
      await self.expectSettled(OLD, [OLD]);
      expect(self.daemons()).toEqual(daemons);
      expect(existsSync(join(self.updates, 'handover.log'))).toBe(false);
      expect(await self.agentPids()).toEqual(agents);
    },
    LONG_MS,
  );
});

test(
  'a daemon that was not installed as a release says so',
  async () => {
    const host = await TestHost.make();
    try {
      const update = {
        public_key_file: join(releases.folder, 'key.pub'),
        download_dir: join(host.folder, 'downloads'),
      };
      await host.configure(manager.port, manager.tlsFolder, { update });
      host.start();
      await host.logged('started');
      const asked = ask(join(host.workDir, 'control.sock'), 'update', await updateRequest('daemon', { file: good }));
      await expect(asked).rejects.toMatchObject({ code: 'D4003', message: /cannot replace itself/ });
      expect(existsSync(join(host.folder, 'downloads'))).toBe(false);
    } finally {
      await host.remove();
    }
  },
  LONG_MS,
);
