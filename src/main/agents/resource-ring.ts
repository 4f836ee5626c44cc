/**
 * The last hour of one agent's resource use, in memory of a fixed size: a point a check, but none closer than ten
 * seconds. About 7 KB at the usual 30 s, 20 KB at most.
 */
import type { ResourceUsage } from '../../shared/contracts/health.ts';

export interface ResourcePoint extends Omit<ResourceUsage, 'threads'> {
  /** Unix seconds. */
  atSeconds: number;
}

const HOUR_MS = 3_600_000;
const CLOSEST_MS = 10_000;
/** Figures of a point: its time and six more. */
const WIDTH = 7;

const packed = (figure: number | null): number => figure ?? Number.NaN;
const unpacked = (figure: number): number | null => (Number.isNaN(figure) ? null : figure);

export class ResourceRing {
  readonly #figures: Float64Array;
  readonly #capacity: number;
  /** Every so many checks one point is kept. */
  readonly #stride: number;
  #added = 0;
  #kept = 0;

  constructor(checkIntervalMs: number) {
    this.#stride = Math.max(1, Math.ceil(CLOSEST_MS / checkIntervalMs));
    this.#capacity = Math.ceil(HOUR_MS / (checkIntervalMs * this.#stride)) + 1;
    this.#figures = new Float64Array(this.#capacity * WIDTH);
  }

  /** How many points fit. */
  get capacity(): number {
    return this.#capacity;
  }

  add(atSeconds: number, usage: ResourceUsage): void {
    if (this.#added++ % this.#stride !== 0) return;
    const { cpuPercent, rssBytes, vmsBytes, diskReadBytes, diskWriteBytes, openFiles } = usage;
    const point = [cpuPercent, rssBytes, vmsBytes, diskReadBytes, diskWriteBytes, openFiles].map(packed);
    this.#figures.set([atSeconds, ...point], (this.#kept++ % this.#capacity) * WIDTH);
  }

  /**
   * The points of the last `seconds` (0: the last hour), oldest first. None lies in the future: a clock that was set
   * back hides those of the time before until it has come there again.
   */
  since(seconds: number, nowSeconds: number): ResourcePoint[] {
    const from = nowSeconds - (seconds > 0 ? seconds : HOUR_MS / 1000);
    const points: ResourcePoint[] = [];
    for (let index = 0; index < Math.min(this.#kept, this.#capacity); index++) {
      const point = this.#at(index);
      if (point.atSeconds > from && point.atSeconds <= nowSeconds) points.push(point);
    }
    return points.sort((a, b) => a.atSeconds - b.atSeconds);
  }

  #at(index: number): ResourcePoint {
    const figure = (place: number): number => this.#figures[index * WIDTH + place] ?? 0;
    return {
      atSeconds: figure(0),
      cpuPercent: unpacked(figure(1)),
      rssBytes: figure(2),
      vmsBytes: figure(3),
      diskReadBytes: unpacked(figure(4)),
      diskWriteBytes: unpacked(figure(5)),
      openFiles: unpacked(figure(6)),
    };
  }
}
