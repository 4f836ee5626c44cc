/** Samples processes side by side over a window: memory and counts each 100 ms, CPU time from its start to its end. */
import { setTimeout as sleep } from 'node:timers/promises';
import { type Reading, readCpuTicks, readFigures } from './process-figures.ts';

export const SAMPLE_MS = 100;

export interface Watched {
  readings: Reading[];
  /** Spent in the window, ended children included. */
  cpuTicks: number;
  elapsedMs: number;
}

export interface WatchOptions {
  windowMs: number;
  signal: AbortSignal;
  figures?: (pid: number) => Reading | null;
  cpuTicks?: (pid: number) => number | null;
  nowMs?: () => number;
  wait?: (ms: number, signal: AbortSignal) => Promise<unknown>;
}

function present<T>(value: T | null, pid: number): T {
  if (value === null) throw new Error(`process ${pid} cannot be read: it has ended, or it is not ours to read`);
  return value;
}

/** One result a pid, in order. Throws an Error when a process ends meanwhile. */
export async function watch(pids: readonly number[], options: WatchOptions): Promise<Watched[]> {
  const { windowMs, signal, figures = readFigures, cpuTicks = readCpuTicks, nowMs = () => performance.now() } = options;
  const { wait = (ms, abort) => sleep(ms, undefined, { signal: abort }) } = options;
  const startMs = nowMs();
  const ticks = (): number[] => pids.map((pid) => present(cpuTicks(pid), pid));
  const before = ticks();
  const readings = pids.map((): Reading[] => []);
  for (let elapsedMs = 0; elapsedMs < windowMs; elapsedMs = nowMs() - startMs) {
    for (const [at, pid] of pids.entries()) readings[at]?.push(present(figures(pid), pid));
    // by a fixed cadence: a late sample does not move the next ones
    const dueMs = (Math.floor((nowMs() - startMs) / SAMPLE_MS) + 1) * SAMPLE_MS;
    await wait(Math.max(0, Math.min(dueMs, windowMs) - (nowMs() - startMs)), signal);
  }
  const after = ticks();
  const elapsedMs = nowMs() - startMs;
  return pids.map((_, at) => ({
    readings: readings[at] ?? [],
    cpuTicks: (after[at] ?? 0) - (before[at] ?? 0),
    elapsedMs,
  }));
}
