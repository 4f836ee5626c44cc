/** A report as `proto.DaemonService` has it: the JSON bytes of the design document's `Metrics` by name (3.2.1). Pure. */
import type { MetricData } from '../../shared/gen/manager.ts';

/** Of one second and of different types: one of each name has room in the map. */
export function metricsJson(metrics: readonly MetricData[]): Buffer {
  const named = metrics.map(({ type, timestamp, values }) => [
    type,
    { name: type, timestamp: new Date(timestamp * 1000).toISOString(), values: Object.fromEntries(values) },
  ]);
  return Buffer.from(JSON.stringify(Object.fromEntries(named)));
}
