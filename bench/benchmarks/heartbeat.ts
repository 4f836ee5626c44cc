/**
 * What keeping the daemon small does to its heartbeats: built daemons with `footprint: full` beside as many with `off`,
 * at the same time, so that whatever else the machine does meets both. A heartbeat a second, all else as shipped, three
 * agents each; the round trips are those of the daemons' own debug logs.
 */
import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { within, withScope } from '../bounded.ts';
import { logFile, sampleAgents } from '../daemon-config.ts';
import { BenchHost, type RunningDaemon } from '../host.ts';
import type { BenchContext, BenchReport } from '../report.ts';
import type { Settings } from '../settings.ts';
import {
  type BeatingDaemon,
  daemonOf,
  type HeartbeatFigures,
  heartbeatFigures,
  heartbeatTable,
  heartbeatVerdict,
  SIDES,
  type Side,
} from './heartbeat-figures.ts';
import { parseLog } from './link-log.ts';

/** The shortest that the configuration allows. */
const INTERVAL_MS = 1000;
const READY_MS = 60_000;

interface Started {
  side: Side;
  daemon: RunningDaemon;
}

async function start(host: BenchHost, { bundles, signal }: BenchContext, side: Side, pair: number): Promise<Started> {
  const id = `${side}-${pair}`;
  const agents = sampleAgents(bundles, process.execPath);
  const ready = Promise.all([
    host.event('registered', ({ nodeId, accepted }) => nodeId === id && accepted),
    host.event('states', ({ nodeId, states }) => {
      return nodeId === id && states.filter(({ status }) => status === 'running').length === agents.length;
    }),
  ]);
  const keys = {
    daemon: { id, footprint: side, log_level: 'debug' },
    manager: { heartbeat_interval: `${INTERVAL_MS}ms` },
  };
  const daemon = await host.startDaemon(agents, null, { keys });
  const what = `the registration and the agents of the daemon ${id}`;
  await within(Promise.race([ready, daemon.ended]), { what, timeoutMs: READY_MS, signal });
  return { side, daemon };
}

function measure(context: BenchContext): Promise<BeatingDaemon[]> {
  const { settings, signal } = context;
  const { pairs, warmUpMs, windowMs } = settings.heartbeat;
  return withScope(async (scope) => {
    const host = await BenchHost.start(scope, context);
    const started: Started[] = [];
    // one pair after another, so that their rounds of each minute do not all fall together
    for (let pair = 1; pair <= pairs; pair++) {
      started.push(...(await Promise.all(SIDES.map((side) => start(host, context, side, pair)))));
    }
    const ended = started.map(({ daemon }) => daemon.ended);
    const lookOn = (ms: number) => Promise.race([sleep(ms, undefined, { signal }), ...ended]);
    await lookOn(warmUpMs);
    const fromMs = Date.now();
    await lookOn(windowMs);
    const toMs = Date.now();
    await Promise.all(started.map(({ daemon }) => daemon.stop()));
    const window = { fromMs, toMs, intervalMs: INTERVAL_MS };
    return Promise.all(
      started.map(async ({ side, daemon }) => {
        return daemonOf(side, parseLog(await readFile(logFile(daemon.folder), 'utf8')), window);
      }),
    );
  });
}

function notes({ quick, heartbeat: { pairs, windowMs } }: Settings, { givingBack }: HeartbeatFigures): string[] {
  return [
    `${pairs} with full and ${pairs} with off at the same time, for ${windowMs / 1000} s; a heartbeat each second, three ` +
      'agents each, all else as shipped. Mutual TLS to one Manager on loopback.',
    'Round trips as the daemons log them, those of a side together. All of them share the cores of this machine.',
    ...(quick ? ['SHORTENED for --quick: too few heartbeats for a p99, and over before memory is given back.'] : []),
    ...(!quick && givingBack < pairs ? [`NO PAGES were given back by ${pairs - givingBack} of those with full.`] : []),
  ];
}

export async function heartbeat(context: BenchContext): Promise<BenchReport> {
  const { settings } = context;
  const figures = heartbeatFigures(await measure(context));
  const verdict = heartbeatVerdict(figures);
  return {
    name: 'heartbeat',
    title: 'round trips of heartbeats, with and without what keeps the daemon small, in milliseconds',
    table: heartbeatTable(figures, verdict),
    notes: notes(settings, figures),
    verdicts: [verdict],
    gate: [{ figure: 'heartbeatRatio', value: figures.ratios.p99 }],
    figures: { unit: 'ms', pairs: settings.heartbeat.pairs, windowMs: settings.heartbeat.windowMs, ...figures },
  };
}
