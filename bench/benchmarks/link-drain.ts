/**
 * A daemon that starts with a backlog while the Manager is away, drains it when the Manager is back, rests, and then
 * loses and finds the Manager some times. Ends by itself; the delivery is checked, and a fault of it is an error.
 */
import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ManagerLine, ReportEvent } from '../../src/shared/contracts/manager-events.ts';
import type { MetricData } from '../../src/shared/gen/manager.ts';
import { within, withScope } from '../bounded.ts';
import { logFile, reportsFolder } from '../daemon-config.ts';
import { BenchHost, type RunningDaemon } from '../host.ts';
import { readFigures, resetPeak } from '../process-figures.ts';
import type { BenchContext } from '../report.ts';
import { summarise } from '../statistics.ts';
import { watch } from '../watch.ts';
import { checkDelivery, writeBacklog } from './link-backlog.ts';
import { drainOf, heartbeatsMs, parseLog, type Return, returnOf } from './link-log.ts';
import { LinkProxy } from './link-proxy.ts';

export interface DrainRound {
  /** Of the backlog on disk. */
  bytes: number;
  drainMs: number;
  /** From the Manager's return until the last entry was answered. */
  sinceReturnMs: number;
  heartbeatsMs: { drain: number[]; rest: number[] };
  /** Medians before and after, the kernel's peak meanwhile. */
  rssBytes: { before: number; peak: number; after: number };
  /** Whether the peak could be set back before. */
  peakIsOfDrain: boolean;
  returns: Return[];
}

/** As often as the configuration allows. */
const KEYS = {
  daemon: { log_level: 'debug' },
  manager: { heartbeat_interval: '1s', reconnect_interval: '100ms' },
};
const DRAIN_MS = 120_000;
const RETURN_MS = 30_000;
/** What a drain leaves to be done is done then. */
const SETTLE_MS = 500;
/** The Manager stays away that long: the daemon has tried in vain. */
const AWAY_MS = 500;
const REPORT = '{"event":"report"';
const ENTRY = '"type":"';

/** Counts without reading: this process also carries the bytes. */
function entriesIn(line: string): number {
  let count = 0;
  for (let at = line.indexOf(ENTRY); at >= 0; at = line.indexOf(ENTRY, at + ENTRY.length)) count++;
  return count;
}

/** Keeps the Manager's lines about reports; `all` settles when so many entries have come. */
function keepReports(host: BenchHost, entries: number): { lines: string[]; all: Promise<void> } {
  const lines: string[] = [];
  let left = entries;
  const all = new Promise<void>((resolve) => {
    host.onLine((line) => {
      if (!line.startsWith(REPORT)) return;
      lines.push(line);
      left -= entriesIn(line);
      if (left <= 0) resolve();
    });
  });
  return { lines, all };
}

function reportOf(line: string): ReportEvent[] {
  const event: ManagerLine = JSON.parse(line);
  return event.event === 'report' ? [event] : [];
}

/** A daemon that runs, and its way to the Manager. */
class Subject {
  readonly host: BenchHost;
  readonly proxy: LinkProxy;
  readonly daemon: RunningDaemon;
  readonly #signal: AbortSignal;

  constructor(host: BenchHost, proxy: LinkProxy, daemon: RunningDaemon, signal: AbortSignal) {
    this.host = host;
    this.proxy = proxy;
    this.daemon = daemon;
    this.#signal = signal;
  }

  /** Rejects when the daemon ends meanwhile. */
  until<T>(promise: Promise<T>, what: string, timeoutMs: number): Promise<T> {
    return within(Promise.race([promise, this.daemon.ended]), { what, timeoutMs, signal: this.#signal });
  }

  async rest(ms: number): Promise<void> {
    await Promise.race([sleep(ms, undefined, { signal: this.#signal }), this.daemon.ended]);
  }

  /** Median over the window. */
  async rssBytes(windowMs: number): Promise<number> {
    const { pid, ended } = this.daemon;
    const [watched] = await Promise.race([watch([{ pids: [pid] }], { windowMs, signal: this.#signal }), ended]);
    return summarise((watched?.readings ?? []).map(({ rssBytes }) => rssBytes)).median;
  }

  peakRssBytes(): number {
    const figures = readFigures(this.daemon.pid);
    if (!figures) throw new Error('the daemon cannot be looked at any more');
    return figures.peakRssBytes;
  }
}

/** Has the Manager go and come back; gives when it was back, Unix ms. */
async function goAndReturn(subject: Subject): Promise<number> {
  const { host, proxy } = subject;
  proxy.away();
  await subject.rest(AWAY_MS);
  const found = host.event('registered').then(() => host.event('heartbeat'));
  const backAtMs = Date.now();
  proxy.back();
  await subject.until(found, 'the daemon to come back', RETURN_MS);
  await subject.rest(AWAY_MS);
  return backAtMs;
}

/** `returns`: how often the Manager goes and comes back after the drain. */
export function drainRound(
  context: BenchContext,
  metrics: readonly MetricData[],
  returns: number,
): Promise<DrainRound> {
  const { settings, signal } = context;
  const { entries, beforeMs, restMs } = settings.link.drain;
  return withScope(async (scope) => {
    const host = await BenchHost.start(scope, context);
    const folder = await host.makeFolder();
    const { expected, bytes } = await writeBacklog({ folder: reportsFolder(folder), entries, metrics, signal });
    const proxy = await LinkProxy.open(scope, host.managerPort);
    proxy.away();
    const daemon = await host.startDaemon([], null, { folder, managerPort: proxy.port, keys: KEYS });
    const subject = new Subject(host, proxy, daemon, signal);
    await subject.rest(SETTLE_MS);
    const before = await subject.rssBytes(beforeMs);
    const peakIsOfDrain = resetPeak(daemon.pid);

    const reports = keepReports(host, entries);
    const backAtMs = Date.now();
    proxy.back();
    await subject.until(reports.all, `${entries} reports to drain`, DRAIN_MS);
    await subject.rest(SETTLE_MS);
    const peak = subject.peakRssBytes();
    const restFromMs = Date.now();
    const after = await subject.rssBytes(restMs);
    const restToMs = Date.now();

    const backsAtMs: number[] = [];
    for (let n = 0; n < returns; n++) backsAtMs.push(await goAndReturn(subject));
    await daemon.stop();
    checkDelivery(expected, reports.lines.flatMap(reportOf));
    const lines = parseLog(await readFile(logFile(folder), 'utf8'));
    const drain = drainOf(lines, entries);
    return {
      bytes,
      drainMs: drain.toMs - drain.fromMs,
      sinceReturnMs: drain.toMs - backAtMs,
      heartbeatsMs: { drain: drain.heartbeatsMs, rest: heartbeatsMs(lines, restFromMs, restToMs) },
      rssBytes: { before, peak, after },
      peakIsOfDrain,
      returns: backsAtMs.map((atMs) => returnOf(lines, atMs)),
    };
  });
}
