/**
 * What a process that stands for the daemon is to measure, on its command line, and the one line that it says at its
 * end. Pure.
 */
import type { Compared } from '../benchmarks/stall-stretches.ts';
import type { BenchPackage } from '../benchmarks/update-package.ts';
import type { Settings } from '../settings.ts';
import type { Summary } from '../statistics.ts';

/** Where a Manager is to be found. */
export interface ManagerPlace {
  /** Has the certificates; what is written goes in here. */
  folder: string;
  managerPort: number;
}

/**
 * From the call to the answer, by a thread that is started for it or is there; and the time that the reading itself took
 * within the thread, the first one of a new thread or a later one.
 */
export const WAYS = ['cold thread', 'warm thread', 'reading, cold', 'reading, warm'] as const;
export type Way = (typeof WAYS)[number];

/** Milliseconds. */
export interface Collections {
  names: readonly string[];
  ways: Record<Way, Summary>;
}

/** Milliseconds. */
export interface HealthRounds {
  agents: number;
  /** From the call to the answer of a thread that is there. */
  thread: Summary;
  /** Within the thread. */
  reading: Summary;
  /** The longest delay of the asking thread's event loop during `thread`. */
  heldUpMs: number;
}

/** Milliseconds of calls to the Manager. */
export interface RoundTripsMeasured {
  heartbeat: Summary;
  full: Summary;
  /** Of full reports with that much added to each round trip. */
  far: { delayMs: number; report: Summary }[];
  valuesInReport: number;
  /** On the wire, without what HTTP/2 and TLS add. */
  bytesOfReport: number;
}

/** Everything that is measured so: kind → what it is told and what it gives. */
export interface Measurements {
  collect: { input: Settings['collect'] & { sets: readonly (readonly string[])[] }; output: Collections[] };
  health: { input: Settings['health']; output: HealthRounds[] };
  report: {
    /** `far`: ports of something that adds so much to each round trip. */
    input: Settings['report'] & ManagerPlace & { far: readonly { delayMs: number; port: number }[] };
    output: RoundTripsMeasured;
  };
  stall: {
    input: Settings['stall'] & ManagerPlace & { signed: BenchPackage['signed'] };
    output: Compared;
  };
}
export type MeasurementKind = keyof Measurements;

export interface MeasureOrder<K extends MeasurementKind> {
  kind: K;
  /** Folder of the bundles. */
  bundles: string;
  /** Of those in which a thread says how long it took itself. */
  timedBundles: string;
  pace: Settings['inside'];
  input: Measurements[K]['input'];
}

export interface MeasureLine<K extends MeasurementKind> {
  event: 'measured';
  node: string;
  /** Why no pages were given back meanwhile; empty where they were. */
  pagesKept: string;
  figures: Measurements[K]['output'];
}

/** null where it is another line. */
export function parseMeasureLine<K extends MeasurementKind>(line: string): MeasureLine<K> | null {
  if (!line.startsWith('{"event":"measured"')) return null;
  return JSON.parse(line) as MeasureLine<K>;
}

/** Throws an Error where there is none. */
export function orderOf(text: string | undefined): MeasureOrder<MeasurementKind> {
  if (!text) throw new Error('it is started by a benchmark, with an order');
  return JSON.parse(text) as MeasureOrder<MeasurementKind>;
}

/** For the notes of a table. */
export function conditions(pagesKept: string, { speedUp }: Settings['inside']): string[] {
  return [
    'Measured within a process that the launcher starts as it starts the daemon, of the daemon’s own parts, without ' +
      'compilers, with what `footprint: full` gives back.',
    ...(pagesKept ? [`NO PAGES were given back meanwhile: ${pagesKept}.`] : []),
    ...(speedUp === 1 ? [] : [`SHORTENED for --quick: memory is given back after a ${speedUp}th of the time.`]),
  ];
}
