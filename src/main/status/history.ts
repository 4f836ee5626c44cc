/**
 * The last hour of this host's figures, in memory of a fixed size (29 KB): the mean of each quarter of a minute. Time
 * is that of the samples, on the wall clock; where that is set back, the curves begin anew.
 */
import type { MetricRow, Sample } from '../../shared/contracts/metrics.ts';
import {
  HISTORY_NAMES,
  type HistoryName,
  type HistoryPoint,
  type HistorySeries,
} from '../../shared/contracts/status-page.ts';

const HOUR_MS = 3_600_000;
const SLOT_MS = 15_000;
const SLOTS = HOUR_MS / SLOT_MS;

/** A ring of slots: each the time of its last sample, how many samples it is the mean of, and the means. */
class SlotRing {
  readonly #figures: Float64Array;
  readonly #width: number;
  #kept = 0;

  constructor(figures: number) {
    this.#width = figures + 2;
    this.#figures = new Float64Array(SLOTS * this.#width);
  }

  get bytes(): number {
    return this.#figures.byteLength;
  }

  /** One figure for each of the series; NaN: none this time. */
  add(atMs: number, figures: readonly number[]): void {
    const newest = this.#kept > 0 ? this.#slot(this.#kept - 1) : null;
    const slotOf = (ms: number): number => Math.floor(ms / SLOT_MS);
    const age = newest ? slotOf(atMs) - slotOf(newest[0] ?? 0) : 1;
    if (newest && age === 0) {
      const count = newest[1] ?? 0;
      for (const [place, figure] of figures.entries()) {
        if (Number.isNaN(figure)) continue;
        const mean = newest[place + 2] ?? Number.NaN;
        newest[place + 2] = Number.isNaN(mean) ? figure : mean + (figure - mean) / (count + 1);
      }
      newest[0] = atMs;
      newest[1] = count + 1;
      return;
    }
    if (age < 0) this.#kept = 0;
    this.#slot(this.#kept++).set([atMs, 1, ...figures]);
  }

  since(fromMs: number, toMs: number): HistoryPoint[] {
    const points: HistoryPoint[] = [];
    for (let index = Math.max(0, this.#kept - SLOTS); index < this.#kept; index++) {
      const [atMs = 0, , ...figures] = this.#slot(index);
      if (atMs < fromMs || atMs > toMs) continue;
      points.push([atMs, ...figures.map((figure) => (Number.isNaN(figure) ? null : figure))]);
    }
    return points;
  }

  #slot(index: number): Float64Array {
    const at = (index % SLOTS) * this.#width;
    return this.#figures.subarray(at, at + this.#width);
  }
}

export class History {
  readonly #rings: Record<HistoryName, SlotRing> = {
    cpu: new SlotRing(HISTORY_NAMES.cpu.length),
    memory: new SlotRing(HISTORY_NAMES.memory.length),
    disk: new SlotRing(HISTORY_NAMES.disk.length),
    network: new SlotRing(HISTORY_NAMES.network.length),
  };

  /** Of everything that it will ever hold. */
  get bytes(): number {
    return Object.values(this.#rings).reduce((sum, { bytes }) => sum + bytes, 0);
  }

  /** Samples of other collectors, and those without a figure, are passed over. */
  add({ collector, timestampMs, values }: Sample): void {
    if (!isHistoryName(collector)) return;
    const figures = FIGURES[collector](values);
    if (!figures.every(Number.isNaN)) this.#rings[collector].add(timestampMs, figures);
  }

  view(nowMs: number): Record<HistoryName, HistorySeries> {
    // a sample of this very moment may carry a time that is a little later
    const series = (name: HistoryName): HistorySeries => ({
      names: HISTORY_NAMES[name],
      points: this.#rings[name].since(nowMs - HOUR_MS, nowMs + SLOT_MS),
    });
    return { cpu: series('cpu'), memory: series('memory'), disk: series('disk'), network: series('network') };
  }
}

function isHistoryName(name: string): name is HistoryName {
  return Object.hasOwn(HISTORY_NAMES, name);
}

type Values = Sample['values'];

const number = (value: unknown): number => (typeof value === 'number' ? value : Number.NaN);
const rowsOf = (list: unknown): MetricRow[] => (Array.isArray(list) ? list : []);

/** NaN where no row has the figure. */
function sum(rows: readonly MetricRow[], key: string): number {
  const figures = rows.map((row) => number(row[key])).filter((figure) => !Number.isNaN(figure));
  return figures.length === 0 ? Number.NaN : figures.reduce((total, figure) => total + figure, 0);
}

/** A device that is mounted twice reads and writes once. */
function oncePerDevice(rows: readonly MetricRow[]): MetricRow[] {
  return [...new Map(rows.map((row) => [row['device'], row])).values()];
}

const FIGURES: Record<HistoryName, (values: Values) => number[]> = {
  cpu: (values) => [number(values['usage_percent'])],
  memory: (values) => [number(values['used_percent'])],
  disk: (values) => {
    const rows = rowsOf(values['disks']);
    const used = rows.map((row) => number(row['used_percent'])).filter((figure) => !Number.isNaN(figure));
    const devices = oncePerDevice(rows);
    return [
      used.length === 0 ? Number.NaN : Math.max(...used),
      sum(devices, 'read_bytes_per_second'),
      sum(devices, 'write_bytes_per_second'),
    ];
  },
  network: (values) => {
    const rows = rowsOf(values['interfaces']);
    return [sum(rows, 'bytes_recv_per_second'), sum(rows, 'bytes_sent_per_second')];
  },
};
