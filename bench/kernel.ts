/**
 * What the kernel says of a process, read from outside it: the daemon does not measure itself. Memory in bytes;
 * CPU time in milliseconds, of all threads and of the children that it has waited for.
 */
import { readdirSync, writeFileSync } from 'node:fs';
import { readProcFile } from '../src/shared/platform/proc.ts';

export interface Memory {
  rssBytes: number;
  /** Proportional: what is shared counts in parts. */
  pssBytes: number;
  /** What the process alone costs. */
  anonymousBytes: number;
  /** Pages of files (the program, libraries) that are mapped in; other processes may have them too. */
  fileBytes: number;
}

const MS_PER_TICK = 10;

const kilobytes = (text: string, name: string): number => {
  const found = new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(text)?.[1];
  if (found === undefined) throw new Error(`the kernel does not say ${name}`);
  return Number(found) * 1024;
};

export function parseMemory(rollup: string): Memory {
  const rssBytes = kilobytes(rollup, 'Rss');
  const anonymousBytes = kilobytes(rollup, 'Anonymous');
  return { rssBytes, pssBytes: kilobytes(rollup, 'Pss'), anonymousBytes, fileBytes: rssBytes - anonymousBytes };
}

/** Bytes; the highest resident memory since it was last reset. */
export function parsePeak(status: string): number {
  return kilobytes(status, 'VmHWM');
}

/** utime + stime + cutime + cstime of proc(5). */
export function parseCpuMs(stat: string): number {
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const ticks = [14, 15, 16, 17].map((field) => Number(fields[field - 3]));
  return ticks.reduce((sum, each) => sum + each, 0) * MS_PER_TICK;
}

function read(pid: number, file: string): string {
  const text = readProcFile(`/proc/${pid}/${file}`, 64 * 1024);
  if (text === null || text === '') throw new Error(`process ${pid} has gone`);
  return text;
}

export const readMemory = (pid: number): Memory => parseMemory(read(pid, 'smaps_rollup'));
export const readPeak = (pid: number): number => parsePeak(read(pid, 'status'));
export const readCpuMs = (pid: number): number => parseCpuMs(read(pid, 'stat'));
export const countThreads = (pid: number): number => readdirSync(`/proc/${pid}/task`).length;
export const countDescriptors = (pid: number): number => readdirSync(`/proc/${pid}/fd`).length;

/** Begins the peak anew; false where that is not allowed. */
export function resetPeak(pid: number): boolean {
  try {
    writeFileSync(`/proc/${pid}/clear_refs`, '5');
    return true;
  } catch {
    return false;
  }
}
