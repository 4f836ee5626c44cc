/** What is left of an update once its outcome is noted: temporary files, superfluous releases and backups go. */
import { readdir, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Backups } from './backups.ts';
import { handoverFiles } from './handover-files.ts';
import { type DaemonJournal, type Journal, keyOf } from './journal-format.ts';
import { currentRelease, endTrial, releaseFolder, switchTo } from './releases.ts';
import { compareVersions, isSameVersion } from './versions.ts';

export interface ClearUpDeps {
  /** The running daemon's own version. */
  version: string;
  /** The updates' folder. */
  folder: string;
  maxBackups: number;
  backups: Backups;
}

/** Safe to repeat. */
export async function clearUp(journal: Journal, deps: ClearUpDeps): Promise<void> {
  for (const path of journal.temporary) {
    await rm(path, { recursive: true, force: true });
    await removeParts(dirname(path), journal.id);
  }
  if (journal.kind === 'daemon') {
    // nobody watched to the end: the link names what runs all the same
    if (journal.step !== 'committed' && isSameVersion(deps.version, journal.oldVersion)) {
      await switchTo(journal.root, journal.oldRelease);
    }
    await endTrial(journal.root);
    // a helper that was killed has left its lock
    const { go, report, lock } = handoverFiles(deps.folder);
    for (const path of [go, report, `${report}.new`, lock]) await rm(path, { force: true });
    await pruneReleases(journal, deps.maxBackups);
  }
  await deps.backups.prune(keyOf(journal), deps.maxBackups);
}

/** What a task that was cut short had under a name of its own, beside what it was to make. */
async function removeParts(folder: string, id: string): Promise<void> {
  for (const name of await readdir(folder).catch(() => [])) {
    if (name.includes(id) && name.includes('.part-')) await rm(join(folder, name), { recursive: true, force: true });
  }
}

/** The releases of `max_backups` updates are kept, the one in use in any case; one that did not last goes. */
async function pruneReleases(
  { root, oldRelease, newRelease, step, staged }: DaemonJournal,
  keep: number,
): Promise<void> {
  const current = await currentRelease(root);
  const names = await readdir(join(root, 'releases'));
  const kept = new Set([current, step === 'committed' ? oldRelease : null]);
  const others = names.filter((name) => !kept.has(name) && !name.startsWith('.'));
  const gone = others.sort((a, b) => compareVersions(a, b) ?? 0).slice(0, -keep);
  if (step !== 'committed' && staged !== false && current !== newRelease) gone.push(newRelease);
  gone.push(...names.filter((name) => name.startsWith('.') && name.includes('.part-')));
  for (const name of gone) await rm(releaseFolder(root, name), { recursive: true, force: true });
}
