/**
 * The link to a Manager in its own process over mutual TLS on loopback: round trips at rest, a backlog that is drained
 * when the Manager is back, the time that a return takes, and bytes on the wire a day.
 */
import { encoded } from '../../src/main/link/queue/report-entry.ts';
import { withScope } from '../bounded.ts';
import { BenchHost } from '../host.ts';
import { heartbeat as beat, connect } from '../manager-calls.ts';
import type { BenchContext, BenchReport } from '../report.ts';
import { type DrainRound, drainRound } from './link-drain.ts';
import { linkFigures, linkTable, linkVerdicts } from './link-figures.ts';
import { linkNotes } from './link-notes.ts';
import { wire } from './link-wire.ts';
import { fullReport, measured } from './report.ts';

export async function link(context: BenchContext): Promise<BenchReport> {
  const { settings, signal } = context;
  const metrics = await fullReport(signal);
  const roundTrips = await withScope(async (scope) => {
    const calls = await connect(scope, await BenchHost.start(scope, context), signal);
    const heartbeat = await measured(context, () => beat(calls));
    return { heartbeat, report: await measured(context, () => calls.report(metrics.map(encoded))) };
  });
  const rounds: DrainRound[] = [];
  for (let n = 1; n <= settings.link.drain.rounds; n++) {
    const isLast = n === settings.link.drain.rounds;
    rounds.push(await drainRound(context, metrics, isLast ? settings.link.returns : 0));
  }
  const figures = linkFigures({ roundTrips, entries: settings.link.drain.entries, rounds, wire: await wire(context) });
  const verdicts = linkVerdicts(figures);
  return {
    name: 'link',
    title: 'the link to the Manager on this machine',
    table: linkTable(figures, verdicts),
    notes: linkNotes(settings.link, figures),
    verdicts,
    figures: { ...figures },
  };
}
