/**
 * Faults of connections that are ordered for later: a planned goodbye after every so many calls, and a cut after so
 * many bytes of each connection that comes from now on. Pure but for what is ordered and counted.
 */
import type { Watcher } from './carrier.ts';
import { byteLimit } from './watchers.ts';

export class ConnectionFaults {
  #everyCalls: number | null = null;
  #calls = 0;
  #cut: { bytes: number; left: number } | null = null;

  /** GOAWAY on all connections after every so many answered calls. */
  goawayEvery(calls: number): void {
    this.#everyCalls = calls;
    this.#calls = 0;
  }

  /** The next `times` connections, or all, are reset once this many bytes would have passed both ways together. */
  cutAfter(bytes: number, times = Number.POSITIVE_INFINITY): void {
    this.#cut = { bytes, left: times };
  }

  clear(): void {
    this.#everyCalls = null;
    this.#cut = null;
  }

  /** A call was answered: whether connections are to be sent away now. */
  callEndsConnections(): boolean {
    if (this.#everyCalls === null || ++this.#calls < this.#everyCalls) return false;
    this.#calls = 0;
    return true;
  }

  /** For a connection that came in just now: asking uses up one of the times. */
  takeCut(): Watcher | null {
    if (!this.#cut) return null;
    const { bytes } = this.#cut;
    if (--this.#cut.left <= 0) this.#cut = null;
    return byteLimit(bytes);
  }
}
