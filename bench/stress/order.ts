/** What the stress load is told on its command line, and the one line that it says at its end. Pure. */
import type { Summary } from '../statistics.ts';

export interface StressOrder {
  /** Folder of the bundles. */
  bundles: string;
  /** Has the certificates; everything that is written goes in here. */
  folder: string;
  managerPort: number;
  forMs: number;
  /** Of the file that is hashed. */
  mebibytes: number;
}

/** How often each was done. */
export interface StressCounts {
  /** By the main thread. */
  givings: number;
  /** By a thread that does nothing else. */
  threadGivings: number;
  majorCollections: number;
  heartbeats: number;
  reports: number;
  collections: number;
  hashes: number;
  logs: number;
  children: number;
}

export interface StressFigures {
  node: string;
  elapsedMs: number;
  counts: StressCounts;
  /** Ranges that are given back each time. */
  ranges: number;
  /** Of these; -errno where the kernel cannot switch it off. */
  withoutFaultAround: number;
  /** Of abseil's table of locks; 0 where this Node has none. */
  lockTableBytes: number;
  /** Pages that are left out while a thread starts; 0: not learned. */
  hotPages: number;
  /** Resident, right before and right after each giving back by the main thread. */
  beforeBytes: Summary;
  afterBytes: Summary;
  minorFaults: number;
  majorFaults: number;
}

/** `none`: nothing can be given back here, and why. */
export type StressLine = { event: 'stress'; figures: StressFigures } | { event: 'stress'; none: string };

/** null where it is another line. */
export function parseStressLine(line: string): StressLine | null {
  if (!line.startsWith('{"event":"stress"')) return null;
  return JSON.parse(line) as StressLine;
}
