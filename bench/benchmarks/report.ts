/**
 * Round trips to a Manager in its own process over mutual TLS on loopback, by the daemon's own link: from handing a
 * call to it until the answer is there. One call at a time, after a pause, as a daemon at rest sends them. Then the
 * same with delay on the way, which a report is to take once.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { encoded } from '../../src/main/link/queue/report-entry.ts';
import { toWireMetric } from '../../src/main/link/wire-values.ts';
import type { MetricData } from '../../src/shared/gen/manager.ts';
import { collect } from '../../src/workers/collect/collect.ts';
import { withScope } from '../bounded.ts';
import { openDelayProxy } from '../delay-proxy.ts';
import { BenchHost } from '../host.ts';
import { heartbeat as beat, connect, roundTrips, WARM_UP_CALLS } from '../manager-calls.ts';
import type { BenchContext, BenchReport } from '../report.ts';
import { type Summary, summarise } from '../statistics.ts';
import { judge } from '../targets.ts';
import { COLLECTORS } from './collect.ts';
import { type Delayed, delayedFigures, reportTable } from './report-figures.ts';

/** Time between starting counters and figures, as in the daemon. */
const PRIME_MS = 1000;

const valuesIn = (metrics: readonly MetricData[]): number => metrics.reduce((sum, { values }) => sum + values.size, 0);
/** On the wire, without what HTTP/2 and TLS add. */
const bytesIn = (metrics: readonly MetricData[]): number => {
  return metrics.reduce((sum, metric) => sum + encoded(metric).length, 0);
};

/** What the four collectors of this host give, as it goes to the Manager. */
export async function fullReport(signal: AbortSignal): Promise<MetricData[]> {
  const names = COLLECTORS;
  const first = await collect(names.map((name) => ({ name, state: null })));
  await sleep(PRIME_MS, undefined, { signal });
  const second = await collect(first.map(({ name, state }) => ({ name, state })));
  const metrics = second.flatMap(({ sample }) => (sample ? (toWireMetric(sample) ?? []) : []));
  if (metrics.length !== names.length) {
    throw new Error(`a full report has ${names.join(', ')}; this one ${metrics.map(({ type }) => type).join(', ')}`);
  }
  return metrics;
}

async function summaryOf(calls: number, { settings, signal }: BenchContext, call: () => Promise<void>) {
  const { pauseMs } = settings.report;
  const took = await roundTrips(call, { calls: WARM_UP_CALLS + calls, pauseMs, signal });
  return summarise(took.slice(WARM_UP_CALLS));
}

/** Of calls one at a time, as many as `report` makes. */
export function measured(context: BenchContext, call: () => Promise<void>): Promise<Summary> {
  return summaryOf(context.settings.report.calls, context, call);
}

/** Reports to the same Manager with that much added to each round trip. */
function delayed(context: BenchContext, host: BenchHost, metrics: MetricData[], delayMs: number): Promise<Summary> {
  return withScope(async (scope) => {
    const port = await openDelayProxy(scope, host.managerPort, delayMs);
    const calls = await connect(scope, host, context.signal, port);
    return summaryOf(context.settings.report.delayedCalls, context, () => calls.report(metrics.map(encoded)));
  });
}

export function report(context: BenchContext): Promise<BenchReport> {
  return withScope(async (scope) => {
    const { settings, signal } = context;
    const host = await BenchHost.start(scope, context);
    const calls = await connect(scope, host, signal);
    const metrics = await fullReport(signal);
    const heartbeat = await measured(context, () => beat(calls));
    const full = await measured(context, () => calls.report(metrics.map(encoded)));
    const far: Delayed[] = [];
    for (const delayMs of settings.report.delaysMs) {
      far.push(delayedFigures(delayMs, await delayed(context, host, metrics, delayMs), full));
    }
    const verdict = judge('report', 'full report, maximum', full.max);
    return {
      name: 'report',
      title: 'round trips to the Manager, in milliseconds',
      table: reportTable({ heartbeat, full, far }, verdict),
      notes: [
        `A full report is one sample of each collector of this host: ${valuesIn(metrics)} values, ${bytesIn(metrics)} bytes.`,
        'Mutual TLS 1.3 on loopback: no network in between.',
        'Delays are those of a proxy in this process, half of each there and half back. Less delay: the median without it. ' +
          'Delays taken: by how many of them its median is above that on loopback; a second round trip would make it two.',
        'The proxy holds bytes up, no more: a real network’s TCP would take another round trip for what is above some 14 KB.',
      ],
      verdicts: [verdict],
      gate: [{ figure: 'report', value: full.median }],
      figures: { unit: 'ms', heartbeat, report: full, delayed: far, valuesInReport: valuesIn(metrics) },
    };
  });
}
