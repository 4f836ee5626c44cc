/** The files by which the daemon and the hand-over helper know of each other, in the updates' folder. */
import { join } from 'node:path';

export interface HandoverFiles {
  journal: string;
  /** Held by the helper that watches. */
  lock: string;
  /** The daemon has seen the helper watching: it may switch. Holds the update's id. */
  go: string;
  /** What the daemon that runs says of itself. */
  report: string;
  /** What the helper did, for people. */
  log: string;
}

export function handoverFiles(folder: string): HandoverFiles {
  const file = (name: string): string => join(folder, name);
  return {
    journal: file('daemon.json'),
    lock: file('handover.lock'),
    go: file('handover.go'),
    report: file('handover-report.json'),
    log: file('handover.log'),
  };
}
