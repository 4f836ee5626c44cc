/** The figures of the stress load as a table. Pure. */
import type { BenchReport } from '../report.ts';
import type { StressCounts, StressFigures } from '../stress/order.ts';
import { left, megabytes, right, type Table } from '../table.ts';

export const STRESS = { name: 'stress', title: 'pages given back each 5 ms under full load' } as const;

const TITLES: Record<keyof StressCounts, string> = {
  threadGivings: 'pages given back, by a thread',
  givings: 'pages given back, by the main thread',
  majorCollections: 'major collections of garbage',
  heartbeats: 'heartbeats',
  reports: 'full reports',
  collections: 'collections, a thread each',
  hashes: 'packages hashed and verified',
  logs: 'logs compressed and unpacked',
  children: 'agents started and reaped',
};

export function stressTable({ counts, elapsedMs, ...figures }: StressFigures): Table {
  const { minorFaults, majorFaults, beforeBytes, afterBytes } = figures;
  const counted = (title: string, times: number): string[] => [
    title,
    String(times),
    ((times * 1000) / elapsedMs).toFixed(1),
  ];
  const size = (title: string, bytes: number): string[] => [title, `${megabytes(bytes)} MB`, ''];
  return {
    columns: [left('all of it right'), right('in all'), right('a second')],
    rows: [
      ...(Object.keys(TITLES) as (keyof StressCounts)[]).map((name) => counted(TITLES[name], counts[name])),
      counted('minor faults', minorFaults),
      counted('major faults', majorFaults),
      size('RSS before giving back, median', beforeBytes.median),
      size('RSS after giving back, median', afterBytes.median),
      size('RSS before giving back, maximum', beforeBytes.max),
    ],
  };
}

export function stressNotes({ elapsedMs, ...figures }: StressFigures, mebibytes: number): string[] {
  const { ranges, withoutFaultAround, lockTableBytes, hotPages } = figures;
  return [
    `${(elapsedMs / 1000).toFixed(1)} s, all at the same time, one after another of each without a pause, in one process ` +
      'with the launcher’s flags.',
    `Given back each time: all ${ranges} ranges; each 5 ms by a thread that does nothing else, and as soon after 5 ms as ` +
      'its event loop was free by the main thread, as in the daemon. RSS is that around the latter.',
    withoutFaultAround > 0
      ? `Fault-around is off on ${withoutFaultAround} of them.`
      : `Fault-around stays ON (errno ${-withoutFaultAround}).`,
    `Besides, when a thread started and ended: ${hotPages} pages stayed then. Table of locks: ${megabytes(lockTableBytes)} MB given back.`,
    `Packages of ${mebibytes} MiB. The Manager had every call, and each report as the first.`,
  ];
}

/** `why`: what keeps pages from being given back here. Nothing was tried then, which is no success. */
export function stressNotRun(why: string): BenchReport {
  const notRun = `no pages can be given back here: ${why}`;
  return { ...STRESS, table: { columns: [], rows: [] }, notes: [], verdicts: [], notRun, figures: {} };
}
