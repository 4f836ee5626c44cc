/** What makes a report fit to be sent: finite values, a whole second, and for one protocol one of each type. Pure. */
import { MetricData } from '../../../shared/gen/manager.ts';

/** Null where nothing that can be sent is left: one NaN or Infinity refuses the whole batch. */
export function finite(metric: MetricData): MetricData | null {
  if (!Number.isSafeInteger(metric.timestamp)) return null;
  const values = [...metric.values].filter(([, value]) => Number.isFinite(value));
  return values.length === 0 ? null : { ...metric, values: new Map(values) };
}

/**
 * How many from the front on can go as one batch; 0: the first is no report. `oneSecond`: of one second and of different
 * types. Else only the first is looked into, for reading all of them is most of what a backlog would cost: one further
 * back that is no report is refused, and then comes to be the first of a smaller batch.
 */
export function fitting(payloads: readonly Buffer[], oneSecond: boolean): number {
  const metrics: MetricData[] = [];
  for (const payload of payloads.slice(0, oneSecond ? payloads.length : 1)) {
    const metric = decoded(payload);
    if (!metric) break;
    metrics.push(metric);
  }
  if (oneSecond) return ofOneSecond(metrics);
  return metrics.length === 0 ? 0 : payloads.length;
}

function ofOneSecond(metrics: readonly MetricData[]): number {
  const types = new Set<string>();
  const other = metrics.findIndex(({ type, timestamp }) => {
    return timestamp !== metrics[0]?.timestamp || types.has(type) || !types.add(type);
  });
  return other < 0 ? metrics.length : other;
}

export function encoded(metric: MetricData): Buffer {
  const { buffer, byteOffset, length } = MetricData.encode(metric).finish();
  return Buffer.from(buffer, byteOffset, length);
}

/** Null where it is none. */
export function decoded(payload: Buffer): MetricData | null {
  try {
    return MetricData.decode(payload);
  } catch {
    return null; // the frame was whole, so that is what was written: of no use to anybody
  }
}
