/**
 * A host and its Manager, two processes with a network between them that a test can break. Everything ends with the
 * test that asked for it. Tests of the link wait for most of their time: they are to run side by side.
 */
import { cp } from 'node:fs/promises';
import { join } from 'node:path';
import type { TestContext } from 'vitest';
import { ReportQueue } from '../../src/main/link/queue/report-queue.ts';
import type { LinkLog } from '../../src/main/link/session.ts';
import { systemClock } from '../../src/shared/platform/clock.ts';
import { metricsOf } from '../support/batch.ts';
import { type LogLine, TestHost, type Yaml } from '../support/daemon-process.ts';
import { freePort } from '../support/free-port.ts';
import { ManagerProcess, type ManagerProcessOptions } from '../support/manager-process.ts';
import { TcpProxy } from '../support/tcp-proxy.ts';
import { temporaryFolder } from '../support/temp-folder.ts';
import { waitFor } from '../support/wait-until.ts';

/** One small report a second, nothing else that comes by itself. */
export const CPU_ONLY = {
  cpu: { interval: '1s' },
  memory: { enabled: false },
  disk: { enabled: false },
  network: { enabled: false },
};
/** One of each at the start and no more. */
export const RARELY = Object.fromEntries(
  ['cpu', 'memory', 'disk', 'network'].map((name) => [name, { interval: '24h' }]),
);

export interface Linked {
  readonly host: TestHost;
  readonly manager: ManagerProcess;
  /** Between them, for what the daemon opens. */
  readonly proxy: TcpProxy;
  /** Sections `daemon` and `manager` are laid over the usual ones, the others replace them. */
  configure(over?: { daemon?: Yaml; manager?: Yaml } & Yaml): Promise<void>;
  /** Lines of the log from that one on that a person would be troubled by. */
  warnings(since?: number): LogLine[];
}

/** Tests run side by side, so each brings its own. */
type Context = Pick<TestContext, 'onTestFinished'>;

/** Configured, not started. The operations port is on where the Manager's options say that it dials. */
export async function linked({ onTestFinished }: Context, options: ManagerProcessOptions = {}): Promise<Linked> {
  const host = await TestHost.make();
  onTestFinished(() => host.remove());
  const manager = await ManagerProcess.start(options);
  onTestFinished(async () => void (await manager.stop('SIGKILL')));
  const proxy = await TcpProxy.listen({ port: manager.port });
  onTestFinished(() => proxy.close());
  const { daemonPort = 0 } = options;
  const configure: Linked['configure'] = ({ daemon, manager: section, ...over } = {}) =>
    host.configure(proxy.port, manager.tlsFolder, {
      daemon: host.daemonSection({ grpc_port: daemonPort, ...daemon }),
      manager: host.managerSection(proxy.port, manager.tlsFolder, section),
      collectors: CPU_ONLY,
      ...over,
    });
  await configure();
  const warnings: Linked['warnings'] = (since = 0) =>
    host
      .log()
      .slice(since)
      .filter(({ level }) => level === 'warn' || level === 'error');
  return { host, manager, proxy, configure, warnings };
}

/** As `linked`, with a port on which the Manager dials the daemon. */
export async function linkedBothWays(context: Context, options: ManagerProcessOptions = {}): Promise<Linked> {
  return linked(context, { ...options, daemonPort: await freePort() });
}

export async function registrations(manager: ManagerProcess, count: number, timeoutMs = 20_000): Promise<void> {
  const came = (): boolean => manager.eventsNamed('registered').length >= count;
  await waitFor(came, { what: `${count} registrations`, timeoutMs });
}

/** What the Manager has taken, `TYPE SECOND` in the order in which it came. */
export function delivered(manager: ManagerProcess, from = 0): string[] {
  return manager.events
    .slice(from)
    .flatMap((event) => (event.event === 'report' && event.accepted ? event.metrics : []))
    .map(({ type, timestamp }) => `${type} ${timestamp}`);
}

/** Further times, not counting the first, that something is there. */
export function doubles(list: readonly string[]): number {
  return list.length - new Set(list).size;
}

const silent: LinkLog = { debug() {}, info() {}, warn() {}, error() {} };
const LIMITS = { maxBytes: 64 * 1024 * 1024, maxAgeMs: 86_400_000 };

/** A queue in this process. While a daemon runs it must not be that daemon's. */
export function openQueue(folder: string): Promise<ReportQueue> {
  return ReportQueue.open({
    ...{ folder, ...LIMITS, clock: systemClock, log: silent },
    after: (delayMs, _, run) => systemClock.after(delayMs, run),
  });
}

/** What waits on the disk of a host whose daemon has been killed, in order; a copy is looked into. */
export async function waitingOnDisk(host: TestHost): Promise<string[]> {
  const { path, remove } = await temporaryFolder('queue');
  try {
    const folder = join(path, 'reports');
    await cp(join(host.workDir, 'reports'), folder, { recursive: true });
    const queue = await openQueue(folder);
    const found: string[] = [];
    for (let batch = await queue.next(); batch; batch = await queue.next()) {
      found.push(...metricsOf(batch).map(({ type, timestamp }) => `${type} ${timestamp}`));
      await queue.settle(batch, 'taken', '');
    }
    await queue.close();
    return found;
  } finally {
    await remove();
  }
}
