/**
 * The host's figures as families of metrics. Pure. Names of node_exporter (`node_`) stand only where ours mean the
 * very same; what is counted otherwise is called `daemon_host_`, and what the host does not give is left out.
 */
import type { MetricRow, MetricValues, Sample } from '../../shared/contracts/metrics.ts';
import type { Family, Labels, Series } from './exposition.ts';

/** Name of the family → key of the sample or row, and the text. */
interface Shown {
  name: string;
  type: Family['type'];
  key: string;
  help: string;
}

const LOAD: Shown[] = [1, 5, 15].map((minutes) => ({
  name: `node_load${minutes}`,
  type: 'gauge',
  key: `load${minutes}`,
  help: `${minutes}m load average.`,
}));

const CPU_MODES = ['user', 'nice', 'system', 'idle', 'iowait', 'irq', 'softirq', 'steal', 'guest'];

const MEMORY: Shown[] = [
  ['MemTotal', 'total'],
  ['MemFree', 'free'],
  ['MemAvailable', 'available'],
  ['Buffers', 'buffers'],
  ['SwapTotal', 'swap_total'],
  ['SwapFree', 'swap_free'],
].map(([field = '', key = '']) => ({
  name: `node_memory_${field}_bytes`,
  type: 'gauge',
  key,
  help: `Memory information field ${field}_bytes.`,
}));

const FILE_SYSTEM: Shown[] = [
  { name: 'node_filesystem_size_bytes', type: 'gauge', key: 'total', help: 'Filesystem size in bytes.' },
  { name: 'node_filesystem_free_bytes', type: 'gauge', key: 'all_free', help: 'Filesystem free space in bytes.' },
  {
    name: 'node_filesystem_avail_bytes',
    type: 'gauge',
    key: 'free',
    help: 'Filesystem space available to non-root users in bytes.',
  },
  { name: 'node_filesystem_files', type: 'gauge', key: 'inodes_total', help: 'Filesystem total file nodes.' },
  { name: 'node_filesystem_files_free', type: 'gauge', key: 'inodes_free', help: 'Filesystem total free file nodes.' },
  {
    name: 'node_filesystem_device_error',
    type: 'gauge',
    key: 'silent',
    help: 'Whether an error occurred while getting statistics for the given device.',
  },
  {
    name: 'daemon_host_filesystem_read_bytes_total',
    type: 'counter',
    key: 'read_bytes',
    help: 'Bytes read from the block device of the filesystem since boot.',
  },
  {
    name: 'daemon_host_filesystem_written_bytes_total',
    type: 'counter',
    key: 'write_bytes',
    help: 'Bytes written to the block device of the filesystem since boot.',
  },
];

const NETWORK: Shown[] = [
  ['receive_bytes', 'bytes_recv'],
  ['receive_packets', 'packets_recv'],
  ['receive_errs', 'errin'],
  ['receive_drop', 'dropin'],
  ['transmit_bytes', 'bytes_sent'],
  ['transmit_packets', 'packets_sent'],
  ['transmit_errs', 'errout'],
  ['transmit_drop', 'dropout'],
].map(([field = '', key = '']) => ({
  name: `node_network_${field}_total`,
  type: 'counter',
  key,
  help: `Network device statistic ${field}.`,
}));

/** Those of samples that are not too old, a sample a collector. */
export function hostFamilies(samples: readonly Sample[]): Family[] {
  const values = (collector: string): MetricValues =>
    samples.find((sample) => sample.collector === collector)?.values ?? {};
  const [cpu, memory] = [values('cpu'), values('memory')];
  const disks = rowsOf(values('disk'), 'disks').map(withFree);
  const interfaces = rowsOf(values('network'), 'interfaces');
  return [
    {
      name: 'daemon_host_cpu_seconds_total',
      type: 'counter',
      help: 'Seconds that all CPUs together spent in each mode since boot; guest is not in user and nice.',
      series: CPU_MODES.flatMap((mode) => seriesOf(cpu[mode], { mode })),
    },
    {
      name: 'daemon_host_cpus',
      type: 'gauge',
      help: 'CPUs that are online.',
      series: seriesOf(cpu['cores'], {}),
    },
    ...LOAD.map((shown) => family(shown, [cpu], () => ({}))),
    ...MEMORY.map((shown) => family(shown, [memory], () => ({}))),
    ...FILE_SYSTEM.map((shown) =>
      family(shown, disks, (row) => ({
        device: textOf(row['device']),
        mountpoint: textOf(row['mountpoint']),
        fstype: textOf(row['fstype']),
      })),
    ),
    ...NETWORK.map((shown) => family(shown, interfaces, (row) => ({ device: textOf(row['interface']) }))),
  ];
}

type Values = Readonly<Record<string, unknown>>;

const textOf = (value: unknown): string => (typeof value === 'string' ? value : '');

function rowsOf(values: MetricValues, list: string): MetricRow[] {
  const rows = values[list];
  return Array.isArray(rows) ? rows : [];
}

/** With what is free to root too, and whether it keeps silent. */
function withFree(row: MetricRow): Values {
  const { total, used, responding } = row;
  return {
    ...row,
    ...(typeof total === 'number' && typeof used === 'number' ? { all_free: total - used } : {}),
    ...(typeof responding === 'number' ? { silent: responding === 1 ? 0 : 1 } : {}),
  };
}

function seriesOf(value: unknown, labels: Labels): Series[] {
  return typeof value === 'number' && Number.isFinite(value) ? [{ labels, value }] : [];
}

function family({ name, type, key, help }: Shown, rows: readonly Values[], labels: (row: Values) => Labels): Family {
  return { name, type, help, series: rows.flatMap((row) => seriesOf(row[key], labels(row))) };
}
