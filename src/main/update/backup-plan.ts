/**
 * Backups of replaced versions: their names, what is noted of each, and which may go. Pure. A backup is
 * `COMPONENT_TIMESTAMP.bak` (design document 3.4.5) with its facts beside it in `COMPONENT_TIMESTAMP.json`.
 */
import type { UpdateComponent } from '../../shared/contracts/update.ts';

export interface Backup {
  component: UpdateComponent;
  agentId: string;
  /** Empty where nobody knew it. */
  version: string;
  /** As the task `keep` gave it, hex. */
  sha256: string;
  /** Unix milliseconds. */
  createdMs: number;
  /** It was known to be good when it was replaced. */
  good: boolean;
}

/** `daemon`, or `agent-ID`: also the name of the update's journal. */
export function componentName(component: UpdateComponent, agentId: string): string {
  return component === 'daemon' ? 'daemon' : `agent-${agentId}`;
}

/** The folder's entries that are backups of the component, oldest first, without `.bak`. */
export function backupNames(entries: readonly string[], component: string): string[] {
  const pattern = /^(.*)_(\d{14})\.bak$/;
  return entries
    .filter((entry) => pattern.exec(entry)?.[1] === component)
    .map((entry) => entry.slice(0, -4))
    .sort();
}

/** The folder's entries that are half a backup of the component: whoever made or removed it was ended meanwhile. */
export function unfinishedBackups(entries: readonly string[], component: string): string[] {
  const writing = /^\.(.*)_\d{14}\.(?:bak\.part-\d+|json\.\d+\.tmp)$/;
  const half = /^(.*)_\d{14}\.(?:bak|json)$/;
  const other = (entry: string): string => entry.replace(/[a-z]+$/, (end) => (end === 'bak' ? 'json' : 'bak'));
  return entries.filter((entry) => {
    if (writing.exec(entry)?.[1] === component) return true;
    return half.exec(entry)?.[1] === component && !entries.includes(other(entry));
  });
}

/** UTC, `20060102150405`; a name that is taken gets the next second that is free. */
export function backupName(component: string, atMs: number, taken: readonly string[]): string {
  for (let ms = atMs; ; ms += 1000) {
    const name = `${component}_${new Date(ms).toISOString().replace(/\D/g, '').slice(0, 14)}`;
    if (!taken.includes(name)) return name;
  }
}

/**
 * Those that may go: all but the newest `keep`, and never the newest that was known to be good. `backups` oldest
 * first.
 */
export function superfluous<T extends { good: boolean }>(backups: readonly T[], keep: number): T[] {
  const kept = new Set(backups.slice(-keep));
  const lastGood = backups.findLast(({ good }) => good);
  if (lastGood) kept.add(lastGood);
  return backups.filter((backup) => !kept.has(backup));
}
