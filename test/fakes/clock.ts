/** A clock that stands still until the test moves it. Callbacks run in due order, as real timers would. */
import type { Clock } from '../../src/shared/platform/clock.ts';

interface Timer {
  dueMs: number;
  callback: () => void;
}

export class FakeClock implements Clock {
  #nowMs = 1_000_000;
  #wallOffsetMs = 1_700_000_000_000;
  readonly #timers = new Set<Timer>();

  nowMs(): number {
    return this.#nowMs;
  }

  wallMs(): number {
    return this.#nowMs + this.#wallOffsetMs;
  }

  /** Sets the wall clock forth or back, as an operator or NTP would. */
  stepWall(ms: number): void {
    this.#wallOffsetMs += ms;
  }

  after(ms: number, callback: () => void): () => void {
    const timer = { dueMs: this.#nowMs + Math.max(0, ms), callback };
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  }

  get timers(): number {
    return this.#timers.size;
  }

  /** Moves on, letting promises settle between callbacks. */
  async advance(ms: number): Promise<void> {
    const until = this.#nowMs + ms;
    for (;;) {
      await settle();
      const next = [...this.#timers].filter(({ dueMs }) => dueMs <= until).sort((a, b) => a.dueMs - b.dueMs)[0];
      if (!next) break;
      this.#timers.delete(next);
      this.#nowMs = Math.max(this.#nowMs, next.dueMs);
      next.callback();
    }
    this.#nowMs = until;
    await settle();
  }
}

/** Lets everything that waits for promises or for files go on. */
export async function settle(): Promise<void> {
  for (let i = 0; i < 5; i++) await new Promise((resolve) => setImmediate(resolve));
}
