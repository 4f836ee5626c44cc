/**
 * What the kernel says of a process, read from outside it: /proc/PID/smaps_rollup, status, stat and fd. The parsers
 * give null for what is not such a file, the readers for a process that has gone.
 */
import { readdirSync, readlinkSync, writeFileSync } from 'node:fs';
import { readProcFile } from '../src/shared/platform/proc.ts';

export interface Memory {
  rssBytes: number;
  /** Resident, each shared page divided by the number of processes that map it. */
  pssBytes: number;
  /** Heaps, stacks, what was written of files mapped privately: nobody else's. */
  anonymousBytes: number;
  /** Resident less anonymous: pages of files and of shared memory. */
  fileBackedBytes: number;
}

export interface Status {
  /** The kernel's own peak of the resident size since the last `resetPeak` (VmHWM). */
  peakRssBytes: number;
  /** Shared memory; part of the file-backed figure. */
  sharedMemoryBytes: number;
  threads: number;
}

export interface Reading extends Memory, Status {
  descriptors: number;
}

function kilobytes(text: string, key: string): number | null {
  const found = new RegExp(`^${key}:\\s+(\\d+) kB$`, 'm').exec(text)?.[1];
  return found === undefined ? null : Number(found) * 1024;
}

export function parseSmapsRollup(text: string): Memory | null {
  const rssBytes = kilobytes(text, 'Rss');
  const pssBytes = kilobytes(text, 'Pss');
  const anonymousBytes = kilobytes(text, 'Anonymous');
  if (rssBytes === null || pssBytes === null || anonymousBytes === null) return null;
  return { rssBytes, pssBytes, anonymousBytes, fileBackedBytes: rssBytes - anonymousBytes };
}

export function parseStatus(text: string): Status | null {
  const peakRssBytes = kilobytes(text, 'VmHWM');
  const sharedMemoryBytes = kilobytes(text, 'RssShmem');
  const threads = /^Threads:\s+(\d+)$/m.exec(text)?.[1];
  if (peakRssBytes === null || sharedMemoryBytes === null || threads === undefined) return null;
  return { peakRssBytes, sharedMemoryBytes, threads: Number(threads) };
}

/** What only ever grows. */
export interface Counters {
  /** Spent by the process, its ended threads, and its children that ended and were waited for (fields 14 to 17). */
  cpuTicks: number;
  /** Pages that were there to be mapped again, of all its threads (field 10). */
  minorFaults: number;
}

/** /proc/PID/stat. A process's name may contain `) `, so the fields are counted from the last parenthesis. */
export function parseCounters(stat: string): Counters | null {
  const close = stat.lastIndexOf(')');
  const fields = close < 0 ? [] : stat.slice(close + 2).split(' ');
  const [minorFaults = Number.NaN, ...ticks] = [10, 14, 15, 16, 17].map((n) => Number(fields[n - 3] ?? 'none'));
  const cpuTicks = ticks.reduce((sum, n) => sum + n, 0);
  return Number.isInteger(minorFaults) && Number.isInteger(cpuTicks) ? { cpuTicks, minorFaults } : null;
}

function listed(folder: string): string[] | null {
  try {
    return readdirSync(folder);
  } catch {
    return null; // the process has gone, or is not ours to look at
  }
}

export function readFigures(pid: number, procRoot = '/proc'): Reading | null {
  const memory = parseSmapsRollup(readProcFile(`${procRoot}/${pid}/smaps_rollup`) ?? '');
  const status = parseStatus(readProcFile(`${procRoot}/${pid}/status`) ?? '');
  const descriptors = listed(`${procRoot}/${pid}/fd`)?.length ?? null;
  return memory && status && descriptors !== null ? { ...memory, ...status, descriptors } : null;
}

export function readCounters(pid: number, procRoot = '/proc'): Counters | null {
  return parseCounters(readProcFile(`${procRoot}/${pid}/stat`) ?? '');
}

export function readCpuTicks(pid: number, procRoot = '/proc'): number | null {
  return readCounters(pid, procRoot)?.cpuTicks ?? null;
}

function linkTarget(path: string): string | null {
  try {
    return readlinkSync(path);
  } catch {
    return null; // closed meanwhile
  }
}

/** Whether the process has a userfaultfd open: the kernel names such a descriptor so. False of one that has gone. */
export function hasUserfaultfd(pid: number, procRoot = '/proc'): boolean {
  const folder = `${procRoot}/${pid}/fd`;
  const descriptors = listed(folder) ?? [];
  return descriptors.some((fd) => linkTarget(`${folder}/${fd}`) === 'anon_inode:[userfaultfd]');
}

/** Starts the kernel's peak anew from what is resident now (proc(5), clear_refs). False where that is not allowed. */
export function resetPeak(pid: number, procRoot = '/proc'): boolean {
  try {
    writeFileSync(`${procRoot}/${pid}/clear_refs`, '5');
    return true;
  } catch {
    return false;
  }
}
