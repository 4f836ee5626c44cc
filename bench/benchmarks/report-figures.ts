/** Round trips with and without delay on the way, and how often a call took the delay. Pure. */
import type { Summary } from '../statistics.ts';
import { left, milliseconds, right, type Table } from '../table.ts';
import { inWords, type Verdict } from '../targets.ts';

/** Milliseconds. */
export interface Delayed {
  /** Added to each round trip. */
  delayMs: number;
  report: Summary;
  /** Median without the delay. */
  lessDelayMs: number;
  /** Median above that on loopback, in delays: 1 where the report took one round trip, 2 where it took two. */
  delaysTaken: number;
}

export interface RoundTripFigures {
  heartbeat: Summary;
  full: Summary;
  far: readonly Delayed[];
}

export function delayedFigures(delayMs: number, report: Summary, loopback: Summary): Delayed {
  const { median } = report;
  return { delayMs, report, lessDelayMs: median - delayMs, delaysTaken: (median - loopback.median) / delayMs };
}

/** `verdict`: of the full report on loopback. */
export function reportTable({ heartbeat, full, far }: RoundTripFigures, verdict: Verdict): Table {
  const row = (title: string, { n, median, p99, max }: Summary, ...more: string[]): string[] => {
    return [title, String(n), ...[median, p99, max].map(milliseconds), ...more];
  };
  return {
    columns: [
      left('call'),
      ...['n', 'median', 'p99', 'max', 'less delay', 'delays taken'].map(right),
      left('target of the design document'),
    ],
    rows: [
      row('heartbeat', heartbeat),
      row('full report', full, '', '', inWords(verdict)),
      ...far.map(({ delayMs, report, lessDelayMs, delaysTaken }) =>
        row(`  ${delayMs} ms away`, report, milliseconds(lessDelayMs), delaysTaken.toFixed(2)),
      ),
    ],
  };
}
