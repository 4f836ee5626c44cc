/**
 * The link to a Manager in its own process over mutual TLS on loopback: round trips at rest, a backlog that is drained
 * when the Manager is back, the time that a return takes, and bytes on the wire a day.
 */
import { collect } from '../../src/workers/collect/collect.ts';
import { withScope } from '../bounded.ts';
import { fullReport } from '../collections.ts';
import type { BenchContext, BenchReport } from '../report.ts';
import { type DrainRound, drainRound } from './link-drain.ts';
import { linkFigures, linkTable, linkVerdicts } from './link-figures.ts';
import { linkNotes } from './link-notes.ts';
import { wire } from './link-wire.ts';
import { roundTripsInside } from './report.ts';

export async function link(context: BenchContext): Promise<BenchReport> {
  const { settings, signal } = context;
  const metrics = await fullReport(signal, (tasks) => collect(tasks));
  const roundTrips = await withScope(async (scope) => {
    const { heartbeat, full } = (await roundTripsInside(scope, context, [])).figures;
    return { heartbeat, report: full };
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
