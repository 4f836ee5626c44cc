/** Samples programs side by side over a window: memory and counts each 100 ms, counters at its start and its end. */
import { setTimeout as sleep } from 'node:timers/promises';
import { type Counters, type Reading, readCounters, readFigures } from './process-figures.ts';
import { descendants, type ProcessTree, readProcessTree } from './process-tree.ts';

export const SAMPLE_MS = 100;
/** How often the processes below a program are looked for. */
const LOOK_MS = 1000;

/** A program, of one process or more. */
export interface Subject {
  /** At least one. They are to live for as long as the window. */
  pids: readonly number[];
  /** Whether a process below one of these counts as well, at any time of the window. Left out: none does. */
  counts?: (pid: number) => boolean;
  /** One that ends is no error: `endedAtMs` tells it. */
  mayEnd?: boolean;
}

export interface Watched {
  /** The sums of the program's processes. */
  readings: Reading[];
  /** Of each reading, from the start of the window. */
  atMs: number[];
  /** Spent in the window, ended children included. */
  cpuTicks: number;
  minorFaults: number;
  elapsedMs: number;
}

export interface WatchedProgram extends Watched {
  /** The most at a time. */
  processes: number;
  /** null: it lived to the end. Where it did not, counters are 0, and readings those until then. */
  endedAtMs: number | null;
}

export interface WatchOptions {
  windowMs: number;
  signal: AbortSignal;
  sampleMs?: number;
  figures?: (pid: number) => Reading | null;
  counters?: (pid: number) => Counters | null;
  tree?: () => ProcessTree;
  nowMs?: () => number;
  wait?: (ms: number, signal: AbortSignal) => Promise<unknown>;
}

/** The processes of a program below those that it is known by. */
export function below({ pids, counts }: Subject, tree: ProcessTree): number[] {
  if (!counts) return [];
  const found = new Set(pids.flatMap((pid) => descendants(tree, pid, counts)));
  return [...found].filter((pid) => !pids.includes(pid));
}

/** One program while it is watched. */
class Course {
  readonly #subject: Subject;
  readonly #counters: (pid: number) => Counters | null;
  readonly #readings: Reading[] = [];
  readonly #atMs: number[] = [];
  #children: number[] = [];
  #before: ReadonlyMap<number, Counters> = new Map();
  #processes = 0;
  #endedAtMs: number | null = null;

  constructor(subject: Subject, counters: (pid: number) => Counters | null) {
    this.#subject = subject;
    this.#counters = counters;
  }

  look(tree: ProcessTree): void {
    this.#children = below(this.#subject, tree);
  }

  begin(): void {
    this.#before = this.#each(this.#counters, 0) ?? this.#before;
  }

  sample(elapsedMs: number, figures: (pid: number) => Reading | null): void {
    const found = this.#each(figures, elapsedMs);
    if (!found) return;
    this.#readings.push(added([...found.values()]));
    this.#atMs.push(elapsedMs);
    this.#processes = Math.max(this.#processes, found.size);
  }

  end(elapsedMs: number): WatchedProgram {
    const after = this.#each(this.#counters, elapsedMs) ?? new Map<number, Counters>();
    const ended = this.#endedAtMs !== null;
    return {
      readings: this.#readings,
      atMs: this.#atMs,
      processes: this.#processes,
      cpuTicks: ended ? 0 : this.#cpuTicks(after),
      minorFaults: ended ? 0 : this.#minorFaults(after),
      elapsedMs,
      endedAtMs: this.#endedAtMs,
    };
  }

  /** What an ended child spent is in its parent's counter, what it had spent before the window too. */
  #cpuTicks(after: ReadonlyMap<number, Counters>): number {
    const total = (of: ReadonlyMap<number, Counters>): number => {
      return [...of.values()].reduce((sum, { cpuTicks }) => sum + cpuTicks, 0);
    };
    return Math.max(0, total(after) - total(this.#before));
  }

  /** Those of ended children are in no counter. */
  #minorFaults(after: ReadonlyMap<number, Counters>): number {
    return [...after].reduce((sum, [pid, { minorFaults }]) => {
      return sum + minorFaults - (this.#before.get(pid)?.minorFaults ?? 0);
    }, 0);
  }

  /** Of each process that is there; null where the program has ended. */
  #each<T>(read: (pid: number) => T | null, elapsedMs: number): Map<number, T> | null {
    if (this.#endedAtMs !== null) return null;
    const found = new Map<number, T>();
    for (const pid of this.#subject.pids) {
      const value = read(pid);
      if (value !== null) {
        found.set(pid, value);
        continue;
      }
      if (!this.#subject.mayEnd)
        throw new Error(`process ${pid} cannot be read: it has ended, or it is not ours to read`);
      this.#endedAtMs = elapsedMs;
      return null;
    }
    for (const pid of this.#children) {
      const value = read(pid);
      if (value !== null) found.set(pid, value); // else it has ended, as children do
    }
    return found;
  }
}

/** One result a program, in order. Throws an Error when one ends meanwhile that may not. */
export async function watch(subjects: readonly Subject[], options: WatchOptions): Promise<WatchedProgram[]> {
  const { windowMs, signal, sampleMs = SAMPLE_MS, nowMs = () => performance.now() } = options;
  const { figures = readFigures, counters = readCounters, tree = () => readProcessTree() } = options;
  const { wait = (ms, abort) => sleep(ms, undefined, { signal: abort }) } = options;
  const courses = subjects.map((subject) => new Course(subject, counters));
  const growing = courses.filter((_, at) => subjects[at]?.counts);
  const look = (): void => {
    if (growing.length === 0) return;
    const found = tree();
    for (const course of growing) course.look(found);
  };
  look();
  const startMs = nowMs();
  let lookedMs = startMs;
  for (const course of courses) course.begin();
  for (let elapsedMs = 0; elapsedMs < windowMs; elapsedMs = nowMs() - startMs) {
    if (nowMs() - lookedMs >= LOOK_MS) {
      lookedMs = nowMs();
      look();
    }
    for (const course of courses) course.sample(elapsedMs, figures);
    // by a fixed cadence: a late sample does not move the next ones
    const dueMs = (Math.floor((nowMs() - startMs) / sampleMs) + 1) * sampleMs;
    await wait(Math.max(0, Math.min(dueMs, windowMs) - (nowMs() - startMs)), signal);
  }
  look();
  const elapsedMs = nowMs() - startMs;
  return courses.map((course) => course.end(elapsedMs));
}

function added(readings: readonly Reading[]): Reading {
  const sum = (key: keyof Reading): number => readings.reduce((before, reading) => before + reading[key], 0);
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
