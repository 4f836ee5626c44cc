/** What keeping the daemon small does to its heartbeats, as figures, a verdict and a table. Pure. */
import { ratio, type Summary, summarise } from '../statistics.ts';
import { left, milliseconds, right, type Table, times } from '../table.ts';
import { inWords, judge, type Verdict } from '../targets.ts';
import { heartbeatsMs, type LogLine } from './link-log.ts';

export const SIDES = ['full', 'off'] as const;
/** As `daemon.footprint` has it. */
export type Side = (typeof SIDES)[number];

export interface BeatingDaemon {
  side: Side;
  /** Milliseconds of each heartbeat that was answered in the window. */
  beatsMs: readonly number[];
  /** Whether it gave pages of files back. */
  givesPagesBack: boolean;
}

export interface HeartbeatFigures {
  /** Of all daemons of a side together, in milliseconds. */
  full: Summary;
  off: Summary;
  /** Full to off. */
  ratios: { median: number; p95: number; p99: number; max: number };
  /** How many of those with `full` gave pages back. */
  givingBack: number;
}

/** Of the heartbeats that are due: each wait is drawn up to a tenth longer, and follows the answer before. */
const LEAST_SHARE = 0.85;

/** Throws an Error where a daemon had too few heartbeats in the window: one that is not connected has no p99. */
export function daemonOf(
  side: Side,
  lines: readonly LogLine[],
  { fromMs, toMs, intervalMs }: { fromMs: number; toMs: number; intervalMs: number },
): BeatingDaemon {
  const beatsMs = heartbeatsMs(lines, fromMs, toMs);
  const least = Math.max(1, Math.floor(((toMs - fromMs) / intervalMs) * LEAST_SHARE));
  if (beatsMs.length < least) {
    const seconds = ((toMs - fromMs) / 1000).toFixed(1);
    throw new Error(
      `${beatsMs.length} heartbeats of a daemon with footprint ${side} were answered in ${seconds} s, at least ${least} were to be`,
    );
  }
  const givesPagesBack = lines.some(({ event, fields }) => event === 'footprint' && Number(fields['mappings']) > 0);
  return { side, beatsMs, givesPagesBack };
}

/** At least one daemon of each side. */
export function heartbeatFigures(daemons: readonly BeatingDaemon[]): HeartbeatFigures {
  const of = (side: Side): Summary => {
    return summarise(daemons.filter((one) => one.side === side).flatMap(({ beatsMs }) => beatsMs));
  };
  const [full, off] = [of('full'), of('off')];
  const compared = (key: keyof HeartbeatFigures['ratios']): number => {
    const found = ratio(full[key], off[key]);
    if (found === null) throw new Error('a heartbeat that took no time was not measured');
    return found;
  };
  const ratios = { median: compared('median'), p95: compared('p95'), p99: compared('p99'), max: compared('max') };
  const givingBack = daemons.filter(({ side, givesPagesBack }) => side === 'full' && givesPagesBack).length;
  return { full, off, ratios, givingBack };
}

export function heartbeatVerdict({ ratios }: HeartbeatFigures): Verdict {
  return judge('heartbeatFootprint', 'heartbeat’s round trip, p99, footprint full to off', ratios.p99);
}

export function heartbeatTable({ full, off, ratios }: HeartbeatFigures, verdict: Verdict): Table {
  const row = (title: string, { n, median, p95, p99, max }: Summary): string[] => {
    return [title, String(n), ...[median, p95, p99, max].map(milliseconds)];
  };
  return {
    columns: [left('footprint'), ...['n', 'median', 'p95', 'p99', 'max'].map(right), left('target, of the p99')],
    rows: [
      row('full', full),
      row('off', off),
      ['full to off', '', ...[ratios.median, ratios.p95, ratios.p99, ratios.max].map(times), inWords(verdict)],
    ],
  };
}
