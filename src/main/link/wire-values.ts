/**
 * A sample as the Manager's MetricData wants it: one flat map of finite doubles (one NaN refuses the whole batch),
 * under the keys that its queries and pages read, and further keys `<mount or interface>.<key>`. Pure.
 */
import type { MetricRow, MetricValues, Sample } from '../../shared/contracts/metrics.ts';

export interface WireMetric {
  type: string;
  /** Unix seconds. */
  timestamp: number;
  values: Map<string, number>;
}

/** The Manager refuses a batch for one longer type. */
const LONGEST_TYPE = 20;

/** Key on the wire → our key. What is not listed keeps its own name. */
const MEMORY_KEYS = {
  usage_percent: 'used_percent',
  total_bytes: 'total',
  used_bytes: 'used',
  free_bytes: 'free',
  available_bytes: 'available',
};
const DISK_SUMS = {
  total_bytes: 'total',
  used_bytes: 'used',
  free_bytes: 'free',
  read_bytes: 'read_bytes',
  write_bytes: 'write_bytes',
  read_bytes_per_second: 'read_bytes_per_second',
  write_bytes_per_second: 'write_bytes_per_second',
};
const NETWORK_SUMS = {
  rx_bytes: 'rx_bytes',
  tx_bytes: 'tx_bytes',
  bytes_recv: 'bytes_recv',
  bytes_sent: 'bytes_sent',
  packets_recv: 'packets_recv',
  packets_sent: 'packets_sent',
  error_in: 'errin',
  error_out: 'errout',
  drop_in: 'dropin',
  drop_out: 'dropout',
};

type Flat = Map<string, number>;

function set(flat: Flat, key: string, value: number | string | undefined): void {
  if (typeof value === 'number' && Number.isFinite(value)) flat.set(key, value);
}

function rowsOf(values: MetricValues, key: string): MetricRow[] {
  const rows = values[key];
  return Array.isArray(rows) ? rows : [];
}

function setScalars(flat: Flat, values: MetricValues): void {
  for (const [key, value] of Object.entries(values)) if (!Array.isArray(value)) set(flat, key, value);
}

/** A row is called by its first string; one without is called by its list and place there. */
function setRows(flat: Flat, values: MetricValues): void {
  for (const [list, rows] of Object.entries(values)) {
    if (!Array.isArray(rows)) continue;
    for (const [index, row] of rows.entries()) {
      const name = Object.values(row).find((value) => typeof value === 'string') ?? `${list}.${index}`;
      for (const [key, value] of Object.entries(row)) set(flat, `${name}.${key}`, value);
    }
  }
}

/** Sums over the rows that have the figure; no sum where none has. */
function setSums(flat: Flat, rows: MetricRow[], sums: Record<string, string>): void {
  for (const [wireKey, key] of Object.entries(sums)) {
    const figures = rows.map((row) => row[key]).filter((figure) => typeof figure === 'number');
    const sum = figures.reduce((total, figure) => total + figure, 0);
    if (figures.length > 0) set(flat, wireKey, sum);
  }
}

/** One device shows the same figures at each place where it is mounted (btrfs subvolumes): it is summed once. */
function oncePerDevice(rows: MetricRow[]): MetricRow[] {
  const seen = new Set<string>();
  return rows.filter(({ device, fstype }) => {
    if (typeof device !== 'string' || !device.startsWith('/dev/')) return true;
    const place = `${fstype} ${device}`;
    return !seen.has(place) && seen.add(place);
  });
}

function setDisk(flat: Flat, values: MetricValues): void {
  // a mount that does not answer has no figures to add
  const rows = rowsOf(values, 'disks').filter((row) => row['responding'] !== 0);
  setSums(flat, oncePerDevice(rows), DISK_SUMS);
  const [used, free] = [flat.get('used_bytes') ?? 0, flat.get('free_bytes') ?? 0];
  if (used + free > 0) flat.set('usage_percent', (100 * used) / (used + free));
  flat.set('partition_count', rows.length);
}

function setNetwork(flat: Flat, values: MetricValues): void {
  const rows = rowsOf(values, 'interfaces');
  setSums(flat, rows, NETWORK_SUMS);
  flat.set('interface_count', rows.length);
}

function setMemory(flat: Flat, values: MetricValues): void {
  for (const [wireKey, key] of Object.entries(MEMORY_KEYS)) {
    const value = values[key];
    if (!Array.isArray(value)) set(flat, wireKey, value);
  }
}

/** Null where nothing finite is left: the Manager refuses an empty report. */
export function toWireMetric(sample: Sample): WireMetric | null {
  const { collector, timestampMs, values } = sample;
  const flat: Flat = new Map();
  setScalars(flat, values);
  setRows(flat, values);
  if (collector === 'memory') setMemory(flat, values);
  if (collector === 'disk') setDisk(flat, values);
  if (collector === 'network') setNetwork(flat, values);
  if (flat.size === 0) return null;
  return { type: collector.slice(0, LONGEST_TYPE), timestamp: Math.floor(timestampMs / 1000), values: flat };
}
