import { existsSync, mkdirSync, readFileSync, readlinkSync, symlinkSync, writeFileSync } from 'node:fs';
import { rm, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import type { HandoverHost } from '../../../../../src/main/update/handover/handover-host.ts';
import { HandoverHelper } from '../../../../../src/main/update/handover/helper.ts';
import { type HandoverReport, nameOf } from '../../../../../src/main/update/handover/judge.ts';
import { type HandoverFiles, handoverFiles } from '../../../../../src/main/update/handover-files.ts';
import { JournalFile } from '../../../../../src/main/update/journal.ts';
import { type DaemonJournal, type ProcessName, renderJournal } from '../../../../../src/main/update/journal-format.ts';
import { switchTo } from '../../../../../src/main/update/releases.ts';
import { DAEMON_STEPS, type DaemonStep, isDecided } from '../../../../../src/main/update/steps.ts';
import { daemonJournal, processName } from '../../../../fakes/daemon-journal.ts';
import { testFolder } from '../../../../support/temp-folder.ts';

const OLD = '1.0.0';
const NEW = '1.1.0';
const SELF = processName(99);

/** A host whose clock moves with each wait; what runs on it is what the test says. */
class FakeHost implements HandoverHost {
  ms = 1_000_000;
  present: { process: ProcessName; version: string } | null = { process: processName(10), version: OLD };
  agents: HandoverReport['agents'] = [];
  living = new Set([nameOf(processName(10)), nameOf(SELF)]);
  connected = true;
  answers = true;
  /** False: a version that starts, and tells nothing of itself. */
  reports = true;
  /** What a restart leads to; null: nothing comes. */
  after: (current: string) => { process: ProcessName; version: string } | null = (current) => ({
    process: processName(20),
    version: current,
  });
  readonly restarts: { graceful: boolean; ended: ProcessName | null }[] = [];
  readonly looks: (ProcessName | null)[] = [];
  readonly asked: number[] = [];
  failSwitch: (release: string) => boolean = () => false;
  failRestart = false;
  readonly #files: HandoverFiles;
  readonly #root: string;
  /** Called with each wait, after the clock has moved. */
  onWait: () => void | Promise<void> = () => {};

  constructor(files: HandoverFiles, root: string) {
    this.#files = files;
    this.#root = root;
  }

  get current(): string {
    return basename(readlinkSync(join(this.#root, 'current')));
  }

  async wait(ms: number): Promise<void> {
    this.ms += ms;
    if (this.present && this.reports) this.tell();
    await this.onWait();
  }

  tell(): void {
    if (!this.present) return;
    const link = { connected: this.connected, busy: false, reason: '' };
    const report: HandoverReport = { ...this.present, beatMs: this.ms, link, agents: this.agents };
    writeFileSync(this.#files.report, JSON.stringify(report));
  }

  daemon(): ProcessName | null {
    return this.present?.process ?? null;
  }

  isRunning(process: ProcessName): boolean {
    return this.living.has(nameOf(process));
  }

  async restart(_: DaemonJournal, { graceful, daemon }: { graceful: boolean; daemon: ProcessName | null }) {
    this.restarts.push({ graceful, ended: daemon });
    if (this.failRestart) throw new Error('no such unit');
    this.present = this.after(this.current);
  }

  lastResort(): { look(daemon: ProcessName | null): void } {
    return { look: (daemon) => this.looks.push(daemon) };
  }

  async managerAnswers(): Promise<boolean> {
    this.asked.push(this.ms);
    return this.answers;
  }

  async switchTo(root: string, release: string): Promise<void> {
    if (this.failSwitch(release)) throw new Error('read-only');
    await switchTo(root, release);
  }
}

/** Fails to write the steps that it is told to, as a full disk would. */
class FullDisk extends JournalFile {
  readonly steps: string[] = [];
  full: (step: DaemonStep, time: number) => boolean = () => false;
  #times = 0;

  override async write(journal: DaemonJournal): Promise<void> {
    if (this.full(journal.step, this.#times++)) throw Object.assign(new Error('no space left'), { code: 'ENOSPC' });
    this.steps.push(journal.step);
    await super.write(journal);
  }
}

let files: HandoverFiles;
let root: string;
let host: FakeHost;
let disk: FullDisk;
let said: string[];

beforeEach(async () => {
  const folder = await testFolder();
  files = handoverFiles(folder);
  root = join(folder, 'opt');
  for (const version of [OLD, NEW]) mkdirSync(join(root, 'releases', version), { recursive: true });
  symlinkSync(`releases/${OLD}`, join(root, 'current'));
  host = new FakeHost(files, root);
  disk = new FullDisk(files.journal, '');
  said = [];
});

function journalled(over: Partial<DaemonJournal> = {}): DaemonJournal {
  const journal = daemonJournal({ root, ...over });
  writeFileSync(files.journal, renderJournal(journal));
  return journal;
}

async function run(): Promise<DaemonJournal | null> {
  const options = { files, journal: disk, self: SELF, wait: (ms: number) => host.wait(ms), nowMs: () => host.ms };
  await new HandoverHelper({ ...options, host, say: (text) => said.push(text) }).run();
  const journal = await disk.read();
  return journal?.kind === 'daemon' ? journal : null;
}

/** As the daemon does once it has seen that it is watched. */
function go(id = 'one'): void {
  writeFileSync(files.go, id);
}

test('takes over, switches, restarts, sees the new version well, and notes it', async () => {
  journalled({ step: 'handing-over' });
  host.onWait = () => {
    if (disk.steps.includes('watching')) go();
  };
  const journal = await run();
  expect(disk.steps).toEqual(['watching', 'switching', 'restarting', 'proving', 'committed']);
  expect(journal).toMatchObject({ step: 'committed', failure: null, helper: SELF });
  expect(host.current).toBe(NEW);
  expect(host.restarts).toEqual([{ graceful: true, ended: processName(10) }]);
  expect(existsSync(join(root, 'trial'))).toBe(false);
});

describe('nothing is its own to do', () => {
  test('where there is no journal', async () => {
    expect(await run()).toBeNull();
  });

  test.each(
    (Object.keys(DAEMON_STEPS) as DaemonStep[]).filter(
      (step) =>
        DAEMON_STEPS[step].resume === 'finish' ||
        (DAEMON_STEPS[step].resume === 'abandon' && step !== 'handing-over' && step !== 'watching'),
    ),
  )('at %s, where one that was late in starting may find it', async (step) => {
    const before = journalled({ step });
    expect(await run()).toEqual(before);
    expect(disk.steps).toEqual([]);
  });

  test.each<[string, () => void | Promise<void>]>([
    ['has gone', () => rm(files.journal)],
    ['is of another update', () => void journalled({ id: 'two', step: 'downloading' })],
    ['is decided', () => void journalled({ step: 'abandoned' })],
  ])('once the journal %s', async (_, change) => {
    journalled({ step: 'watching' });
    host.onWait = change;
    await run();
    expect(disk.steps).toEqual(['watching']);
    expect(host.current).toBe(OLD);
  });

  test('with the journal of an agent', async () => {
    writeFileSync(files.journal, renderJournal(daemonJournal()).replace('"kind": "daemon"', '"kind": "agent"'));
    await expect(run()).rejects.toThrow('is not'); // not even one that could be read
    expect(disk.steps).toEqual([]);
  });
});

describe('nothing is switched', () => {
  test.each<[string, () => void]>([
    ['the daemon has ended', () => host.living.delete(nameOf(processName(10)))],
    ['the daemon does not confirm in time', () => {}],
    ['what it confirms is another update', () => go('two')],
    ['what it confirms is not whole', () => go('')],
  ])('where %s', async (_, arrange) => {
    journalled({ step: 'watching' });
    arrange();
    const journal = await run();
    expect(journal).toMatchObject({ step: 'abandoned', failure: { code: 'D4003' } });
    expect(host.current).toBe(OLD);
    expect(host.restarts).toEqual([]);
  });
});

describe('goes on from where another helper was cut short', () => {
  test('does not restart a new version that runs already', async () => {
    journalled({ step: 'restarting' });
    host.present = { process: processName(20), version: NEW };
    host.tell();
    expect(await run()).toMatchObject({ step: 'committed', daemon: processName(10) });
    expect(host.restarts).toEqual([]);
  });

  test('takes the daemon that it ends for the replaced one, not that of the request', async () => {
    await switchTo(root, NEW);
    journalled({ step: 'restarting' });
    const second = { process: processName(11), version: OLD };
    host.present = second;
    // as systemctl --no-block: the old one is still there for a moment
    host.after = () => second;
    host.onWait = () => {
      if (host.restarts.length === 1) host.present = { process: processName(20), version: NEW };
    };
    host.tell();
    expect(await run()).toMatchObject({ step: 'committed', daemon: processName(11) });
  });

  test('does not restart an old version that runs already', async () => {
    journalled({ step: 'restarting-old', failure: { code: 'D4003', error: 'bad' } });
    host.tell();
    expect(await run()).toMatchObject({ step: 'rolled-back', failure: { code: 'D4003', error: 'bad' } });
    expect(host.restarts).toEqual([]);
  });
});

describe('goes back', () => {
  test.each<[string, () => void, string]>([
    ['it does not come up', () => (host.after = (current) => runsOnly(current, null)), 'did not come up within 30 s'],
    [
      'it cannot reach a Manager that answers',
      () => (host.connected = false),
      'did not prove itself within 20 s: it cannot reach a Manager that answers',
    ],
  ])('where %s', async (_, set, why) => {
    journalled({ step: 'restarting', verifyTimeoutMs: why.includes('20 s') ? 20_000 : 60_000 });
    await switchTo(root, NEW);
    writeFileSync(join(root, 'trial'), '9 1.1.0 1.0.0\n');
    set();
    const journal = await run();
    expect(disk.steps).toEqual(['restarting', 'proving', 'switching-back', 'restarting-old', 'rolled-back']);
    expect(journal?.failure).toEqual({ code: 'D4003', error: expect.stringContaining(why) });
    expect(host.current).toBe(OLD);
    expect(host.restarts.map(({ graceful }) => graceful)).toEqual([true, false]);
    expect(existsSync(join(root, 'trial'))).toBe(false);
    expect(host.looks.length).toBeGreaterThan(1);
  });

  function runsOnly(current: string, otherwise: null): ReturnType<FakeHost['after']> {
    return current === OLD ? { process: processName(21), version: OLD } : otherwise;
  }

  test('where the link could not be switched', async () => {
    journalled({ step: 'switching' });
    host.failSwitch = (release) => release === NEW;
    host.tell();
    const journal = await run();
    expect(journal).toMatchObject({ step: 'rolled-back', failure: { code: 'D4003', error: 'read-only' } });
    expect(host.restarts).toEqual([]); // the old version never ended
    expect(host.current).toBe(OLD);
  });

  test('where the service could not be restarted', async () => {
    journalled({ step: 'restarting' });
    await switchTo(root, NEW);
    host.failRestart = true;
    host.tell();
    host.onWait = () => host.tell();
    const journal = await run();
    expect(journal?.failure?.error).toBe('the service could not be restarted: no such unit');
    expect(journal?.step).toBe('rolled-back');
    expect(host.current).toBe(OLD);
  });

  test('again and again, where the link cannot be switched back at first', async () => {
    journalled({ step: 'switching-back' });
    await switchTo(root, NEW);
    let tries = 0;
    host.failSwitch = () => ++tries < 4;
    host.tell();
    expect(await run()).toMatchObject({ step: 'rolled-back' });
    expect(host.current).toBe(OLD);
    expect(said.filter((text) => text.includes('could not be switched back'))).toHaveLength(1);
  });

  test('and fails for good where that never works', async () => {
    journalled({ step: 'switching-back' });
    host.failSwitch = () => true;
    await expect(run()).rejects.toThrow('read-only');
    expect((await disk.read())?.step).toBe('switching-back');
  });

  test.each<[string, boolean, string]>([
    ['does not come up', false, 'but it does not come up'],
    ['cannot be started', true, 'but no such unit'],
  ])('D4004 where the old version %s', async (_, failRestart, why) => {
    journalled({ step: 'restarting-old', failure: { code: 'D4003', error: 'bad' } });
    host.present = null;
    host.after = () => null;
    host.failRestart = failRestart;
    const journal = await run();
    expect(journal).toMatchObject({ step: 'rolled-back', failure: { code: 'D4004' } });
    expect(journal?.failure?.error).toBe(`bad; version ${OLD} was put back, ${why}`);
    expect(host.restarts).toHaveLength(3);
  });
});

describe('the Manager', () => {
  test('is asked while the daemon is not connected, not oftener than every two seconds', async () => {
    journalled({ step: 'restarting', verifyMs: 10_000 });
    await switchTo(root, NEW);
    host.connected = false;
    host.answers = false;
    expect(await run()).toMatchObject({ step: 'committed' });
    const gaps = host.asked.slice(1).map((ms, i) => ms - (host.asked[i] ?? 0));
    expect(gaps.length).toBeGreaterThan(2);
    expect(Math.min(...gaps)).toBeGreaterThanOrEqual(2000);
  });

  test('that takes its time to answer makes no report old', async () => {
    journalled({ step: 'restarting', verifyMs: 10_000 });
    await switchTo(root, NEW);
    host.connected = false;
    let answer = (_: boolean): void => {};
    host.managerAnswers = () => {
      const until = host.ms + 5000;
      return new Promise((resolve) => {
        answer = (given) => host.ms >= until && resolve(given);
      });
    };
    host.onWait = () => answer(false);
    expect(await run()).toMatchObject({ step: 'committed' });
    expect(said.join()).not.toContain('hangs');
  });

  test('is not asked while the daemon is connected', async () => {
    journalled({ step: 'restarting' });
    await switchTo(root, NEW);
    await run();
    expect(host.asked).toEqual([]);
  });
});

describe('a report', () => {
  test.each<[string, () => Promise<void>]>([
    ['of a daemon before', () => writeFile(files.report, JSON.stringify({ process: processName(10), version: NEW }))],
    ['that is not whole', () => writeFile(files.report, '{"process":')],
    ['that is missing', () => rm(files.report, { force: true })],
  ])('%s counts as none', async (_, write) => {
    journalled({ step: 'restarting', verifyTimeoutMs: 5000 });
    await switchTo(root, NEW);
    host.present = { process: processName(20), version: OLD };
    host.reports = false;
    host.after = (current) => {
      host.reports = current === OLD;
      return { process: processName(current === OLD ? 22 : 21), version: current };
    };
    host.onWait = () => (host.reports ? undefined : write());
    await write();
    const journal = await run();
    expect(journal?.failure?.error).toContain('it runs, but has told nothing of itself');
    expect(journal?.step).toBe('rolled-back');
  });
});

describe('a full disk', () => {
  test.each(['restarting', 'proving'] as const)('at %s: goes back, which needs no journal', async (at) => {
    journalled({ step: 'switching' });
    // from there on nothing can be written for a while
    let times = 0;
    disk.full = (step) => (step === at || times > 0) && ++times < 5;
    host.tell();
    const journal = await run();
    expect(journal?.step).toBe('rolled-back');
    expect(journal?.failure?.error).toContain(`${at} could not be journalled: no space left`);
    expect(host.current).toBe(OLD);
  });

  test('at the switch: nothing is switched', async () => {
    journalled({ step: 'watching' });
    go();
    disk.full = (step) => step === 'switching';
    await expect(run()).rejects.toThrow('no space left');
    expect(host.current).toBe(OLD);
    expect((await disk.read())?.step).toBe('watching');
  });

  test('at the end: tried again until it is noted, a good version is not lost', async () => {
    journalled({ step: 'proving' });
    await switchTo(root, NEW);
    host.present = { process: processName(20), version: NEW };
    let times = 0;
    disk.full = (step) => step === 'committed' && ++times < 10;
    expect(await run()).toMatchObject({ step: 'committed' });
    expect(said.filter((text) => text.includes('the outcome could not be journalled'))).toHaveLength(1);
  });
});

test('what is missing is told once', async () => {
  journalled({ step: 'proving', verifyTimeoutMs: 5000 });
  host.present = null;
  host.after = () => ({ process: processName(22), version: OLD });
  await run();
  expect(said.filter((text) => text === 'waiting: it does not run')).toHaveLength(1);
});

test('decided are the steps after which nothing is to be done', () => {
  const decided = (Object.keys(DAEMON_STEPS) as DaemonStep[]).filter((step) => isDecided({ step }));
  expect(decided).toEqual(['committed', 'rolled-back', 'abandoned']);
});

test('the journal that is left names the helper that wrote it', async () => {
  journalled({ step: 'restarting-old', helper: processName(98), helpers: 1 });
  host.tell();
  await run();
  expect(JSON.parse(readFileSync(files.journal, 'utf8'))).toMatchObject({ helper: SELF, helpers: 1 });
});
