/**
 * Round trips to a Manager in its own process over mutual TLS on loopback, by the daemon's own link: from handing a
 * call to it until the answer is there. One call at a time, after a pause, as a daemon at rest sends them.
 */
import { arch, hostname } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ManagerCalls } from '../../src/main/link/calls.ts';
import { dial } from '../../src/main/link/dial.ts';
import { registration } from '../../src/main/link/node-info.ts';
import { toWireMetric } from '../../src/main/link/wire-values.ts';
import type { MetricData } from '../../src/shared/gen/manager.ts';
import type { Scope } from '../../src/shared/lifecycle/scope.ts';
import { VERSION } from '../../src/shared/version.ts';
import { collect } from '../../src/workers/collect/collect.ts';
import { withScope } from '../bounded.ts';
import { BenchHost } from '../host.ts';
import type { BenchContext, BenchReport } from '../report.ts';
import { type Summary, summarise } from '../statistics.ts';
import { left, milliseconds, right } from '../table.ts';
import { inWords, judge } from '../targets.ts';

const NODE_ID = 'bench';
const TIMEOUT_MS = 10_000;
/** Time between starting counters and figures, as in the daemon. */
const PRIME_MS = 1000;
/** First calls of a connection, which are not counted. */
const WARM_UP_CALLS = 20;

async function connect(scope: Scope, { bundles, signal }: BenchContext): Promise<ManagerCalls> {
  const host = await BenchHost.start(scope, { bundles, signal });
  const file = (name: string): string => join(host.folder, name);
  const connection = await dial({
    address: `127.0.0.1:${host.managerPort}`,
    tls: { certFile: file('client.crt'), keyFile: file('client.key'), caFile: file('ca.crt') },
    timeoutMs: TIMEOUT_MS,
    signal,
  });
  await scope.add(() => connection.close());
  const calls = new ManagerCalls(connection.client, TIMEOUT_MS);
  const facts = { nodeId: NODE_ID, ip: connection.localAddress, hostname: hostname(), host: null, agents: [] };
  const { request } = registration({ ...facts, platform: process.platform, arch: arch(), daemonVersion: VERSION });
  await calls.register(request);
  return calls;
}

/** What the four collectors of this host give, as it goes to the Manager. */
async function fullReport(signal: AbortSignal): Promise<MetricData[]> {
  const names = ['cpu', 'memory', 'disk', 'network'];
  const first = await collect(names.map((name) => ({ name, state: null })));
  await sleep(PRIME_MS, undefined, { signal });
  const second = await collect(first.map(({ name, state }) => ({ name, state })));
  const metrics = second.flatMap(({ sample }) => (sample ? (toWireMetric(sample) ?? []) : []));
  if (metrics.length !== names.length) {
    throw new Error(`a full report has ${names.join(', ')}; this one ${metrics.map(({ type }) => type).join(', ')}`);
  }
  return metrics;
}

async function roundTrips({ settings, signal }: BenchContext, call: () => Promise<void>): Promise<Summary> {
  const { calls, pauseMs } = settings.report;
  const took: number[] = [];
  for (let n = -WARM_UP_CALLS; n < calls; n++) {
    await sleep(pauseMs, undefined, { signal });
    const startedMs = performance.now();
    await call();
    if (n >= 0) took.push(performance.now() - startedMs);
  }
  return summarise(took);
}

export function report(context: BenchContext): Promise<BenchReport> {
  return withScope(async (scope) => {
    const calls = await connect(scope, context);
    const metrics = await fullReport(context.signal);
    const heartbeat = await roundTrips(context, () => calls.heartbeat(NODE_ID, Math.floor(Date.now() / 1000)));
    const full = await roundTrips(context, () => calls.report(NODE_ID, metrics));
    const verdict = judge('report', 'full report, maximum', full.max);
    const row = (title: string, { n, median, p99, max }: Summary, target = ''): string[] => {
      return [title, String(n), ...[median, p99, max].map(milliseconds), target];
    };
    const values = metrics.reduce((sum, metric) => sum + metric.values.size, 0);
    return {
      name: 'report',
      title: 'round trips to the Manager on this machine, in milliseconds',
      table: {
        columns: [left('call'), ...['n', 'median', 'p99', 'max'].map(right), left('target of the design document')],
        rows: [row('heartbeat', heartbeat), row('full report', full, inWords(verdict))],
      },
      notes: [
        `A full report is one sample of each collector of this host, ${values} values in all.`,
        'Mutual TLS 1.3 on loopback: no network in between.',
      ],
      verdicts: [verdict],
      figures: { unit: 'ms', heartbeat, report: full, valuesInReport: values },
    };
  });
}
