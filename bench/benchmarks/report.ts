/**
 * Round trips to a Manager in its own process over mutual TLS on loopback, by the daemon's own link: from handing a
 * call to it until the answer is there. One call at a time, after a pause, as a daemon at rest sends them.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { toWireMetric } from '../../src/main/link/wire-values.ts';
import type { MetricData } from '../../src/shared/gen/manager.ts';
import { collect } from '../../src/workers/collect/collect.ts';
import { withScope } from '../bounded.ts';
import { BenchHost } from '../host.ts';
import { heartbeat as beat, connect, roundTrips, WARM_UP_CALLS } from '../manager-calls.ts';
import type { BenchContext, BenchReport } from '../report.ts';
import { type Summary, summarise } from '../statistics.ts';
import { left, milliseconds, right } from '../table.ts';
import { inWords, judge } from '../targets.ts';

/** Time between starting counters and figures, as in the daemon. */
const PRIME_MS = 1000;

/** What the four collectors of this host give, as it goes to the Manager. */
export async function fullReport(signal: AbortSignal): Promise<MetricData[]> {
  const names = ['cpu', 'memory', 'disk', 'network'];
  const first = await collect(names.map((name) => ({ name, state: null })));
  await sleep(PRIME_MS, undefined, { signal });
  const second = await collect(first.map(({ name, state }) => ({ name, state })));
  const metrics = second.flatMap(({ sample }) => (sample ? (toWireMetric(sample) ?? []) : []));
  if (metrics.length !== names.length) {
    throw new Error(`a full report has ${names.join(', ')}; this one ${metrics.map(({ type }) => type).join(', ')}`);
  }
  return metrics;
}

/** Of calls one at a time, as many as `report` makes. */
export async function measured({ settings, signal }: BenchContext, call: () => Promise<void>): Promise<Summary> {
  const { calls, pauseMs } = settings.report;
  const took = await roundTrips(call, { calls: WARM_UP_CALLS + calls, pauseMs, signal });
  return summarise(took.slice(WARM_UP_CALLS));
}

export function report(context: BenchContext): Promise<BenchReport> {
  return withScope(async (scope) => {
    const { bundles, signal } = context;
    const calls = await connect(scope, await BenchHost.start(scope, { bundles, signal }), signal);
    const metrics = await fullReport(signal);
    const heartbeat = await measured(context, () => beat(calls));
    const full = await measured(context, () => calls.report(metrics));
    const verdict = judge('report', 'full report, maximum', full.max);
    const row = (title: string, { n, median, p99, max }: Summary, target = ''): string[] => {
      return [title, String(n), ...[median, p99, max].map(milliseconds), target];
    };
    const values = metrics.reduce((sum, metric) => sum + metric.values.size, 0);
    return {
      name: 'report',
      title: 'round trips to the Manager on this machine, in milliseconds',
      table: {
        columns: [left('call'), ...['n', 'median', 'p99', 'max'].map(right), left('target of the design document')],
        rows: [row('heartbeat', heartbeat), row('full report', full, inWords(verdict))],
      },
      notes: [
        `A full report is one sample of each collector of this host, ${values} values in all.`,
        'Mutual TLS 1.3 on loopback: no network in between.',
      ],
      verdicts: [verdict],
      figures: { unit: 'ms', heartbeat, report: full, valuesInReport: values },
    };
  });
}
