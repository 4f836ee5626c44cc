/** The daemon's own link to a benchmark's Manager, dialled and registered, without a daemon around it. */
import { arch, hostname } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ManagerCalls } from '../src/main/link/calls.ts';
import { dial } from '../src/main/link/dial.ts';
import { registration } from '../src/main/link/node-info.ts';
import type { Scope } from '../src/shared/lifecycle/scope.ts';
import { readTlsFiles, tls13Context } from '../src/shared/platform/tls-files.ts';
import { VERSION } from '../src/shared/version.ts';
import type { BenchHost } from './host.ts';

/** As which node it registers. */
const NODE_ID = 'bench';
/** First calls of a connection, which nobody should count. */
export const WARM_UP_CALLS = 20;
const TIMEOUT_MS = 10_000;
const KEEPALIVE_MS = 30_000;

/** `host`: where the certificates are. `port`: the Manager's own, or of something on the way to it. */
export async function connect(
  scope: Scope,
  host: Pick<BenchHost, 'folder' | 'managerPort'>,
  signal: AbortSignal,
  port = host.managerPort,
): Promise<ManagerCalls> {
  const file = (name: string): string => join(host.folder, name);
  const files = { certFile: file('client.crt'), keyFile: file('client.key'), caFile: file('ca.crt') };
  const connection = await dial({
    address: `127.0.0.1:${port}`,
    context: tls13Context(await readTlsFiles(files)),
    files,
    proxy: null,
    timeoutMs: TIMEOUT_MS,
    keepaliveMs: KEEPALIVE_MS,
    signal,
  });
  await scope.add(() => connection.close());
  const calls = new ManagerCalls(connection.client, TIMEOUT_MS);
  const { request } = registration({
    ...{ nodeId: NODE_ID, hostname: hostname(), host: null, agents: [], labels: {}, advertiseAddress: '' },
    ...{ platform: process.platform, arch: arch(), daemonVersion: VERSION },
    ...{ localAddress: connection.localAddress, managerHost: '127.0.0.1', interfaceAddress: '' },
  });
  await calls.register(request, 'manager');
  return calls;
}

export const heartbeat = (calls: ManagerCalls): Promise<void> => {
  return calls.heartbeat(Math.floor(Date.now() / 1000));
};

export interface RoundTrips {
  calls: number;
  /** Between two calls, so that each finds both sides at rest. */
  pauseMs: number;
  signal: AbortSignal;
}

/** Milliseconds of each call from handing it over to its answer, one at a time. */
export async function roundTrips(call: () => Promise<void>, { calls, pauseMs, signal }: RoundTrips): Promise<number[]> {
  const took: number[] = [];
  for (let n = 0; n < calls; n++) {
    await sleep(pauseMs, undefined, { signal });
    const startedMs = performance.now();
    await call();
    took.push(performance.now() - startedMs);
  }
  return took;
}
