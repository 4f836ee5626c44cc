/** Round trips to a Manager in its own process on loopback, over mutual TLS, with reports of real figures. */

import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ManagerCalls } from '../src/main/link/calls.ts';
import { dial } from '../src/main/link/dial.ts';
import { toWireMetric } from '../src/main/link/wire-values.ts';
import type { MetricData } from '../src/shared/gen/manager.ts';
import { collect } from '../src/workers/collect/collect.ts';
import { type Figure, type Result, spread } from './figures.ts';
import { Stage } from './stage.ts';

const NODE = 'bench';
const TARGET_MS = 200;
const WARM_UP = 20;
const INTERVAL_MS = 100;

/** All four collectors' samples of this host. */
async function metrics(): Promise<MetricData[]> {
  const names = ['cpu', 'memory', 'disk', 'network'];
  const first = await collect(names.map((name) => ({ name, state: null })));
  await sleep(INTERVAL_MS);
  const second = await collect(first.map(({ name, state }) => ({ name, state })));
  return second.flatMap(({ sample }) => (sample && toWireMetric(sample)) ?? []);
}

export async function report(dist: string, quick: boolean): Promise<Result> {
  const rounds = quick ? 200 : 2000;
  const stage = await Stage.make({ dist });
  try {
    const file = (name: string): string => join(stage.folder, name);
    const tls = { certFile: file('client.crt'), keyFile: file('client.key'), caFile: file('ca.crt') };
    const signal = new AbortController().signal;
    const connection = await dial({ address: `127.0.0.1:${stage.port}`, tls, timeoutMs: 10_000, signal });
    try {
      const calls = new ManagerCalls(connection.client, 10_000);
      const full = await metrics();
      const figures: Figure[] = [];
      const kinds: [string, (round: number) => Promise<void>][] = [
        ['heartbeat', () => calls.heartbeat(NODE, Math.floor(Date.now() / 1000))],
        // each type and second once, as the daemon does it
        [
          'full report',
          (round) =>
            calls.report(
              NODE,
              full.map((metric) => ({ ...metric, timestamp: round + 1 })),
            ),
        ],
      ];
      for (const [name, call] of kinds) {
        const times: number[] = [];
        for (let round = 0; round < rounds + WARM_UP; round++) {
          const startedMs = performance.now();
          await call(round);
          if (round >= WARM_UP) times.push(performance.now() - startedMs);
        }
        const found = spread(times);
        const target = { text: `< ${TARGET_MS} ms`, holds: found.median < TARGET_MS };
        figures.push({ name, unit: 'ms', spread: found, ...(name === 'heartbeat' ? {} : { target }) });
      }
      const values = full.reduce((sum, metric) => sum + metric.values.size, 0);
      return {
        benchmark: 'report',
        notes: [`${values} values a report; one call after another on one connection`],
        figures,
      };
    } finally {
      connection.close();
    }
  } finally {
    await stage.close();
  }
}
