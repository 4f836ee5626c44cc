/** What a daemon with two agents says of itself. */
import type { AgentView, ControlHandlers, RecordedEvent, StatusView } from '../../../src/shared/contracts/control.ts';
import type { Sample } from '../../../src/shared/contracts/metrics.ts';

export function agentView(id: string, over: Partial<AgentView> = {}): AgentView {
  return {
    ...{ id, type: 'custom', name: id, status: 'running', reason: '', pid: 4711, startedAtMs: Date.now() - 7_200_000 },
    ...{ restarts: 0, lastRestartMs: 0, lastHeartbeatMs: 0, version: '1.2.0', lastExit: null, alerts: [] },
    ...{ wanted: true, enabled: true },
    usage: { atMs: Date.now(), cpuPercent: 1.5, rssBytes: 42 * 1024 ** 2, openFiles: 12 },
    ...over,
  };
}

export const AGENTS: AgentView[] = [
  agentView('telegraf', { pid: 4712 }),
  agentView('filebeat', {
    ...{ status: 'failed', reason: 'exit code 1 after 10 restarts', pid: 0, startedAtMs: 0, restarts: 10 },
    ...{ version: '', usage: null },
  }),
];

export function statusView(over: Partial<StatusView> = {}): StatusView {
  return {
    ...{ version: '0.1.0', pid: 4242, nodeId: 'node-1', hostName: 'web-1', startedMs: Date.now() - 3 * 3_600_000 },
    ...{ configFile: '/etc/daemon/daemon.yaml', workDir: '/var/lib/daemon', rssBytes: 14_575_206 },
    ...{ footprint: { mode: 'full', givesPagesBack: true }, agents: { running: 1, failed: 1, stopped: 0 } },
    link: { state: 'connected', sinceMs: Date.now() - 3 * 3_600_000, reason: '', address: 'manager.example.com:9090' },
    ...{ lastCollectionMs: Date.now() - 12_000, updatesUnderWay: 0 },
    ...over,
  };
}

const sample = (collector: string, values: Sample['values']): Sample => ({
  ...{ collector, timestampMs: Date.UTC(2026, 0, 2, 3, 4, 5), durationMs: 1 },
  values,
});

export const SAMPLES: Sample[] = [
  sample('cpu', {
    usage_percent: 12.34,
    user_percent: 8,
    system_percent: 4.34,
    load1: 0.5,
    load5: 0.25,
    load15: 0.1,
    cores: 4,
  }),
  sample('memory', {
    total: 8 * 1024 ** 3,
    used: 2 * 1024 ** 3,
    used_percent: 25,
    available: 6 * 1024 ** 3,
    swap_percent: 0,
  }),
  sample('disk', {
    disks: [
      {
        mountpoint: '/',
        fstype: 'ext4',
        total: 100 * 1024 ** 3,
        used: 40 * 1024 ** 3,
        free: 60 * 1024 ** 3,
        used_percent: 40,
      },
      {
        mountpoint: '/var',
        fstype: 'xfs',
        total: 10 * 1024 ** 3,
        used: 9 * 1024 ** 3,
        free: 1024 ** 3,
        used_percent: 90,
      },
    ],
  }),
  sample('network', {
    interfaces: [{ interface: 'eth0', bytes_recv_per_second: 2048, bytes_sent_per_second: 1024, errin: 0, errout: 0 }],
  }),
];

export function recordedEvent(number: number, over: Partial<RecordedEvent> = {}): RecordedEvent {
  const atMs = Date.UTC(2026, 0, 2, 3, 4, number % 60);
  return { number, atMs, kind: 'agent-started', agentId: 'telegraf', message: `event ${number}`, details: {}, ...over };
}

/** Events by number, with a long poll. `newest` may grow. */
export function eventsOf(record: RecordedEvent[]): ControlHandlers['events'] {
  return async ({ after, limit, waitMs }) => {
    const until = performance.now() + waitMs;
    for (;;) {
      const events = record.filter(({ number }) => number > after).slice(0, limit);
      if (events.length > 0 || performance.now() >= until) return { events, newest: record.at(-1)?.number ?? 0 };
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  };
}

export function hostHandlers(over: Partial<ControlHandlers> = {}): Partial<ControlHandlers> {
  return {
    status: async () => statusView(),
    agents: async () => AGENTS,
    metrics: async () => ({ atMs: Date.UTC(2026, 0, 2, 3, 4, 5), samples: SAMPLES, errors: [] }),
    events: eventsOf([]),
    ...over,
  };
}
