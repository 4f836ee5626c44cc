/**
 * Round trips by the daemon's own link: from handing a call to it until the answer is there. One call at a time, after a
 * pause, as a daemon at rest sends them.
 */
import { encoded } from '../../src/main/link/queue/report-entry.ts';
import type { MetricData } from '../../src/shared/gen/manager.ts';
import { withScope } from '../bounded.ts';
import { fullReport } from '../collections.ts';
import { heartbeat as beat, connect, roundTrips, WARM_UP_CALLS } from '../manager-calls.ts';
import { type Summary, summarise } from '../statistics.ts';
import type { DaemonParts } from './daemon-parts.ts';
import type { Measurements, RoundTripsMeasured } from './order.ts';

const COLLECT_DEADLINE_MS = 30_000;

const valuesIn = (metrics: readonly MetricData[]): number => metrics.reduce((sum, { values }) => sum + values.size, 0);
const bytesIn = (metrics: readonly MetricData[]): number => {
  return metrics.reduce((sum, metric) => sum + encoded(metric).length, 0);
};

/** A thread is started for each collection, and has ended when they are there. */
async function reportOf(parts: DaemonParts): Promise<MetricData[]> {
  const { signal } = parts;
  const runner = parts.runner();
  try {
    return await fullReport(signal, (tasks) =>
      runner.run('collect', tasks, { deadlineMs: COLLECT_DEADLINE_MS, signal }),
    );
  } finally {
    await runner.close();
  }
}

export function measureRoundTrips(
  parts: DaemonParts,
  input: Measurements['report']['input'],
): Promise<RoundTripsMeasured> {
  const { signal } = parts;
  const { pauseMs, calls: count, delayedCalls } = input;
  const measured = async (calls: number, call: () => Promise<void>): Promise<Summary> => {
    const took = await roundTrips(call, { calls: WARM_UP_CALLS + calls, pauseMs, signal });
    return summarise(took.slice(WARM_UP_CALLS));
  };
  return withScope(async (scope) => {
    const calls = await connect(scope, input, signal);
    const metrics = await reportOf(parts);
    const heartbeat = await measured(count, () => beat(calls));
    const full = await measured(count, () => calls.report(metrics.map(encoded)));
    const far: RoundTripsMeasured['far'] = [];
    for (const { delayMs, port } of input.far) {
      // a connection of its own, which ends before the next one is made
      const report = await withScope(async (inner) => {
        const distant = await connect(inner, input, signal, port);
        return measured(delayedCalls, () => distant.report(metrics.map(encoded)));
      });
      far.push({ delayMs, report });
    }
    return { heartbeat, full, far, valuesInReport: valuesIn(metrics), bytesOfReport: bytesIn(metrics) };
  });
}
