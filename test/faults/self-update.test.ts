/**
 * The daemon and the hand-over helper are killed after each step that an update of the daemon journals. Whoever comes
 * next finishes it or undoes it: in the end exactly the old or exactly the new version runs, once, and nothing is left.
 */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { HALT_VARIABLE } from '../../src/main/update/journal.ts';
import { DAEMON_STEPS, type DaemonStep } from '../../src/main/update/steps.ts';
import { ManagerProcess } from '../support/manager-process.ts';
import { Releases } from '../support/release-root.ts';
import { kill, makeKey, SelfUpdateHost, signed } from '../support/self-update-host.ts';
import { waitFor } from '../support/wait-until.ts';

const OLD = '1.0.0';
const NEW = '1.1.0';
const WAIT_MS = 60_000;
const LONG_MS = 120_000;

type Package = 'good' | 'crashes' | 'hangs' | 'cannot connect' | 'incomplete';
type Victim = 'daemon' | 'helper';

interface Way {
  /** What leads to the step, and who journals it. */
  package: Package;
  by: Victim;
  /** The version that must be there in the end. */
  ends: typeof OLD | typeof NEW;
}

/** Typed by the steps themselves: one that is added there is missing here. */
const WAYS: Record<DaemonStep, Way> = {
  accepted: { package: 'good', by: 'daemon', ends: OLD },
  downloading: { package: 'good', by: 'daemon', ends: OLD },
  verifying: { package: 'good', by: 'daemon', ends: OLD },
  staging: { package: 'good', by: 'daemon', ends: OLD },
  'backing-up': { package: 'good', by: 'daemon', ends: OLD },
  'handing-over': { package: 'good', by: 'daemon', ends: OLD },
  watching: { package: 'good', by: 'helper', ends: OLD },
  switching: { package: 'good', by: 'helper', ends: NEW },
  restarting: { package: 'good', by: 'helper', ends: NEW },
  proving: { package: 'good', by: 'helper', ends: NEW },
  committed: { package: 'good', by: 'helper', ends: NEW },
  'switching-back': { package: 'cannot connect', by: 'helper', ends: OLD },
  'restarting-old': { package: 'cannot connect', by: 'helper', ends: OLD },
  'rolled-back': { package: 'cannot connect', by: 'helper', ends: OLD },
  abandoned: { package: 'incomplete', by: 'daemon', ends: OLD },
};
const STEPS = Object.keys(DAEMON_STEPS) as DaemonStep[];

let releases: Releases;
let manager: ManagerProcess;
let old: string;
let packages: Record<Package, string>;
let self: SelfUpdateHost;

beforeAll(async () => {
  releases = new Releases();
  manager = await ManagerProcess.start();
  makeKey(releases);
  old = await releases.build(OLD);
  const good = await releases.build(NEW);
  packages = {
    good,
    crashes: await releases.spoil(good, 'crashes'),
    hangs: await releases.spoil(good, 'hangs'),
    'cannot connect': await releases.spoil(good, 'cannot connect'),
    incomplete: await releases.change(good, 'incomplete', ['bin/daemon', null]),
  };
  for (const path of Object.values(packages)) signed(releases, path, NEW);
}, LONG_MS);
afterAll(async () => {
  await manager.stop('SIGKILL');
  releases.remove();
});
beforeEach(async () => {
  self = await SelfUpdateHost.make(releases, manager, { version: OLD, path: old });
});
afterEach(() => self.remove(), WAIT_MS);

async function started(step: DaemonStep | null, way: Way): Promise<number[]> {
  const verifyTimeout = way.package === 'cannot connect' || way.package === 'hangs' ? '3s' : '30s';
  await self.configure({ verifyTimeout, verifySeconds: '500ms' });
  return self.start(step ? { [HALT_VARIABLE]: `daemon:${step}` } : {});
}

const daemonsStarted = (): number => self.host.log().filter(({ event }) => event === 'starting').length;

/** Waits until the journal has come to the step; gives the update's id. */
async function reached(step: DaemonStep, everyMs = 10): Promise<string> {
  const what = `the step ${step}`;
  const id = await waitFor(() => self.journal?.step === step && self.journal.id, { what, timeoutMs: WAIT_MS, everyMs });
  return id;
}

/** The daemon that runs, and then the next one that comes up. */
async function killDaemon(): Promise<void> {
  const before = daemonsStarted();
  for (const pid of self.daemons()) kill(pid);
  await waitFor(() => daemonsStarted() > before, { what: 'the next daemon', timeoutMs: WAIT_MS });
}

function killHelper(): void {
  const helper = self.journal?.helper;
  if (!helper) throw new Error('the journal names no helper');
  kill(helper.pid);
}

async function expectEnd(id: string, version: string, agents: readonly number[]): Promise<void> {
  const success = version === NEW;
  expect(await self.outcome(id), self.handover).toMatchObject({ success, oldVersion: OLD, newVersion: NEW });
  await self.expectSettled(version, success ? [OLD, NEW] : [OLD]);
  expect(await self.agentPids()).toEqual(agents);
  const { results } = JSON.parse(readFileSync(join(self.updates, 'outcomes.json'), 'utf8')) as {
    results: { id: string }[];
  };
  expect(results.map((result) => result.id)).toEqual([id]);
}

/** Asked without waiting for the answer: a daemon that halts at its first step gives none. */
function begin(way: Way): void {
  self.update(packages[way.package]).catch(() => {}); // it is killed while it is asked
}

describe('the daemon is killed after', () => {
  test.each(STEPS)(
    '%s',
    async (step) => {
      const way = WAYS[step];
      const agents = await started(step, way);
      begin(way);
      const id = await reached(step);
      await killDaemon();
      // a halted helper takes no further step: it goes too, once the next daemon has seen it
      if (way.by === 'helper') killHelper();
      await expectEnd(id, way.ends, agents);
    },
    LONG_MS,
  );
});

/** Why the helper cannot be killed after a step: it does not run yet. */
const BEFORE_THE_HELPER: readonly DaemonStep[] = STEPS.slice(0, STEPS.indexOf('watching'));

describe('the helper is killed after', () => {
  test('each step from watching on: there is none before', () => {
    const none = STEPS.filter((step) => WAYS[step].by === 'daemon' && step !== 'abandoned');
    expect(none).toEqual(BEFORE_THE_HELPER);
  });

  test.each(STEPS.filter((step) => WAYS[step].by === 'helper'))(
    '%s',
    async (step) => {
      const way = WAYS[step];
      const agents = await started(step, way);
      begin(way);
      const id = await reached(step);
      killHelper();
      await expectEnd(id, way.ends, agents);
    },
    LONG_MS,
  );

  // the daemon is to be killed in the moment in which the helper starts: on a busy machine that may come too late
  test('abandoned, which it journals where the daemon ends before it has seen that it is watched', {
    retry: 2,
    timeout: LONG_MS,
  }, async () => {
    const agents = await started('abandoned', WAYS.watching);
    begin(WAYS.watching);
    const id = await reached('handing-over');
    await waitFor(() => self.helpers().length > 0, { what: 'the helper', timeoutMs: WAIT_MS, everyMs: 1 });
    for (const pid of self.daemons()) kill(pid);
    await waitFor(() => self.journal?.step === 'abandoned', { what: 'the step abandoned', timeoutMs: WAIT_MS / 4 });
    killHelper();
    await expectEnd(id, OLD, agents);
  });
});

test(
  'no helper is left, and the new version crashes: its launcher goes back',
  async () => {
    const way: Way = { package: 'crashes', by: 'helper', ends: OLD };
    const agents = await started('proving', way);
    begin(way);
    const id = await reached('proving');
    killHelper();
    await expectEnd(id, OLD, agents);
  },
  LONG_MS,
);

test(
  'everything ends, as in a reboot, and the new version hangs: its launcher starts somebody who watches',
  async () => {
    const agents = await started('restarting', { package: 'hangs', by: 'helper', ends: OLD });
    begin({ package: 'hangs', by: 'helper', ends: OLD });
    const id = await reached('restarting');
    killHelper();
    for (const pid of self.daemons()) kill(pid);
    await expectEnd(id, OLD, agents);
  },
  LONG_MS,
);

describe('the daemon alone is killed at', () => {
  /** Until the helper has restarted the service, the end of the daemon may be the restart, or the reason to give up. */
  test.each(STEPS.filter((step) => WAYS[step].by === 'helper' && DAEMON_STEPS[step].resume !== 'finish'))(
    '%s, and the helper goes on',
    async (step) => {
      const way = WAYS[step];
      const agents = await started(null, way);
      begin(way);
      const id = await reached(step, 1);
      await killDaemon();
      const { success } = await self.outcome(id);
      if (step !== 'watching') expect(success, self.handover).toBe(way.ends === NEW);
      await expectEnd(id, success ? NEW : OLD, agents);
    },
    LONG_MS,
  );
});

test(
  'what a task that was cut short has left goes with the update',
  async () => {
    const agents = await started(null, WAYS.staging);
    begin(WAYS.staging);
    const id = await reached('staging', 1);
    const part = (): boolean => existsSync(join(self.root.root, 'releases')) && self.root.names.length > 1;
    await waitFor(part, { what: 'the release that is being unpacked', timeoutMs: WAIT_MS, everyMs: 1 });
    await killDaemon();
    const { success } = await self.outcome(id);
    await expectEnd(id, success ? NEW : OLD, agents);
  },
  LONG_MS,
);
