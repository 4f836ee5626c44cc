/**
 * Round trips to a Manager in its own process over mutual TLS on loopback, by the daemon's own link, and the same with
 * delay on the way, which a report is to take once. Measured under the daemon's conditions, in a process of its own
 * (bench/inside); the delay is this process's.
 */
import type { Scope } from '../../src/shared/lifecycle/scope.ts';
import { withScope } from '../bounded.ts';
import { openDelayProxy } from '../delay-proxy.ts';
import { BenchHost } from '../host.ts';
import { type Inside, measureInside } from '../inside/run.ts';
import type { BenchContext, BenchReport } from '../report.ts';
import { judge } from '../targets.ts';
import { delayedFigures, reportTable } from './report-figures.ts';

/** A Manager is started for it. Everything ends with the scope. */
export async function roundTripsInside(
  scope: Scope,
  context: BenchContext,
  delaysMs: readonly number[],
): Promise<Inside<'report'>> {
  const host = await BenchHost.start(scope, context);
  const { folder, managerPort } = host;
  const far: { delayMs: number; port: number }[] = [];
  for (const delayMs of delaysMs) far.push({ delayMs, port: await openDelayProxy(scope, managerPort, delayMs) });
  return measureInside(scope, context, folder, 'report', { ...context.settings.report, folder, managerPort, far });
}

export async function report(context: BenchContext): Promise<BenchReport> {
  const { figures, notes } = await withScope((scope) => {
    return roundTripsInside(scope, context, context.settings.report.delaysMs);
  });
  const { heartbeat, full, valuesInReport, bytesOfReport } = figures;
  const far = figures.far.map((one) => delayedFigures(one.delayMs, one.report, full));
  const verdict = judge('report', 'full report, maximum', full.max);
  return {
    name: 'report',
    title: 'round trips to the Manager, in milliseconds',
    table: reportTable({ heartbeat, full, far }, verdict),
    notes: [
      `A full report is one sample of each collector of this host: ${valuesInReport} values, ${bytesOfReport} bytes.`,
      'Mutual TLS 1.3 on loopback: no network in between.',
      'Delays are those of a proxy in the harness, half of each there and half back. Less delay: the median without it. ' +
        'Delays taken: by how many of them its median is above that on loopback; a second round trip would make it two.',
      'The proxy holds bytes up, no more: a real network’s TCP would take another round trip for what is above some 14 KB.',
      ...notes,
    ],
    verdicts: [verdict],
    gate: [
      { figure: 'report', value: full.median },
      ...far.map(({ delaysTaken }) => ({ figure: 'reportDelaysTaken' as const, value: delaysTaken })),
    ],
    figures: { unit: 'ms', heartbeat, report: full, delayed: far, valuesInReport },
  };
}
