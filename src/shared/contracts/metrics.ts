/**
 * What collectors give, in the shape of the design document (3.2): a name, a time and values. Numbers are finite;
 * a figure that could not be had is left out rather than invented.
 */
export type MetricRow = Record<string, number | string>;

/** Scalars by name, and lists of rows for what exists several times (`disks`, `interfaces`). */
export type MetricValues = Record<string, number | string | MetricRow[]>;

export interface Sample {
  /** Name of the collector: `cpu`, `memory`, `disk`, `network`, or a plugin's. */
  collector: string;
  /** Wall clock, Unix milliseconds, when the counters were read. */
  timestampMs: number;
  /** How long the collector took. */
  durationMs: number;
  values: MetricValues;
}
