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

/** Whether the process that the text names still runs. A text without a start time counts by its pid alone. */
export function isHeld(text: string, procRoot = '/proc'): boolean {
  const [first = '', second = ''] = text.split('\n');
  const pid = Number(first);
  if (!Number.isInteger(pid) || pid <= 0) return false;
  const stat = readStat(pid, procRoot);
  if (!isAlive(stat)) return false;
  const [startTicks, bootId] = second.split(' ');
  if (!startTicks) return true;
  return Number(startTicks) === stat.startTicks && (!bootId || bootId === readBootId(procRoot));
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
  mkdirSync(dirname(path), { recursive: true });
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
