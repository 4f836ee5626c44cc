/** From a long run's samples to whether something grew. Pure. */
import type { Measured } from '../gate.ts';
import type { Reading } from '../process-figures.ts';
import { blockFloors, type Point, type Slope, slopeOf } from '../slope.ts';
import { left, megabytes, right, type Table } from '../table.ts';
import type { Watched } from '../watch.ts';

/** KB (1000 bytes) an hour. */
export interface Growth extends Slope {
  /** More than chance, and more than can be told from none. */
  isGrowth: boolean;
}

interface Course {
  /** Least of the first and of the last block. */
  first: number;
  last: number;
  /** Of all samples. */
  max: number;
}

export interface SoakFigures {
  rss: Growth;
  anonymous: Growth;
  rssBytes: Course;
  anonymousBytes: Course;
  descriptors: Course;
  threads: Course;
  elapsedMs: number;
}

/** Long enough for each to have several of everything that the daemon does by its intervals. */
export const BLOCK_MS = 5 * 60_000;
/** Less a hour is what a heap does by itself. */
const LEAST_KB_PER_HOUR = 100;
/** Standard errors. */
const SURE = 2;

export function growthOf(slope: Slope): Growth {
  const { perHour, errorPerHour } = slope;
  return { ...slope, isGrowth: perHour > SURE * errorPerHour && perHour > LEAST_KB_PER_HOUR };
}

export function soakFigures({ readings, atMs, elapsedMs }: Watched): SoakFigures {
  const floors = (key: keyof Reading): Point[] => {
    const samples = readings.map((reading, at) => ({ atMs: atMs[at] ?? 0, value: reading[key] }));
    return blockFloors(samples, BLOCK_MS, elapsedMs);
  };
  const growth = (key: keyof Reading): Growth =>
    growthOf(slopeOf(floors(key).map(({ atMs, value }) => ({ atMs, value: value / 1000 }))));
  const course = (key: keyof Reading): Course => {
    const blocks = floors(key);
    const max = readings.reduce((most, reading) => Math.max(most, reading[key]), 0);
    return { first: blocks[0]?.value ?? 0, last: blocks.at(-1)?.value ?? 0, max };
  };
  return {
    rss: growth('rssBytes'),
    anonymous: growth('anonymousBytes'),
    rssBytes: course('rssBytes'),
    anonymousBytes: course('anonymousBytes'),
    descriptors: course('descriptors'),
    threads: course('threads'),
    elapsedMs,
  };
}

/** What cannot be told from none counts as none. */
export function soakGate({ rss, anonymous }: SoakFigures): Measured[] {
  const beyondChance = ({ isGrowth, perHour }: Growth): number => (isGrowth ? perHour : 0);
  return [
    { figure: 'rssGrowth', value: beyondChance(rss) },
    { figure: 'anonymousGrowth', value: beyondChance(anonymous) },
  ];
}

export function soakTable({ rss, anonymous, rssBytes, anonymousBytes, descriptors, threads }: SoakFigures): Table {
  const memory = (title: string, { first, last, max }: Course, growth: Growth): string[] => [
    title,
    ...[first, last, max].map(megabytes),
    ...[growth.perHour, growth.errorPerHour].map((kilobytes) => kilobytes.toFixed(0)),
    growth.isGrowth ? 'GROWS' : 'no growth beyond chance',
  ];
  const counts = (title: string, { first, last, max }: Course): string[] => [title, ...[first, last, max].map(String)];
  return {
    columns: [left('figure'), ...['first', 'last', 'max', 'KB/h', '± error'].map(right), left('')],
    rows: [
      memory('RSS, MB', rssBytes, rss),
      memory('anonymous, MB', anonymousBytes, anonymous),
      counts('open descriptors', descriptors),
      counts('threads', threads),
    ],
  };
}
