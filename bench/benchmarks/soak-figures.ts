/** From a long run's samples to whether something grew, and whether an old daemon is as small as a new one. Pure. */
import type { Measured } from '../gate.ts';
import type { Reading } from '../process-figures.ts';
import { blockFloors, type Point, type Slope, slopeOf } from '../slope.ts';
import type { Summary } from '../statistics.ts';
import { left, megabytes, right, type Table } from '../table.ts';
import { inWords } from '../targets.ts';
import type { Watched } from '../watch.ts';
import { idleFigures, type ProcessFigures, percent, type RestVerdicts, restGate } from './idle-figures.ts';

/** KB (1000 bytes) an hour. */
export interface Growth extends Slope {
  /** More than chance, and more than can be told from none. */
  isGrowth: boolean;
}

/** Least of the first and of the last block. */
interface Course {
  first: number;
  last: number;
}

export interface SoakFigures {
  /** Over the whole window, as those of idle. */
  daemon: ProcessFigures;
  rss: Growth;
  anonymous: Growth;
  rssBytes: Course;
  anonymousBytes: Course;
  descriptors: Course;
  threads: Course;
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

export function soakFigures(watched: Watched): SoakFigures {
  const { readings, atMs, elapsedMs } = watched;
  const floors = (key: keyof Reading): Point[] => {
    const samples = readings.map((reading, at) => ({ atMs: atMs[at] ?? 0, value: reading[key] }));
    return blockFloors(samples, BLOCK_MS, elapsedMs);
  };
  const growth = (key: keyof Reading): Growth =>
    growthOf(slopeOf(floors(key).map(({ atMs, value }) => ({ atMs, value: value / 1000 }))));
  const course = (key: keyof Reading): Course => {
    const blocks = floors(key);
    return { first: blocks[0]?.value ?? 0, last: blocks.at(-1)?.value ?? 0 };
  };
  return {
    daemon: idleFigures(watched),
    rss: growth('rssBytes'),
    anonymous: growth('anonymousBytes'),
    rssBytes: course('rssBytes'),
    anonymousBytes: course('anonymousBytes'),
    descriptors: course('descriptors'),
    threads: course('threads'),
  };
}

const grown = ({ first, last }: Course): number => last - first;

/** What a daemon at rest is held to, and growth; what cannot be told from none counts as none. */
export function soakGate({ daemon, rss, anonymous, descriptors, threads }: SoakFigures): Measured[] {
  const beyondChance = ({ isGrowth, perHour }: Growth): number => (isGrowth ? perHour : 0);
  return [
    ...restGate(daemon),
    { figure: 'rssGrowth', value: beyondChance(rss) },
    { figure: 'anonymousGrowth', value: beyondChance(anonymous) },
    { figure: 'descriptorGrowth', value: grown(descriptors) },
    { figure: 'threadGrowth', value: grown(threads) },
  ];
}

export function soakTable(figures: SoakFigures, verdicts: RestVerdicts): Table {
  const { daemon, rss, anonymous, rssBytes, anonymousBytes, descriptors, threads } = figures;
  const memory = (title: string, { first, last }: Course, { median, p95, max }: Summary, growth: Growth): string[] => [
    title,
    ...[first, last, median, p95, max].map(megabytes),
    ...[growth.perHour, growth.errorPerHour].map((kilobytes) => kilobytes.toFixed(0)),
    growth.isGrowth ? 'GROWS' : 'no growth beyond chance',
  ];
  const counts = (title: string, course: Course, { median, p95, max }: Summary): string[] => [
    title,
    ...[course.first, course.last, median, p95, max].map(String),
    ...['', '', grown(course) > 0 ? 'GROWS' : 'no growth'],
  ];
  const single = (title: string, value: string, target: string): string[] => {
    return [title, '', '', '', '', value, '', '', '', target];
  };
  return {
    columns: [
      left('figure'),
      ...['first', 'last', 'median', 'p95', 'max', 'KB/h', '± error'].map(right),
      left('growth'),
      left('target of the design document'),
    ],
    rows: [
      [...memory('RSS, MB', rssBytes, daemon.rssBytes, rss), inWords(verdicts.rss)],
      single('RSS, peak, MB', megabytes(daemon.peakRssBytes), inWords(verdicts.peak)),
      memory('anonymous, MB', anonymousBytes, daemon.anonymousBytes, anonymous),
      counts('open descriptors', descriptors, daemon.descriptors),
      counts('threads', threads, daemon.threads),
      single('CPU, % of one core', percent(daemon.cpuPercent), inWords(verdicts.cpu)),
    ],
  };
}
