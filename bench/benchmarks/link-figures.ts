/** From what was measured of the link to the figures and rows of the benchmark. Pure. */
import { ratio, type Summary, summarise } from '../statistics.ts';
import { left, megabytes, milliseconds, right, type Table, times } from '../table.ts';
import { inWords, judge, type Verdict } from '../targets.ts';
import type { WireFigures } from './link-bytes.ts';
import type { DrainRound } from './link-drain.ts';
import type { Return } from './link-log.ts';

export interface LinkMeasured {
  roundTrips: { heartbeat: Summary; report: Summary };
  /** Of each round. */
  entries: number;
  /** At least one; returns are those of all together. */
  rounds: readonly DrainRound[];
  wire: WireFigures;
}

export interface LinkFigures {
  /** In ms. */
  roundTrips: { heartbeat: Summary; report: Summary };
  drain: {
    entries: number;
    rounds: number;
    /** On disk, of one entry. */
    bytesOfEntry: number;
    entriesPerSecond: Summary;
    sinceReturnMs: Summary;
    /** Round trips, ms; null where no heartbeat fell into a drain. */
    heartbeat: { drain: Summary | null; rest: Summary };
    /** Of the medians. */
    heartbeatRatio: number | null;
    rssBytes: { before: Summary; peak: Summary; after: Summary };
    peakIsOfDrain: boolean;
  };
  /** In ms. */
  returns: Record<keyof Return, Summary>;
  wire: WireFigures;
}

export function linkFigures({ roundTrips, entries, rounds, wire }: LinkMeasured): LinkFigures {
  const of = (figure: (round: DrainRound) => number): Summary => summarise(rounds.map(figure));
  const beats = (which: keyof DrainRound['heartbeatsMs']): number[] => {
    return rounds.flatMap(({ heartbeatsMs }) => heartbeatsMs[which]);
  };
  const meanwhile = beats('drain');
  const heartbeat = { drain: meanwhile.length > 0 ? summarise(meanwhile) : null, rest: summarise(beats('rest')) };
  const returns = rounds.flatMap((round) => round.returns);
  const back = (which: keyof Return): Summary => summarise(returns.map((one) => one[which]));
  return {
    roundTrips,
    drain: {
      entries,
      rounds: rounds.length,
      bytesOfEntry: of(({ bytes }) => bytes).median / entries,
      entriesPerSecond: of(({ drainMs }) => (entries * 1000) / drainMs),
      sinceReturnMs: of((round) => round.sinceReturnMs),
      heartbeat,
      heartbeatRatio: heartbeat.drain && ratio(heartbeat.drain.median, heartbeat.rest.median),
      rssBytes: {
        before: of(({ rssBytes }) => rssBytes.before),
        peak: of(({ rssBytes }) => rssBytes.peak),
        after: of(({ rssBytes }) => rssBytes.after),
      },
      peakIsOfDrain: rounds.every(({ peakIsOfDrain }) => peakIsOfDrain),
    },
    returns: {
      connectedMs: back('connectedMs'),
      attemptMs: back('attemptMs'),
      heartbeatMs: back('heartbeatMs'),
    },
    wire,
  };
}

/** Empty where no heartbeat fell into a drain. */
export function linkVerdicts({ drain: { heartbeatRatio } }: LinkFigures): Verdict[] {
  if (heartbeatRatio === null) return [];
  return [judge('linkHeartbeat', 'heartbeat, median during a drain to median at rest', heartbeatRatio)];
}

const count = (value: number): string => value.toFixed(0);

export function linkTable({ roundTrips, drain, returns, wire }: LinkFigures, verdicts: readonly Verdict[]): Table {
  const row = (title: string, { n, median, p99, max }: Summary, show = milliseconds): string[] => {
    return [title, String(n), ...[median, p99, max].map(show)];
  };
  const target = verdicts[0] ? inWords(verdicts[0]) : '';
  const { heartbeat, rssBytes } = drain;
  const ofDay = (title: string, value: number): string[] => [title, '', megabytes(value), '', ''];
  return {
    columns: [left('figure'), ...['n', 'median', 'p99', 'max'].map(right), left('target')],
    rows: [
      row('heartbeat, ms', roundTrips.heartbeat),
      row('full report, ms', roundTrips.report),
      row('drain, entries a second', drain.entriesPerSecond, count),
      row('  from the return to its end, ms', drain.sinceReturnMs),
      ...(heartbeat.drain ? [row('  heartbeat meanwhile, ms', heartbeat.drain)] : []),
      row('  heartbeat at rest, ms', heartbeat.rest),
      ['  heartbeat, meanwhile to at rest', '', times(drain.heartbeatRatio), '', '', target],
      row('  RSS before, MB', rssBytes.before, megabytes),
      row('  RSS, peak meanwhile, MB', rssBytes.peak, megabytes),
      row('  RSS after, MB', rssBytes.after, megabytes),
      row('return to connected, ms', returns.connectedMs),
      row('  of which the attempt, ms', returns.attemptMs),
      row('connected to first heartbeat, ms', returns.heartbeatMs),
      ofDay('up a day, MB', wire.ofDay.up),
      ofDay('down a day, MB', wire.ofDay.down),
    ],
  };
}
