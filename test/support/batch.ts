/** What a batch of the report queue holds. */
import type { Batch } from '../../src/main/link/queue/report-queue.ts';
import { MetricData } from '../../src/shared/gen/manager.ts';

export function metricsOf(batch: Batch): MetricData[] {
  return batch.entries.map((entry) => MetricData.decode(entry));
}

/** As they were added, by their second. */
export function seconds(batch: Batch | null): number[] {
  return batch ? metricsOf(batch).map(({ timestamp }) => timestamp) : [];
}
