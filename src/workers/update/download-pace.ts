/**
 * How fast a download comes: slowed down to its limit, and given up where the other side is too slow. Only the time
 * that is spent waiting for the other side counts against it, not our own pauses and not the disk.
 */
import type { Clock } from '../../shared/platform/clock.ts';

/** A bucket that holds nothing: every byte is paid for in time, after it came. */
export class RateLimit {
  readonly #bytesPerMs: number;
  #paidUntilMs = Number.NEGATIVE_INFINITY;

  /** Bytes a second; 0: no limit. */
  constructor(bytesPerSecond: number) {
    this.#bytesPerMs = bytesPerSecond === 0 ? Number.POSITIVE_INFINITY : bytesPerSecond / 1000;
  }

  /** How long to read no further, ms, now that so many bytes came. */
  delayMs(bytes: number, nowMs: number): number {
    this.#paidUntilMs = Math.max(this.#paidUntilMs, nowMs) + bytes / this.#bytesPerMs;
    return this.#paidUntilMs - nowMs;
  }
}

export interface SpeedWatchOptions {
  /** 0: none is too slow. */
  minBytesPerSecond: number;
  windowMs: number;
  clock: Clock;
  /** Called once at most, with the reason in words. */
  tooSlow(reason: string): void;
}

/** `waiting` and `came` take turns, beginning and ending with `waiting`; then `stop`. */
export class SpeedWatch {
  readonly #options: SpeedWatchOptions;
  #bytes = 0;
  /** Of the window, what was spent before the present wait. */
  #spentMs = 0;
  #sinceMs = 0;
  #cancel: () => void = () => {};

  constructor(options: SpeedWatchOptions) {
    this.#options = options;
  }

  waiting(): void {
    const { clock, windowMs, minBytesPerSecond } = this.#options;
    if (minBytesPerSecond === 0) return;
    this.#sinceMs = clock.nowMs();
    this.#cancel = clock.after(windowMs - this.#spentMs, () => this.#judge());
  }

  came(bytes: number): void {
    this.#cancel();
    this.#spentMs += this.#options.clock.nowMs() - this.#sinceMs;
    this.#bytes += bytes;
  }

  stop(): void {
    this.#cancel();
  }

  #judge(): void {
    const { clock, windowMs, minBytesPerSecond, tooSlow } = this.#options;
    const spentMs = this.#spentMs + clock.nowMs() - this.#sinceMs;
    const speed = (this.#bytes * 1000) / Math.max(spentMs, windowMs);
    if (speed < minBytesPerSecond) {
      const wanted = `at least ${Math.ceil(minBytesPerSecond)} are wanted`;
      tooSlow(`too slow: ${Math.floor(speed)} bytes a second over ${windowMs / 1000} s, ${wanted}`);
      return;
    }
    this.#bytes = 0;
    this.#spentMs = 0;
    this.waiting();
  }
}
