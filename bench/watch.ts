/** Samples processes side by side over a window: memory and counts each 100 ms, counters at its start and its end. */
import { setTimeout as sleep } from 'node:timers/promises';
import { type Counters, type Reading, readCounters, readFigures } from './process-figures.ts';

export const SAMPLE_MS = 100;

export interface Watched {
  readings: Reading[];
  /** Of each reading, from the start of the window. */
  atMs: number[];
  /** Spent in the window, ended children included. */
  cpuTicks: number;
  minorFaults: number;
  elapsedMs: number;
}

export interface WatchOptions {
  windowMs: number;
  signal: AbortSignal;
  sampleMs?: number;
  figures?: (pid: number) => Reading | null;
  counters?: (pid: number) => Counters | null;
  nowMs?: () => number;
  wait?: (ms: number, signal: AbortSignal) => Promise<unknown>;
}

function present<T>(value: T | null, pid: number): T {
  if (value === null) throw new Error(`process ${pid} cannot be read: it has ended, or it is not ours to read`);
  return value;
}

/** One result a pid, in order. Throws an Error when a process ends meanwhile. */
export async function watch(pids: readonly number[], options: WatchOptions): Promise<Watched[]> {
  const { windowMs, signal, sampleMs = SAMPLE_MS, nowMs = () => performance.now() } = options;
  const { figures = readFigures, counters = readCounters } = options;
  const { wait = (ms, abort) => sleep(ms, undefined, { signal: abort }) } = options;
  const startMs = nowMs();
  const counted = (): Counters[] => pids.map((pid) => present(counters(pid), pid));
  const before = counted();
  const atMs: number[] = [];
  const readings = pids.map((): Reading[] => []);
  for (let elapsedMs = 0; elapsedMs < windowMs; elapsedMs = nowMs() - startMs) {
    atMs.push(elapsedMs);
    for (const [at, pid] of pids.entries()) readings[at]?.push(present(figures(pid), pid));
    // by a fixed cadence: a late sample does not move the next ones
    const dueMs = (Math.floor((nowMs() - startMs) / sampleMs) + 1) * sampleMs;
    await wait(Math.max(0, Math.min(dueMs, windowMs) - (nowMs() - startMs)), signal);
  }
  const after = counted();
  const elapsedMs = nowMs() - startMs;
  const spent = (at: number, counter: keyof Counters): number =>
    (after[at]?.[counter] ?? 0) - (before[at]?.[counter] ?? 0);
  return pids.map((_, at) => ({
    readings: readings[at] ?? [],
    atMs,
    cpuTicks: spent(at, 'cpuTicks'),
    minorFaults: spent(at, 'minorFaults'),
    elapsedMs,
  }));
}

/** Processes that were watched in the same window, as if they were one. */
export function summed(all: readonly [Watched, ...Watched[]]): Watched {
  const [first] = all;
  const total = (counter: keyof Counters): number => all.reduce((sum, one) => sum + one[counter], 0);
  return {
    ...first,
    readings: first.readings.map((_, at) => added(all.map(({ readings }) => readings[at]))),
    cpuTicks: total('cpuTicks'),
    minorFaults: total('minorFaults'),
  };
}

function added(readings: readonly (Reading | undefined)[]): Reading {
  const sum = (key: keyof Reading): number =>
    readings.reduce((before, reading) => {
      if (!reading) throw new Error('processes that are summed up need as many readings each');
      return before + reading[key];
    }, 0);
  return {
    rssBytes: sum('rssBytes'),
    pssBytes: sum('pssBytes'),
    anonymousBytes: sum('anonymousBytes'),
    fileBackedBytes: sum('fileBackedBytes'),
    peakRssBytes: sum('peakRssBytes'),
    sharedMemoryBytes: sum('sharedMemoryBytes'),
    threads: sum('threads'),
    descriptors: sum('descriptors'),
  };
}
