/**
 * One instance a host: the pid file is created exclusively and names the process by pid, start time and boot id. A
 * stale one (its process has gone, or the pid is another's now) is replaced; a live one is a clear error.
 */
import { linkSync, mkdirSync, readFileSync, rmSync, unlinkSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { isAlive, readBootId, readStat } from './proc.ts';

export class AlreadyRunningError extends Error {
  override readonly name = 'AlreadyRunningError';
}

const ATTEMPTS = 3;

/** `PID` on the first line, as every pid file has it; start time and boot id on the second. */
export function renderPidFile(pid: number, startTicks: number, bootId: string): string {
  return `${pid}\n${startTicks} ${bootId}\n`;
}

/** Who holds a pid file: pid, start time and boot id name one process for ever. */
export interface Holder {
  pid: number;
  startTicks: number;
  bootId: string;
}

/** The process that the text names, where it still runs. A text without a start time counts by its pid alone. */
function holderIn(text: string, procRoot: string): Holder | null {
  const [first = '', second = ''] = text.split('\n');
  const pid = Number(first);
  if (!Number.isInteger(pid) || pid <= 0) return null;
  const stat = readStat(pid, procRoot);
  if (!isAlive(stat)) return null;
  const present = readBootId(procRoot);
  const [startTicks, bootId] = second.split(' ');
  const same = !startTicks || (Number(startTicks) === stat.startTicks && (!bootId || bootId === present));
  return same ? { pid, startTicks: stat.startTicks, bootId: present } : null;
}

/** Whether the process that the text names still runs. */
export function isHeld(text: string, procRoot = '/proc'): boolean {
  return holderIn(text, procRoot) !== null;
}

/** The process that holds the file; null where there is none, or it has gone. */
export function pidFileHolder(path: string, procRoot = '/proc'): Holder | null {
  const text = read(path);
  return text === null ? null : holderIn(text, procRoot);
}

function read(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null;
    throw error;
  }
}

/** Takes the file, or throws AlreadyRunningError. The returned function gives it back. */
export function takePidFile(path: string, procRoot = '/proc'): () => void {
  const own = renderPidFile(process.pid, readStat(process.pid, procRoot)?.startTicks ?? 0, readBootId(procRoot));
  mkdirSync(dirname(path), { recursive: true, mode: 0o750 });
  const temporary = `${path}.${process.pid}`;
  writeFileSync(temporary, own, { mode: 0o644 });
  try {
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      try {
        linkSync(temporary, path); // fails where the file exists, and shows it only when it is whole
        return () => {
          if (read(path) === own) unlinkSync(path);
        };
      } catch (error) {
        if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
      }
      const present = read(path);
      if (present === null) continue;
      if (isHeld(present, procRoot)) {
        throw new AlreadyRunningError(`another instance runs with pid ${present.split('\n')[0]} (${path})`);
      }
      // only the very file that was judged stale is removed: another instance may have replaced it by now
      if (read(path) === present) rmSync(path, { force: true });
    }
    throw new AlreadyRunningError(`${path} changes faster than it can be taken: another instance is starting`);
  } finally {
    rmSync(temporary, { force: true });
  }
}
