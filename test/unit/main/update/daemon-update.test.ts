import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import { type DaemonUpdateDeps, takeDaemonStep } from '../../../../src/main/update/daemon-update.ts';
import { type HandoverFiles, handoverFiles } from '../../../../src/main/update/handover-files.ts';
import { JournalFile } from '../../../../src/main/update/journal.ts';
import { type DaemonJournal, type ProcessName, renderJournal } from '../../../../src/main/update/journal-format.ts';
import { DaemonError } from '../../../../src/shared/errors/daemon-error.ts';
import { readBootId, readStat } from '../../../../src/shared/platform/proc.ts';
import { FakeClock } from '../../../fakes/clock.ts';
import { daemonJournal } from '../../../fakes/daemon-journal.ts';
import { testFolder } from '../../../support/temp-folder.ts';

const LIVING: ProcessName = {
  pid: process.pid,
  startTicks: readStat(process.pid)?.startTicks ?? 0,
  bootId: readBootId(),
};

let folder: string;
let root: string;
let files: HandoverFiles;
let clock: FakeClock;
/** What was asked of the worker's tasks. */
let asked: { task: string; input: Record<string, unknown> }[];
/** The new release's launcher: what it does with its arguments. */
let launcher: string | null;
let versionFile: string;
let verified: { sha256: string; form: { form: string } };
let onWait: () => void;

beforeEach(async () => {
  folder = await testFolder();
  root = join(folder, 'opt');
  files = handoverFiles(join(folder, 'updates'));
  mkdirSync(join(folder, 'updates'));
  mkdirSync(join(root, 'releases/1.0.0'), { recursive: true });
  symlinkSync('releases/1.0.0', join(root, 'current'));
  clock = new FakeClock();
  asked = [];
  launcher = 'case "$1" in --version) echo 1.1.0;; esac';
  versionFile = '1.1.0\n';
  verified = { sha256: 'abc', form: { form: 'tar.gz' } };
  onWait = () => {};
});

/** What unpacking or a backup gives. */
function makeRelease(to: string): void {
  mkdirSync(join(to, 'bin'), { recursive: true });
  writeFileSync(join(to, 'VERSION'), versionFile);
  if (launcher === null) return;
  writeFileSync(join(to, 'bin/daemon'), `#!/bin/sh\necho "$@" >>'${folder}/ran'\n${launcher}\n`);
  chmodSync(join(to, 'bin/daemon'), 0o755);
}

/** So many times agents are said to be updated. */
let busy = 0;

async function take(over: Partial<DaemonJournal>, deps: Partial<DaemonUpdateDeps> = {}): Promise<DaemonJournal> {
  const given = {
    tasks: {
      run: async (task: string, input: Record<string, unknown>) => {
        asked.push({ task, input });
        makeRelease(String(input['to']));
        return { sha256: 'abc' };
      },
    },
    backups: {
      keep: async (from: string, about: object) => {
        asked.push({ task: 'backup', input: { from, ...about } });
        return { path: '/backups/daemon_1.bak' };
      },
    },
    update: { maxBytes: 1000 },
    configFile: '/etc/daemon.yaml',
    clock,
    signal: new AbortController().signal,
    obtain: { fetch: async () => void asked.push({ task: 'fetch', input: {} }), verify: async () => verified },
    files,
    present: () => ({ linked: false, agents: [] }),
    agentsUnderWay: () => busy-- > 0,
    journalFile: new JournalFile(files.journal, ''),
    start: { bundles: join(folder, 'lib'), folder: join(folder, 'updates'), environment: process.env },
    wait: async (ms: number) => {
      await clock.advance(ms);
      onWait();
    },
    ...deps,
  };
  return takeDaemonStep(daemonJournal({ root, package: '/downloads/one.package', ...over }), given as never);
}

const release = (): string => join(root, 'releases/1.1.0');
const ran = (): string => readFileSync(join(folder, 'ran'), 'utf8');

describe('obtaining', () => {
  test('what is accepted is fetched', async () => {
    expect(await take({ step: 'accepted' })).toMatchObject({ step: 'downloading' });
    expect(await take({ step: 'downloading' })).toMatchObject({ step: 'verifying' });
    expect(asked.map(({ task }) => task)).toEqual(['fetch']);
  });

  test('the hash that was verified is noted', async () => {
    expect(await take({ step: 'verifying', sha256: '' })).toMatchObject({ step: 'staging', sha256: 'abc' });
  });

  test('with nothing to obtain the hash stays', async () => {
    expect(await take({ step: 'downloading' }, { obtain: null })).toMatchObject({ step: 'verifying' });
    const staging = await take({ step: 'verifying', sha256: 'kept' }, { obtain: null });
    expect(staging).toMatchObject({ step: 'staging', sha256: 'kept' });
  });

  test('a program in place of a release is refused', async () => {
    verified = { sha256: 'abc', form: { form: 'program' } };
    await expect(take({ step: 'verifying' })).rejects.toMatchObject({ code: 'D4002', message: /\(check: archive\)$/ });
  });
});

describe('staging', () => {
  test('unpacks a package beside the release in use, and runs it for its version and with the configuration', async () => {
    mkdirSync(join(release(), 'of-before'), { recursive: true });
    expect(await take({ step: 'staging' })).toMatchObject({ step: 'backing-up' });
    expect(asked).toEqual([
      { task: 'unpack', input: expect.objectContaining({ archive: '/downloads/one.package', to: release() }) },
    ]);
    expect(existsSync(join(release(), 'of-before'))).toBe(false);
    expect(ran()).toBe('--version\n--check --config /etc/daemon.yaml\n');
  });

  test('takes a backup where it goes back by hand', async () => {
    await take({ step: 'staging', package: '/backups/daemon_1.bak' });
    expect(asked).toEqual([
      { task: 'keep', input: expect.objectContaining({ from: '/backups/daemon_1.bak', to: release() }) },
    ]);
  });

  test.each<[string, Partial<DaemonJournal>, () => void]>([
    ['its folder is in use', {}, () => switchLink('1.1.0')],
    ['it is named as the release that runs', { oldRelease: '1.1.0' }, () => {}],
  ])('D4003 where %s: it is left alone', async (_, over, arrange) => {
    makeRelease(release());
    arrange();
    await expect(take({ step: 'staging', ...over })).rejects.toMatchObject({ code: 'D4003' });
    expect(asked).toEqual([]);
    expect(existsSync(release())).toBe(true);
  });

  function switchLink(to: string): void {
    rmSync(join(root, 'current'));
    symlinkSync(`releases/${to}`, join(root, 'current'));
  }

  test.each<[string, () => void, string, string]>([
    ['its VERSION says another', () => (versionFile = '1.2.0\n'), 'the package is version 1.2.0', 'version'],
    ['it has no program', () => (launcher = null), 'no bin/daemon', 'archive'],
    ['it does not run', () => (launcher = 'exit 9'), 'does not run on this host', 'program'],
    ['it says another version', () => (launcher = 'echo 2.0.0'), 'says that it is 2.0.0', 'version'],
    [
      'it refuses the configuration',
      () => (launcher = 'case "$1" in --version) echo 1.1.0;; *) exit 1;; esac'),
      'refuses the present configuration',
      'program',
    ],
  ])('D4002 where %s', async (_, arrange, why, check) => {
    arrange();
    const message = expect.stringMatching(new RegExp(`${why}.*\\(check: ${check}\\)$`));
    await expect(take({ step: 'staging' })).rejects.toMatchObject({ code: 'D4002', message });
    expect(asked).toHaveLength(1);
  });

  test('a version that is written otherwise is the same', async () => {
    expect(await take({ step: 'staging', newVersion: 'v1.1' })).toMatchObject({ step: 'backing-up' });
  });
});

test('waits for agents that are being updated, but not for ever', async () => {
  busy = 3;
  let waits = 0;
  onWait = () => {
    waits++;
  };
  expect(await take({ step: 'backing-up' })).toMatchObject({ step: 'handing-over' });
  expect(waits).toBe(3);
  busy = Number.POSITIVE_INFINITY;
  await expect(take({ step: 'backing-up' })).rejects.toMatchObject({ code: 'D4003' });
  busy = 0;
});

test('the release in use is backed up as one that is good', async () => {
  const journal = await take({ step: 'backing-up' });
  // what the new version is compared with is read now, and not when somebody asked
  expect(journal).toMatchObject({ step: 'handing-over', backup: '/backups/daemon_1.bak', linked: false });
  const about = { component: 'daemon', version: '1.0.0', good: true };
  expect(asked).toEqual([
    { task: 'backup', input: expect.objectContaining({ from: join(root, 'releases/1.0.0'), ...about }) },
  ]);
});

describe('handing over', () => {
  /** Stands for a helper: ends at once; what it would journal is the test's to write. */
  beforeEach(() => {
    mkdirSync(join(folder, 'lib'));
    writeFileSync(join(folder, 'lib/handover.js'), '');
    for (const path of [files.go, files.report, files.log]) writeFileSync(path, 'of another hand-over');
  });

  function journalled(over: Partial<DaemonJournal>): void {
    writeFileSync(files.journal, renderJournal(daemonJournal({ root, step: 'watching', helper: LIVING, ...over })));
  }

  test('tells the helper to go on once it is seen watching, and not before', async () => {
    journalled({ step: 'handing-over', helper: null });
    let waits = 0;
    onWait = () => {
      expect(existsSync(files.go)).toBe(false);
      expect(existsSync(files.report)).toBe(false);
      if (++waits === 3) journalled({});
    };
    expect(await take({ step: 'handing-over' })).toMatchObject({ step: 'watching', helper: LIVING });
    expect(readFileSync(files.go, 'utf8')).toBe('one');
    expect(readFileSync(files.log, 'utf8')).toBe('');
  });

  test.each<[string, Partial<DaemonJournal>]>([
    ['has ended', { helper: { ...LIVING, startTicks: 1 } }],
    ['is of another boot', { helper: { ...LIVING, bootId: 'before' } }],
    ['has no name', { helper: null }],
  ])('D4003 where the helper that watches %s', async (_, over) => {
    journalled(over);
    await expect(take({ step: 'handing-over' })).rejects.toMatchObject({
      code: 'D4003',
      message: expect.stringContaining('ended at once'),
    });
    expect(existsSync(files.go)).toBe(false);
  });

  test.each<[string, () => void]>([
    ['nobody does', () => journalled({ step: 'handing-over', helper: null })],
    ['the one who does is at another update', () => journalled({ id: 'two' })],
    ['the journal has gone', () => {}],
  ])('D4003 where %s within the time', async (_, arrange) => {
    arrange();
    const begunMs = clock.nowMs();
    await expect(take({ step: 'handing-over' })).rejects.toMatchObject({
      code: 'D4003',
      message: expect.stringContaining('not seen watching within 30 s'),
    });
    expect(clock.nowMs() - begunMs).toBe(30_000);
    expect(existsSync(files.go)).toBe(false);
  });

  test('is left where it is when the daemon ends', async () => {
    journalled({ step: 'handing-over', helper: null });
    onWait = () => {
      throw new DaemonError('internal', 'the daemon is ending');
    };
    await expect(take({ step: 'handing-over' })).rejects.toThrow('the daemon is ending');
  });
});

test('what is not its own is left as it is', async () => {
  expect(await take({ step: 'proving' })).toMatchObject({ step: 'proving' });
  expect(asked).toEqual([]);
});
