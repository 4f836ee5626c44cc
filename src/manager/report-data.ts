/**
 * The `data` of proto.DaemonService's ReportMetrics: JSON, a map of collector name to {name, timestamp (RFC 3339),
 * values}, as the design document's `Metrics` (3.2.1). Pure: gives the entries, or throws an Error that says what is
 * wrong, in which case nothing of it is taken.
 */
import type { ReportedMetric } from '../shared/contracts/manager-events.ts';

/** RFC 3339, 5.6: with a time zone, always. */
const RFC_3339 = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/i;

type JsonObject = Record<string, unknown>;

function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function unixSeconds(text: unknown, where: string): number {
  const ms = typeof text === 'string' && RFC_3339.test(text) ? Date.parse(text) : Number.NaN;
  if (Number.isNaN(ms)) throw new Error(`${where}.timestamp is no time as RFC 3339 has it`);
  return Math.floor(ms / 1000);
}

function entry(collector: string, value: unknown): ReportedMetric {
  if (!isObject(value)) throw new Error(`${collector} is not an object`);
  const { name, timestamp, values } = value;
  if (name !== collector) throw new Error(`${collector}.name is not ${collector}`);
  if (!isObject(values)) throw new Error(`${collector}.values is not an object`);
  const figures: Record<string, number> = {};
  for (const [key, figure] of Object.entries(values)) {
    if (typeof figure !== 'number') throw new Error(`${collector}.${key} is not a number`);
    figures[key] = figure;
  }
  return { type: collector, timestamp: unixSeconds(timestamp, collector), values: figures };
}

function parsed(data: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(data).toString('utf8'));
  } catch (cause) {
    throw new Error('data is not JSON', { cause });
  }
}

export function parseReportData(data: Uint8Array): ReportedMetric[] {
  const map = parsed(data);
  if (!isObject(map)) throw new Error('data is not a map of collectors');
  return Object.entries(map).map(([collector, value]) => entry(collector, value));
}
