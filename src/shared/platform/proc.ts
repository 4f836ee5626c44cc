/**
 * Who a process is, from /proc: a PID alone is never trusted, since it is reused. Pid, start time (proc(5), field 22
 * of stat) and boot id together name one process for ever.
 */
import { closeSync, openSync, readSync } from 'node:fs';

export interface ProcessStat {
  pid: number;
  /** R, S, D, Z, T … as proc(5) has it. */
  state: string;
  parentPid: number;
  groupId: number;
  sessionId: number;
  /** User and system time, clock ticks (1/100 s on Linux). */
  cpuTicks: number;
  /** Clock ticks since boot. */
  startTicks: number;
  rssPages: number;
}

/** A process's name may contain `) `, so the fields are counted from the last parenthesis. */
export function parseStat(text: string): ProcessStat | null {
  const open = text.indexOf('(');
  const close = text.lastIndexOf(')');
  if (open < 0 || close < open) return null;
  const fields = text.slice(close + 2).split(' ');
  const field = (n: number): number => Number(fields[n - 3]);
  const pid = Number(text.slice(0, open));
  const stat: ProcessStat = {
    pid,
    state: fields[0] ?? '',
    parentPid: field(4),
    groupId: field(5),
    sessionId: field(6),
    cpuTicks: field(14) + field(15),
    startTicks: field(22),
    rssPages: field(24),
  };
  return Number.isInteger(stat.startTicks) && Number.isInteger(pid) ? stat : null;
}

/**
 * The content of a file of /proc, at most `maxBytes` of it; throws as the file system does. One buffer from the start,
 * in as few reads as the kernel allows: it gives some files no more than a page at a time.
 */
export function readProcBytes(path: string, maxBytes: number): Buffer {
  const fd = openSync(path, 'r');
  try {
    const buffer = Buffer.allocUnsafe(maxBytes);
    let length = 0;
    for (let read = -1; read !== 0 && length < maxBytes; length += read) {
      read = readSync(fd, buffer, length, maxBytes - length, null);
    }
    return buffer.subarray(0, length);
  } finally {
    closeSync(fd);
  }
}

/** The same as text, or null where it is gone: before it is opened, or (ESRCH) between that and the read. */
export function readProcFile(path: string, maxBytes = 8192): string | null {
  try {
    return readProcBytes(path, maxBytes).toString('utf8');
  } catch {
    return null;
  }
}

/** Null where there is no such process. A zombie is still listed: see `isAlive`. */
export function readStat(pid: number, procRoot = '/proc'): ProcessStat | null {
  const text = readProcFile(`${procRoot}/${pid}/stat`);
  return text === null ? null : parseStat(text);
}

/** A zombie or a dead process still has its entry, and kill(pid, 0) succeeds on it: it counts as gone. */
export function isAlive(stat: ProcessStat | null): stat is ProcessStat {
  return stat !== null && stat.state !== 'Z' && stat.state !== 'X';
}

export function readBootId(procRoot = '/proc'): string {
  return readProcFile(`${procRoot}/sys/kernel/random/boot_id`)?.trim() ?? '';
}
