/**
 * The daemon's own steps of its update, up to where the hand-over helper takes over: each takes the journal that says
 * it is to be taken, does it, and gives the journal of the next. Everything that can show before the switch does:
 * the new version is run for its version, and with the present configuration.
 */
import { execFile } from 'node:child_process';
import { constants } from 'node:fs';
import { access, rm, writeFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import type { Config } from '../../shared/config/schema.ts';
import { DaemonError } from '../../shared/errors/daemon-error.ts';
import type { Clock } from '../../shared/platform/clock.ts';
import type { Backups } from './backups.ts';
import { isRunning } from './handover/service.ts';
import type { HandoverFiles } from './handover-files.ts';
import type { JournalFile } from './journal.ts';
import type { DaemonJournal, PresentFacts } from './journal-format.ts';
import { type Obtain, type UpdateTasks, unpackLimits } from './obtain.ts';
import { currentRelease, launcherOf, releaseFolder, versionOfRelease } from './releases.ts';
import { type HelperStart, startHelper } from './start-helper.ts';
import { isSameVersion } from './versions.ts';

export interface DaemonUpdateDeps {
  tasks: UpdateTasks;
  backups: Backups;
  update: Config['update'];
  configFile: string;
  clock: Clock;
  signal: AbortSignal;
  obtain: Obtain | null;
  /** Whether an agent is being updated; none is begun from `backing-up` on. */
  agentsUnderWay(): boolean;
  /** What the new version is compared with, as it is now. */
  present(): PresentFacts;
  files: HandoverFiles;
  journalFile: JournalFile;
  start: HelperStart;
  wait(delayMs: number): Promise<void>;
}

const TASK_MS = 30 * 60_000;
const RUN_MS = 20_000;
const RESERVE_BYTES = 16 * 1024 * 1024;
/** How long a helper may take to say that it watches. */
const WATCHING_MS = 30_000;
const POLL_MS = 100;
const QUIET_MS = 30 * 60_000;

/** Up to and with `handing-over`; what it gives after that has the step `watching`, which is the helper's. */
export async function takeDaemonStep(journal: DaemonJournal, deps: DaemonUpdateDeps): Promise<DaemonJournal> {
  switch (journal.step) {
    case 'accepted':
      return { ...journal, step: 'downloading' };
    case 'downloading':
      await deps.obtain?.fetch();
      return { ...journal, step: 'verifying' };
    case 'verifying': {
      const verified = await deps.obtain?.verify();
      if (verified && verified.form.form !== 'tar.gz') {
        throw new DaemonError('D4002', 'a release of this daemon is a tar.gz, this is a program (check: archive)');
      }
      return { ...journal, step: 'staging', staged: true, sha256: verified?.sha256 ?? journal.sha256 };
    }
    case 'staging':
      await stage(journal, deps);
      return { ...journal, step: 'backing-up' };
    case 'backing-up':
      return backUp(journal, deps);
    case 'handing-over':
      return handOver(journal, deps);
    default:
      return journal;
  }
}

/** The unpacked release under its own name, whole and proven to run on this host. */
async function stage(journal: DaemonJournal, deps: DaemonUpdateDeps): Promise<void> {
  const { tasks, update, signal } = deps;
  const { root, newRelease, newVersion, package: path } = journal;
  const folder = releaseFolder(root, newRelease);
  if ((await currentRelease(root)) === newRelease || journal.oldRelease === newRelease) {
    throw new DaemonError('D4003', `${folder} is in use: another package of the same version cannot take its place`);
  }
  await rm(folder, { recursive: true, force: true }); // of an earlier update that did not last
  const options = { deadlineMs: TASK_MS, signal };
  if (path.endsWith('.bak')) {
    await tasks.run('keep', { from: path, to: folder, reserveBytes: RESERVE_BYTES }, options);
  } else {
    const limits = unpackLimits(update);
    await tasks.run(
      'unpack',
      { archive: path, sha256: journal.sha256, to: folder, limits, reserveBytes: RESERVE_BYTES },
      options,
    );
  }
  const told = await versionOfRelease(folder);
  if (!isSameVersion(told, newVersion)) {
    throw new DaemonError('D4002', `the package is version ${told}, not ${newVersion} (check: version)`);
  }
  const launcher = launcherOf(root, newRelease);
  try {
    await access(launcher, constants.X_OK);
  } catch (cause) {
    throw new DaemonError('D4002', 'the package has no bin/daemon that can be run (check: archive)', { cause });
  }
  const said = (await run(launcher, ['--version'], 'does not run on this host', signal)).trim();
  if (!isSameVersion(said, newVersion)) {
    throw new DaemonError('D4002', `the new daemon says that it is ${said}, not ${newVersion} (check: version)`);
  }
  await run(launcher, ['--check', '--config', deps.configFile], 'refuses the present configuration', signal);
}

async function run(launcher: string, args: string[], fault: string, signal: AbortSignal): Promise<string> {
  try {
    const options = { timeout: RUN_MS, killSignal: 'SIGKILL', maxBuffer: 1024 * 1024, signal } as const;
    return (await promisify(execFile)(launcher, args, options)).stdout;
  } catch (cause) {
    throw new DaemonError('D4002', `the new daemon ${fault} (check: program)`, { cause });
  }
}

async function backUp(journal: DaemonJournal, deps: DaemonUpdateDeps): Promise<DaemonJournal> {
  const { backups, clock, signal, present, wait } = deps;
  const quietBy = clock.nowMs() + QUIET_MS;
  // an agent that is being replaced would be down for as long as the new daemon is on trial
  while (deps.agentsUnderWay()) {
    if (clock.nowMs() >= quietBy)
      throw new DaemonError('D4003', 'agents are being updated all the time: ask again later');
    await wait(POLL_MS);
  }
  const { root, oldRelease, oldVersion } = journal;
  const about = {
    component: 'daemon',
    agentId: '',
    version: oldVersion,
    createdMs: clock.wallMs(),
    good: true,
  } as const;
  const { path } = await backups.keep(releaseFolder(root, oldRelease), about, signal);
  return { ...journal, ...present(), step: 'handing-over', backup: path };
}

/** Settles when somebody watches and has been told to go on. */
async function handOver(journal: DaemonJournal, deps: DaemonUpdateDeps): Promise<DaemonJournal> {
  const { files, journalFile, start, clock, wait } = deps;
  await rm(files.go, { force: true });
  await rm(files.report, { force: true });
  await writeFile(files.log, '', { mode: 0o640 }); // of this hand-over only
  await startHelper(journal, start);
  const until = clock.nowMs() + WATCHING_MS;
  for (;;) {
    const present = await journalFile.read();
    if (present?.kind === 'daemon' && present.id === journal.id && present.step === 'watching') {
      if (!present.helper || !isRunning(present.helper))
        throw new DaemonError('D4003', 'the hand-over helper ended at once');
      await writeFile(files.go, journal.id, { mode: 0o600 });
      return present;
    }
    if (clock.nowMs() >= until) {
      const limit = `${WATCHING_MS / 1000} s`;
      throw new DaemonError('D4003', `the hand-over helper was not seen watching within ${limit}; see ${files.log}`);
    }
    await wait(POLL_MS);
  }
}
