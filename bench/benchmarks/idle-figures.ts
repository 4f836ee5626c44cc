/** From samples of the daemon and of the floor to the figures and rows of the idle benchmark. Pure. */
import type { CgroupMemory } from '../cgroup.ts';
import type { Series } from '../chart.ts';
import type { Measured } from '../gate.ts';
import type { Reading } from '../process-figures.ts';
import type { Work } from '../resting-work.ts';
import { cpuPercent, ratio, type Summary, summarise } from '../statistics.ts';
import { left, megabytes, right, type Table, times } from '../table.ts';
import { inWords, judge, type Verdict } from '../targets.ts';
import type { Watched } from '../watch.ts';

export interface ProcessFigures {
  rssBytes: Summary;
  anonymousBytes: Summary;
  fileBackedBytes: Summary;
  pssBytes: Summary;
  threads: Summary;
  descriptors: Summary;
  /** At the end of the window. */
  peakRssBytes: number;
  /** The most that was seen. */
  sharedMemoryBytes: number;
  cpuPercent: number;
  minorFaultsPerMinute: number;
  elapsedMs: number;
}

export interface IdleFigures {
  daemon: ProcessFigures;
  floor: ProcessFigures;
  /** Whether the peaks of both could be set back after the warm-up. */
  peaksAreOfWindow: boolean;
  /** Of the daemon's, accepted by the Manager in the window. */
  work: Work;
  /** At the end; null where the daemon has no control group of its own. */
  cgroup: CgroupMemory | null;
  /** Whether the daemon has one open at the end. */
  userfaultfd: boolean;
}

/** Of a daemon at rest, however long. */
export interface RestVerdicts {
  rss: Verdict;
  peak: Verdict;
  cpu: Verdict;
}

export function idleFigures({ readings, cpuTicks, minorFaults, elapsedMs }: Watched): ProcessFigures {
  const of = (key: keyof Reading): Summary => summarise(readings.map((reading) => reading[key]));
  return {
    rssBytes: of('rssBytes'),
    anonymousBytes: of('anonymousBytes'),
    fileBackedBytes: of('fileBackedBytes'),
    pssBytes: of('pssBytes'),
    threads: of('threads'),
    descriptors: of('descriptors'),
    peakRssBytes: of('peakRssBytes').max,
    sharedMemoryBytes: of('sharedMemoryBytes').max,
    cpuPercent: cpuPercent(cpuTicks, elapsedMs),
    minorFaultsPerMinute: Math.round((minorFaults * 60_000) / elapsedMs),
    elapsedMs,
  };
}

export function rssSeries(name: string, { readings, atMs }: Watched): Series {
  return { name, points: readings.map(({ rssBytes }, at) => ({ atMs: atMs[at] ?? 0, bytes: rssBytes })) };
}

/** `peakIsOfWindow`: where it could not be set back, it is that since the start. */
export function restVerdicts(daemon: ProcessFigures, peakIsOfWindow: boolean): RestVerdicts {
  const since = peakIsOfWindow ? '' : ', since the start';
  return {
    rss: judge('idleMemory', 'RSS, maximum of the samples', daemon.rssBytes.max / 1e6),
    peak: judge('idleMemory', `RSS, the kernel's peak${since}`, daemon.peakRssBytes / 1e6),
    cpu: judge('idleCpu', 'CPU over the window', daemon.cpuPercent),
  };
}

export function restGate(daemon: ProcessFigures): Measured[] {
  return [
    { figure: 'rssMedian', value: daemon.rssBytes.median / 1e6 },
    { figure: 'rssP95', value: daemon.rssBytes.p95 / 1e6 },
    { figure: 'rssPeak', value: daemon.peakRssBytes / 1e6 },
    { figure: 'anonymousMedian', value: daemon.anonymousBytes.median / 1e6 },
    { figure: 'cpu', value: daemon.cpuPercent },
  ];
}

const count = (value: number): string => String(value);
export const percent = (value: number): string => value.toFixed(2);

export function idleTable({ daemon, floor }: IdleFigures, verdicts: RestVerdicts): Table {
  const distribution = (title: string, of: (figures: ProcessFigures) => Summary, show = megabytes): string[] => {
    const { min, median, p95, max } = of(daemon);
    const { median: floorMedian } = of(floor);
    return [title, ...[min, median, p95, max, floorMedian].map(show), times(ratio(median, floorMedian))];
  };
  const single = (
    title: string,
    of: (figures: ProcessFigures) => number,
    show: (value: number) => string,
  ): string[] => {
    const [value, floorValue] = [of(daemon), of(floor)];
    return [title, '', '', '', show(value), show(floorValue), times(ratio(value, floorValue))];
  };
  return {
    columns: [
      left('figure'),
      ...['min', 'median', 'p95', 'max', 'floor', 'ratio'].map(right),
      left('target of the design document'),
    ],
    rows: [
      [...distribution('RSS, MB', ({ rssBytes }) => rssBytes), inWords(verdicts.rss)],
      distribution('  anonymous, MB', ({ anonymousBytes }) => anonymousBytes),
      distribution('  file-backed, MB', ({ fileBackedBytes }) => fileBackedBytes),
      [...single('RSS, peak, MB', ({ peakRssBytes }) => peakRssBytes, megabytes), inWords(verdicts.peak)],
      distribution('PSS, MB', ({ pssBytes }) => pssBytes),
      distribution('threads', ({ threads }) => threads, count),
      distribution('open descriptors', ({ descriptors }) => descriptors, count),
      single('minor faults a minute', ({ minorFaultsPerMinute }) => minorFaultsPerMinute, count),
      [...single('CPU, % of one core', (figures) => figures.cpuPercent, percent), inWords(verdicts.cpu)],
    ],
  };
}
