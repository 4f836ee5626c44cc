/** Numbers as a person reads them, and a collector's values in one line. Pure. */
const SCALES = ['B', 'kB', 'MB', 'GB', 'TB', 'PB'];

export function bytes(value: number): string {
  let scaled = value;
  let scale = 0;
  while (Math.abs(scaled) >= 1000 && scale < SCALES.length - 1) {
    scaled /= 1000;
    scale++;
  }
  return `${scale === 0 ? Math.round(scaled) : scaled.toFixed(1)} ${SCALES[scale]}`;
}

export function percent(value: number): string {
  return `${value.toFixed(1)} %`;
}

export function milliseconds(value: number | null): string {
  if (value === null) return '-';
  return value < 10 ? `${value.toFixed(1)} ms` : `${Math.round(value)} ms`;
}

/** `42 s`, `3 min 5 s`, `2 h 4 min`. */
export function duration(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
  return `${Math.floor(seconds / 3600)} h ${Math.floor((seconds % 3600) / 60)} min`;
}

type Values = Record<string, number>;
type Part = (values: Values) => string | null;

/** A part whose figure is missing is left out. */
const part =
  (key: string, show: (value: number, values: Values) => string): Part =>
  (values) => {
    const value = values[key];
    return value === undefined ? null : show(value, values);
  };

const ofTotal = (value: number, { total_bytes: total }: Values): string =>
  total === undefined ? bytes(value) : `${bytes(value)} of ${bytes(total)}`;

const COLLECTOR_PARTS: Record<string, Part[]> = {
  cpu: [
    part('usage_percent', percent),
    part('cores', (cores) => `${cores} cores`),
    part('load1', (load) => `load ${load.toFixed(2)}`),
  ],
  memory: [
    part('usage_percent', percent),
    part('used_bytes', ofTotal),
    part('swap_used', (used) => `swap ${bytes(used)}`),
  ],
  disk: [
    part('usage_percent', percent),
    part('used_bytes', ofTotal),
    part('partition_count', (count) => `${count} file system${count === 1 ? '' : 's'}`),
  ],
  network: [
    part('rx_bytes', (received) => `in ${bytes(received)}`),
    part('tx_bytes', (sent) => `out ${bytes(sent)}`),
    part('interval_seconds', (seconds) => `over ${Math.round(seconds)} s`),
    part('interface_count', (count) => `${count} interface${count === 1 ? '' : 's'}`),
  ],
};

/** How many figures of a collector that is not known by name. */
const OTHERS = 3;

/** One line; empty where nothing was reported. */
export function collectorLine(name: string, values: Values): string {
  const parts = COLLECTOR_PARTS[name];
  if (!parts) {
    const first = Object.entries(values).slice(0, OTHERS);
    return first.map(([key, value]) => `${key} ${Number.isInteger(value) ? value : value.toFixed(2)}`).join('  ');
  }
  return parts.flatMap((show) => show(values) ?? []).join('  ');
}
