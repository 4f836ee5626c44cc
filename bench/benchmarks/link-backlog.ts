/** A backlog: reports of real samples, written with the daemon's own queue, and whether all came once and in order. */
import { setTimeout as sleep } from 'node:timers/promises';
import { encoded } from '../../src/main/link/queue/report-entry.ts';
import { ReportQueue } from '../../src/main/link/queue/report-queue.ts';
import type { ReportEvent } from '../../src/shared/contracts/manager-events.ts';
import type { MetricData } from '../../src/shared/gen/manager.ts';
import { type Clock, systemClock } from '../../src/shared/platform/clock.ts';

export interface Backlog {
  folder: string;
  entries: number;
  /** One sample of each collector. */
  metrics: readonly MetricData[];
  signal: AbortSignal;
}

/** More than the queue keeps before it writes at once, and less than it may keep without losing some. */
const UNWRITTEN_BYTES = 256 * 1024;
const POLL_MS = 1;
/** The newest entry is that old: the daemon's own reports come behind it. */
const NEWEST_AGE_SECONDS = 60;

/** Of one metric: type and second. */
export const keyOf = ({ type, timestamp }: { type: string; timestamp: number }): string => `${type} ${timestamp}`;

/** The same samples second after second, `entries` metrics in all. */
export function backlogOf(metrics: readonly MetricData[], entries: number, nowMs: number): MetricData[] {
  const seconds = Math.ceil(entries / metrics.length);
  const first = Math.floor(nowMs / 1000) - NEWEST_AGE_SECONDS - seconds;
  return Array.from({ length: seconds }, (_, at) => metrics.map((metric) => ({ ...metric, timestamp: first + at })))
    .flat()
    .slice(0, entries);
}

/** Leaves a queue with the entries in the folder; gives them, and the bytes that they take. */
export async function writeBacklog(
  { folder, entries, metrics, signal }: Backlog,
  clock: Clock = systemClock,
): Promise<{ expected: string[]; bytes: number }> {
  const backlog = backlogOf(metrics, entries, clock.wallMs());
  const sampleBytes = metrics.reduce((sum, metric) => sum + encoded(metric).length, 0);
  const unwritten = Math.ceil((UNWRITTEN_BYTES * metrics.length) / sampleBytes);
  const quiet = (): void => {}; // whether all is there is looked at below
  const log = { debug: quiet, info: quiet, warn: quiet, error: quiet };
  const queue = await ReportQueue.open({
    folder,
    maxBytes: Number.MAX_SAFE_INTEGER,
    maxAgeMs: clock.wallMs(),
    clock,
    after: (delayMs, _name, run) => clock.after(delayMs, run),
    log,
  });
  try {
    for (const metric of backlog) {
      queue.add([metric]);
      for (let status = queue.status(); status.waiting - status.onDisk > unwritten; status = queue.status()) {
        await sleep(POLL_MS, undefined, { signal });
      }
    }
  } finally {
    await queue.close();
  }
  const { waiting, onDisk, bytes } = queue.status();
  if (waiting !== entries || onDisk !== entries) {
    throw new Error(`${entries} reports were to wait on disk, ${waiting} wait, ${onDisk} of them on disk`);
  }
  return { expected: backlog.map(keyOf), bytes };
}

/** Throws an Error where they did not all arrive, each once, in order, before everything else. */
export function checkDelivery(expected: readonly string[], reports: readonly ReportEvent[]): void {
  const refused = reports.find(({ accepted }) => !accepted);
  if (refused) throw new Error(`the Manager refused a report: ${refused.message}`);
  const arrived = reports.flatMap(({ metrics }) => metrics.map(keyOf));
  const wrong = expected.findIndex((key, at) => arrived[at] !== key);
  if (wrong >= 0) {
    throw new Error(
      `of the backlog, entry ${wrong} was ${expected[wrong]}; what came is ${arrived[wrong] ?? 'nothing'}`,
    );
  }
  const seen = new Set<string>();
  const double = arrived.find((key) => seen.has(key) || !seen.add(key));
  if (double !== undefined) throw new Error(`${double} came twice`);
}
