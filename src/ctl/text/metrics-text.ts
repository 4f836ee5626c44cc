/** Collected figures in words: of the built-in collectors what people look at, of plugins everything. Pure. */
import type { ControlVerbs } from '../../shared/contracts/control.ts';
import type { MetricRow, MetricValues, Sample } from '../../shared/contracts/metrics.ts';
import type { Table } from './table.ts';
import { percent, size, time } from './words.ts';

/** docs/metrics.md has all of them, and their units. */
const SHOWN: Record<string, readonly string[]> = {
  cpu: [
    'usage_percent',
    'user_percent',
    'system_percent',
    'iowait_percent',
    'steal_percent',
    'load1',
    'load5',
    'load15',
    'cores',
  ],
  memory: [
    'used_percent',
    'used',
    'available',
    'total',
    'cached',
    'swap_percent',
    'swap_used',
    'cgroup_limit',
    'cgroup_current',
  ],
  disk: [],
  network: [],
};
const SHOWN_COLUMNS: Record<string, readonly string[]> = {
  disks: [
    'mountpoint',
    'fstype',
    'used_percent',
    'used',
    'free',
    'total',
    'read_bytes_per_second',
    'write_bytes_per_second',
    'busy_percent',
  ],
  interfaces: ['interface', 'bytes_recv_per_second', 'bytes_sent_per_second', 'errin', 'errout', 'dropin', 'dropout'],
};
const MOST_COLUMNS = 8;
const BYTES = /bytes|^(total|used|free|available|cached|buffers|swap_(total|used|free)|cgroup_(limit|current))$/;

/** With its unit, as the name tells it. */
export function figure(name: string, value: number | string | undefined, ofBuiltIn: boolean): string {
  if (value === undefined) return '-';
  if (typeof value === 'string') return value;
  if (/percent$/.test(name)) return percent(value);
  if (/bytes/.test(name) || (ofBuiltIn && BYTES.test(name)))
    return size(value) + (/_per_second$/.test(name) ? '/s' : '');
  return String(Math.round(value * 100) / 100);
}

/** Single figures by name. */
export function scalarsOf({ collector, values }: Sample): [string, string][] {
  const names = SHOWN[collector] ?? Object.keys(values);
  return names.flatMap((name) => {
    const value = values[name];
    return value === undefined || Array.isArray(value) ? [] : [[name, figure(name, value, collector in SHOWN)]];
  });
}

/** Figures of what exists several times, a table each. */
export function tablesOf({ collector, values }: Sample): Table[] {
  return listsOf(values).map(([name, rows]) => {
    const all = [...new Set(rows.flatMap((row) => Object.keys(row)))];
    const columns = SHOWN_COLUMNS[name]?.filter((column) => all.includes(column)) ?? all.slice(0, MOST_COLUMNS);
    const head = columns.map((column) =>
      column.toUpperCase().replace('_PER_SECOND', '/S').replace('_PERCENT', ' %').replaceAll('_', ' '),
    );
    return {
      head,
      right: head.filter((_, n) => rows.some((row) => typeof row[columns[n] ?? ''] === 'number')),
      rows: rows.map((row) => columns.map((column) => figure(column, row[column], collector in SHOWN))),
    };
  });
}

function listsOf(values: MetricValues): [string, MetricRow[]][] {
  return Object.entries(values).flatMap(([name, value]) =>
    Array.isArray(value) && value.length > 0 ? [[name, value]] : [],
  );
}

/** What an agent used, a look a line, oldest first. */
export function usageTable(looks: ControlVerbs['usage']['output']): Table {
  return {
    head: ['TIME', 'CPU', 'MEMORY', 'READ', 'WRITTEN', 'FILES'],
    right: ['CPU', 'MEMORY', 'READ', 'WRITTEN', 'FILES'],
    rows: looks.map(({ timestamp, cpu, memoryRss, diskReadBytes, diskWriteBytes, openFiles }) => [
      ...[time(timestamp * 1000), percent(cpu), size(memoryRss), size(diskReadBytes), size(diskWriteBytes)],
      String(openFiles),
    ]),
  };
}
