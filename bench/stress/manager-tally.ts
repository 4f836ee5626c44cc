/** What the Manager had of a load: how many calls, and whether every report came as the first one did. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { StressCounts } from './order.ts';

const HEARTBEAT = '{"event":"heartbeat"';
const REPORT = '{"event":"report"';
/** What is the same in each report, which a load sends over and over. */
const METRICS = '"metrics":';
const RECEIVED = /"receivedAtMs":\d+,/;
const ACCEPTED = '"accepted":true';
/** Its last lines may still be on their way when the load has ended. */
const LATE_MS = 5000;
const LOOK_MS = 20;
/** Characters around a difference. */
const SHOWN = 120;

type Calls = Pick<StressCounts, 'heartbeats' | 'reports'>;

/** Both texts from a little before where they differ. */
function difference(is: string, first: string): string {
  let at = 0;
  while (at < is.length && is[at] === first[at]) at++;
  const [start, end] = [Math.max(0, at - SHOWN / 2), at + SHOWN / 2];
  return `…${is.slice(start, end)}… in place of …${first.slice(start, end)}…`;
}

export class ManagerTally {
  readonly #had: Calls = { heartbeats: 0, reports: 0 };
  /** Without what differs by nature; null before the first. */
  #first: string | null = null;
  #different = '';

  /** A line of its output. */
  take(line: string): void {
    if (line.startsWith(HEARTBEAT)) {
      if (line.includes(ACCEPTED)) this.#had.heartbeats++;
    } else if (line.startsWith(REPORT) && line.includes(ACCEPTED)) {
      this.#had.reports++;
      const metrics = line.slice(line.indexOf(METRICS)).replace(RECEIVED, '');
      this.#first ??= metrics;
      if (metrics !== this.#first) this.#different ||= difference(metrics, this.#first);
    }
  }

  /** Throws an Error where it did not have what was answered. */
  async require(answered: Calls, signal: AbortSignal, lateMs = LATE_MS): Promise<void> {
    const untilMs = performance.now() + lateMs;
    const { heartbeats, reports } = this.#had;
    if (this.#different) throw new Error(`a report came other than the first: ${this.#different}`);
    if (heartbeats === answered.heartbeats && reports === answered.reports) return;
    if (performance.now() >= untilMs || lateMs <= 0) {
      throw new Error(
        `${answered.heartbeats} heartbeats and ${answered.reports} reports were answered, ` +
          `and the Manager had ${heartbeats} and ${reports}`,
      );
    }
    await sleep(LOOK_MS, undefined, { signal });
    return this.require(answered, signal, untilMs - performance.now());
  }
}
