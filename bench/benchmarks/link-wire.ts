/** Bytes between daemon and Manager at rest, with three agents, through a proxy that counts them; no handshake in it. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { ManagerLine } from '../../src/shared/contracts/manager-events.ts';
import { within, withScope } from '../bounded.ts';
import { sampleAgents } from '../daemon-config.ts';
import { BenchHost } from '../host.ts';
import type { BenchContext } from '../report.ts';
import { bytesOfDay, CALL_KINDS, type Call, type WireFigures } from './link-bytes.ts';
import { LinkProxy } from './link-proxy.ts';

const READY_MS = 30_000;

export function wire(context: BenchContext): Promise<WireFigures> {
  const { bundles, settings, signal } = context;
  const { intervalMs, warmUpMs, windowMs } = settings.link.wire;
  return withScope(async (scope) => {
    const host = await BenchHost.start(scope, context);
    const proxy = await LinkProxy.open(scope, host.managerPort);
    const calls: Call[] = [];
    host.onLine((line) => {
      const event: ManagerLine = JSON.parse(line);
      const kind = CALL_KINDS.find((name) => name === event.event);
      if (kind && 'receivedAtMs' in event) calls.push({ kind, atMs: event.receivedAtMs });
    });
    const ready = host.event('states');
    const agents = sampleAgents(bundles, process.execPath);
    const daemon = await host.startDaemon(agents, intervalMs, { managerPort: proxy.port });
    const bound = { what: 'the registration and the states of agents', timeoutMs: READY_MS, signal };
    await within(Promise.race([ready, daemon.ended]), bound);
    await Promise.race([sleep(warmUpMs, undefined, { signal }), daemon.ended]);
    calls.length = 0;
    proxy.count();
    const startedMs = performance.now();
    await Promise.race([sleep(windowMs, undefined, { signal }), daemon.ended]);
    return bytesOfDay([...proxy.passed], [...calls], performance.now() - startedMs);
  });
}
