import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import { type HandoverFiles, handoverFiles } from '../../../../src/main/update/handover-files.ts';
import { JournalFile } from '../../../../src/main/update/journal.ts';
import { type DaemonJournal, type ProcessName, renderJournal } from '../../../../src/main/update/journal-format.ts';
import { decideOversee, oversee } from '../../../../src/main/update/oversee.ts';
import { DAEMON_STEPS, type DaemonStep } from '../../../../src/main/update/steps.ts';
import { renderPidFile } from '../../../../src/shared/platform/pid-file.ts';
import { readBootId, readStat } from '../../../../src/shared/platform/proc.ts';
import { daemonJournal } from '../../../fakes/daemon-journal.ts';
import { testFolder } from '../../../support/temp-folder.ts';

const OLD = '1.0.0';
const NEW = '1.1.0';
const STEPS = Object.keys(DAEMON_STEPS) as DaemonStep[];
/** This process stands for a helper that lives. */
const LIVING: ProcessName = {
  pid: process.pid,
  startTicks: readStat(process.pid)?.startTicks ?? 0,
  bootId: readBootId(),
};
/** So does its parent, where another one than whoever takes the lock is needed. */
const PARENT: ProcessName = { ...LIVING, pid: process.ppid, startTicks: readStat(process.ppid)?.startTicks ?? 0 };
const DEAD = { ...LIVING, startTicks: 1 };

describe('what is decided', () => {
  test.each(STEPS)('%s, watched: to wait', (step) => {
    expect(decideOversee(daemonJournal({ step }), true, OLD)).toEqual({ kind: 'wait' });
  });

  test.each(STEPS)('%s, with nobody watching: as its step says', (step) => {
    const { resume } = DAEMON_STEPS[step];
    const decision = decideOversee(daemonJournal({ step, helpers: 2 }), false, NEW);
    if (resume === 'finish') expect(decision).toEqual({ kind: 'wait' });
    else if (resume === 'go-on') expect(decision).toEqual({ kind: 'start-helper' });
    else expect(decision).toMatchObject({ kind: 'settle', step: 'abandoned', failure: { code: 'D4003' } });
  });

  test.each<[string, DaemonStep, string, object]>([
    ['the new version runs', 'proving', NEW, { step: 'rolled-back', failure: { code: 'D4004' } }],
    ['the old version runs', 'proving', OLD, { step: 'rolled-back', failure: { code: 'D4003' } }],
    ['the old version runs again', 'restarting-old', OLD, { step: 'rolled-back', failure: { code: 'D4003' } }],
    ['the new version still runs', 'switching-back', NEW, { step: 'rolled-back', failure: { code: 'D4004' } }],
    ['the new version still runs', 'restarting-old', NEW, { step: 'rolled-back', failure: { code: 'D4004' } }],
  ])('no further helper after the third, by what runs: %s at %s', (_, step, version, expected) => {
    expect(decideOversee(daemonJournal({ step, helpers: 3 }), false, version)).toMatchObject({
      kind: 'settle',
      ...expected,
    });
  });

  test('the reason for going back stays', () => {
    const failure = { code: 'D4003', error: 'it crashed' };
    const journal = daemonJournal({ step: 'restarting-old', helpers: 3, failure });
    expect(decideOversee(journal, false, OLD)).toMatchObject({ failure });
    expect(decideOversee(journal, false, NEW)).toMatchObject({
      failure: {
        error: 'it crashed; the hand-over helper ended 4 times, and version 1.1.0 still runs',
      },
    });
  });
});

describe('overseeing', () => {
  let files: HandoverFiles;
  let nowMs: number;
  let started: DaemonJournal[];
  let steps: string[];
  /** What happens with each wait, by its number. */
  let onWait: (count: number) => void;
  let startFault: Error | null;
  let version: string;

  beforeEach(async () => {
    files = handoverFiles(await testFolder());
    nowMs = 0;
    started = [];
    steps = [];
    onWait = () => {};
    startFault = null;
    version = NEW;
  });

  function journalled(over: Partial<DaemonJournal>): void {
    writeFileSync(files.journal, renderJournal(daemonJournal(over)));
  }
  const present = (): DaemonJournal => JSON.parse(readFileSync(files.journal, 'utf8'));
  const hold = ({ pid, startTicks, bootId }: ProcessName): void =>
    writeFileSync(files.lock, renderPidFile(pid, startTicks, bootId));

  async function run(halt = ''): Promise<DaemonJournal> {
    let waits = 0;
    return oversee({
      journalFile: new JournalFile(files.journal, halt),
      files,
      version,
      report: () => ({
        process: LIVING,
        version,
        link: { connected: true, busy: false, reason: '' },
        agents: [],
      }),
      startHelper: async (journal) => {
        started.push(journal);
        if (startFault) throw startFault;
      },
      wait: async (ms) => {
        nowMs += ms;
        if (++waits > 2000) throw new Error('it waits for ever');
        onWait(waits);
      },
      nowMs: () => nowMs,
      onStep: ({ step }) => steps.push(step),
    });
  }

  test('waits while a helper lives, says how it is, and gives the outcome', async () => {
    journalled({ step: 'restarting', helper: LIVING });
    const beats: number[] = [];
    onWait = (count) => {
      beats.push(JSON.parse(readFileSync(files.report, 'utf8')).beatMs);
      if (count === 2) journalled({ step: 'proving', helper: LIVING });
      if (count === 4) journalled({ step: 'committed', helper: LIVING });
    };
    expect(await run()).toMatchObject({ step: 'committed' });
    expect(started).toEqual([]);
    expect(steps).toEqual(['restarting', 'proving', 'committed']);
    expect(beats).toEqual([0, 500, 1000, 1500]);
    expect(readdirSync(join(files.report, '..')).sort()).toEqual(['daemon.json', 'handover-report.json']);
  });

  test('has another helper started where the one of the journal has gone, after it is counted', async () => {
    journalled({ step: 'proving', helper: DEAD });
    onWait = (count) => {
      if (count === 1) expect(present()).toMatchObject({ step: 'proving', helpers: 1 });
      if (count === 3) journalled({ step: 'committed', helper: LIVING, helpers: 1 });
    };
    await run();
    expect(started).toEqual([expect.objectContaining({ step: 'proving', helpers: 1 })]);
  });

  test('gives each its time to write its name, and settles it by what runs after the third', async () => {
    journalled({ step: 'proving', helper: null });
    const startedMs: number[] = [];
    onWait = () => {
      if (started.length > startedMs.length) startedMs.push(nowMs);
    };
    // nobody has proven it, and nobody can undo it: neither is claimed
    const settled = { step: 'rolled-back', helpers: 3, failure: { code: 'D4004' } };
    expect(await run()).toMatchObject(settled);
    expect(present()).toMatchObject(settled);
    expect(startedMs).toEqual([500, 10_500, 20_500]);
  });

  test('one that cannot be started counts as well, and is told of', async () => {
    version = OLD;
    startFault = new Error('no systemd-run');
    journalled({ step: 'restarting', helper: DEAD });
    expect(await run()).toMatchObject({ step: 'rolled-back', failure: { code: 'D4003' } });
    expect(started).toHaveLength(3);
    expect(readFileSync(files.log, 'utf8').match(/no systemd-run/g)).toHaveLength(1);
  });

  test.each(['handing-over', 'watching'] as const)('abandons what nobody watches at %s', async (step) => {
    journalled({ step, helper: step === 'watching' ? DEAD : null });
    expect(await run()).toMatchObject({ step: 'abandoned', failure: { code: 'D4003' } });
    expect(present().step).toBe('abandoned');
    expect(existsSync(files.lock)).toBe(false);
  });

  test('abandons nothing while a helper that was late in starting has the lock', async () => {
    journalled({ step: 'handing-over', helper: null });
    hold(PARENT);
    onWait = (count) => {
      if (count === 5) journalled({ step: 'watching', helper: PARENT });
      if (count === 8) {
        journalled({ step: 'committed', helper: PARENT });
        rmSync(files.lock);
      }
    };
    expect(await run()).toMatchObject({ step: 'committed' });
    expect(started).toEqual([]);
  });

  test('writes nothing over what a helper wrote between the look and the lock', async () => {
    journalled({ step: 'proving', helper: DEAD });
    const journalFile = new JournalFile(files.journal, '');
    let reads = 0;
    journalFile.read = async () => {
      if (++reads === 2) journalled({ step: 'proving', helper: LIVING }); // as the lock is taken
      if (reads === 4) journalled({ step: 'committed', helper: LIVING });
      return JSON.parse(readFileSync(files.journal, 'utf8'));
    };
    const deps = {
      report: () => ({ process: LIVING, version, link: { connected: true, busy: false, reason: '' }, agents: [] }),
    };
    const outcome = await oversee({
      ...deps,
      journalFile,
      files,
      version,
      startHelper: async (journal) => void started.push(journal),
      wait: async (ms) => {
        nowMs += ms;
      },
      nowMs: () => nowMs,
      onStep: () => {},
    });
    expect(outcome).toMatchObject({ step: 'committed', helpers: 0 });
    expect(started).toEqual([]);
  });

  test('a lock that a killed helper left goes', async () => {
    journalled({ step: 'committed', helper: DEAD });
    hold(DEAD);
    await run();
    expect(existsSync(files.lock)).toBe(false);
  });

  test('waits for a helper that has journalled the outcome to end, but not for ever', async () => {
    journalled({ step: 'committed', helper: PARENT });
    hold(PARENT);
    onWait = (count) => {
      if (count === 3) rmSync(files.lock);
    };
    await run();
    expect(nowMs).toBe(150);
    hold(PARENT);
    onWait = () => {};
    await run();
    expect(nowMs).toBe(150 + 10_000);
    expect(existsSync(files.lock)).toBe(true);
  });

  test('a step of the helper’s at which a test halts does not halt the daemon', async () => {
    journalled({ step: 'proving', helper: DEAD });
    onWait = () => {
      if (started.length > 0) journalled({ step: 'committed' });
    };
    expect(await run('daemon:proving')).toMatchObject({ step: 'committed' });
  });

  test('goes on where neither report nor lock can be written, until they can', async () => {
    journalled({ step: 'watching', helper: DEAD });
    // what a folder in its place does to a file, a full disk does too
    const blocked = { ...files, report: join(files.report, 'none/report'), lock: join(files.journal, 'lock') };
    const real = files;
    files = blocked;
    let failed = 0;
    onWait = (count) => {
      failed = count;
      if (count === 4) blocked.lock = real.lock;
    };
    expect(await run()).toMatchObject({ step: 'abandoned' });
    expect(failed).toBe(4);
    expect(readFileSync(real.log, 'utf8').split('\n')).toHaveLength(2); // said once
  });

  test('is told where the journal has gone', async () => {
    await expect(run()).rejects.toThrow('the journal of the hand-over has gone');
  });

  test('ends with the daemon', async () => {
    journalled({ step: 'proving', helper: LIVING });
    onWait = () => {
      throw new Error('the daemon is ending');
    };
    await expect(run()).rejects.toThrow('the daemon is ending');
    expect(present().step).toBe('proving');
  });
});
