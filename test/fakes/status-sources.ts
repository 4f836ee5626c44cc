/** What the status page shows, from nobody: a host with agents in every plight, one of which is hostile. */
import type { StatusSources } from '../../src/main/status/gather.ts';
import { parseConfig } from '../../src/shared/config/parse.ts';
import type { Config } from '../../src/shared/config/schema.ts';
import type { AgentView, LinkView, RecordedEvent, StatusView } from '../../src/shared/contracts/control.ts';
import type { CheckResult } from '../../src/shared/contracts/health.ts';
import type { Sample } from '../../src/shared/contracts/metrics.ts';
import type { UpdateProgress } from '../../src/shared/contracts/update.ts';

/** What would run, load or break out if it were ever taken for HTML, a script, or a line of metrics. */
export const HOSTILE = `<img src=x onerror="window.hit=1"><script>window.hit=1</script>\\"'\n} 1\u202e</td>`;

const MINUTE = 60_000;

export interface FakeSources extends StatusSources {
  facts: {
    status: StatusView;
    link: LinkView;
    agents: AgentView[];
    checks: Record<string, CheckResult[]>;
    events: RecordedEvent[];
    samples: Sample[];
    errors: string[];
    underWay: UpdateProgress[];
  };
  /** Verbs in the order in which they were asked. */
  asked: string[];
}

export function agentView(id: string, over: Partial<AgentView> = {}): AgentView {
  return {
    ...{ id, type: 'custom', name: id, status: 'running', reason: '', pid: 4711, startedAtMs: 0, restarts: 0 },
    ...{ lastRestartMs: 0, lastHeartbeatMs: 0, version: '', lastExit: null, alerts: [] },
    ...{ wanted: true, enabled: true, usage: null },
    ...over,
  };
}

export function event(number: number, atMs: number, over: Partial<RecordedEvent> = {}): RecordedEvent {
  return { number, atMs, kind: 'agent-started', agentId: 'telegraf', message: 'agent started', details: {}, ...over };
}

const check = (name: CheckResult['check'], over: Partial<CheckResult> = {}): CheckResult => ({
  ...{ check: name, state: 'ok', reason: '', sinceMs: 0, failures: 0 },
  ...over,
});

/** One a minute; `nowMs` is when the newest was taken. */
export function hourOfSamples(nowMs: number): Sample[] {
  return Array.from({ length: 60 }, (_, index) => {
    const timestampMs = nowMs - (59 - index) * MINUTE;
    const wave = (1 + Math.sin(index / 6)) / 2;
    const rates = { bytes_recv_per_second: 2e5 + 9e5 * wave, bytes_sent_per_second: 8e4 + 2e5 * (1 - wave) };
    const disk = { read_bytes_per_second: 1e6 * wave, write_bytes_per_second: 4e5 + 2e6 * (1 - wave) };
    return [
      { collector: 'cpu', timestampMs, durationMs: 1.5, values: { usage_percent: 8 + 30 * wave } },
      { collector: 'memory', timestampMs, durationMs: 0.8, values: { used_percent: 41 + 4 * wave } },
      {
        collector: 'disk',
        timestampMs,
        durationMs: 2,
        values: { disks: [{ mountpoint: '/', used_percent: 63, ...disk }] },
      },
      { collector: 'network', timestampMs, durationMs: 0.3, values: { interfaces: [{ interface: 'eth0', ...rates }] } },
    ];
  }).flat();
}

function latestSamples(nowMs: number): Sample[] {
  const sample = (collector: string, values: Sample['values']): Sample => ({
    collector,
    timestampMs: nowMs - 5000,
    durationMs: 1.25,
    values,
  });
  const space = { total: 1e11, used: 6e10, free: 3.5e10, used_percent: 63.2, inodes_total: 1000, inodes_free: 900 };
  return [
    sample('cpu', {
      ...{ usage_percent: 12.5, cores: 8, load1: 0.4, load5: 0.5, load15: 0.6, user: 100.5, nice: 0, system: 20 },
      ...{ idle: 900, iowait: 3, irq: 0, softirq: 1, steal: 0, guest: 0, model: 'a CPU' },
    }),
    sample('memory', {
      ...{ total: 16e9, free: 2e9, available: 9e9, used: 7e9, used_percent: 43.75, buffers: 1e8, cached: 5e9 },
      ...{ swap_total: 4e9, swap_free: 4e9, swap_used: 0, swap_percent: 0 },
    }),
    sample('disk', {
      disks: [
        {
          mountpoint: '/',
          device: '/dev/sda1',
          fstype: 'ext4',
          responding: 1,
          ...space,
          read_bytes: 5e9,
          write_bytes: 9e9,
        },
        { mountpoint: `/srv/${HOSTILE}`, device: '/dev/sdb1', fstype: 'xfs', responding: 1, ...space },
        { mountpoint: '/mnt/nfs', device: 'nfs:/export', fstype: 'nfs4', responding: 0 },
      ],
    }),
    sample('network', {
      interfaces: [
        {
          ...{ interface: 'eth0', bytes_recv: 12e9, bytes_sent: 3e9, packets_recv: 2e6, packets_sent: 1e6 },
          ...{ errin: 1, errout: 0, dropin: 7, dropout: 0 },
        },
      ],
    }),
    sample('queue', { waiting: 3 }),
  ];
}

function facts(nowMs: number): FakeSources['facts'] {
  const agents = [
    agentView('telegraf', {
      ...{
        type: 'telegraf',
        version: '1.29.0',
        startedAtMs: nowMs - 3 * 24 * 60 * MINUTE,
        lastHeartbeatMs: nowMs - 9000,
      },
      usage: { atMs: nowMs - 12_000, cpuPercent: 1.75, rssBytes: 61e6, openFiles: 23 },
    }),
    agentView('filebeat', {
      ...{ type: 'filebeat', status: 'restarting', pid: 0, restarts: 4, reason: 'ended with exit code 1' },
    }),
    agentView('node-exporter', {
      ...{ type: 'node_exporter', version: '1.5.0', startedAtMs: nowMs - 95 * MINUTE },
      usage: { atMs: nowMs - 12_000, cpuPercent: null, rssBytes: 14e6, openFiles: null },
    }),
    agentView('billing-worker', {
      ...{ status: 'failed', pid: 0, restarts: 10, reason: 'started 10 times in vain: ended with signal SIGSEGV' },
    }),
    agentView('hostile', { name: HOSTILE, version: HOSTILE, reason: HOSTILE, startedAtMs: nowMs - 2 * MINUTE }),
    agentView('night-backup', { status: 'stopped', pid: 0, wanted: false }),
  ];
  const failing = check('http', { state: 'failing', reason: 'status 503', failures: 2 });
  return {
    agents,
    checks: {
      telegraf: [check('process'), check('heartbeat'), check('resources'), check('http', { state: 'off' })],
      'node-exporter': [check('process'), check('heartbeat', { state: 'off' }), check('resources'), failing],
    },
    status: {
      ...{ version: '1.4.0', pid: 812, nodeId: 'dcdb8f16-0fcc-4294-999e-0b928543f52e', hostName: 'web-17' },
      ...{ startedMs: nowMs - 5 * 24 * 60 * MINUTE, configFile: '/etc/daemon/daemon.yaml', workDir: '/var/lib/daemon' },
      ...{ footprint: { mode: 'full', givesPagesBack: true }, rssBytes: 14_200_000 },
      agents: { running: 3, restarting: 1, failed: 1, stopped: 1 },
      link: { state: 'connected', sinceMs: nowMs - 26 * 60 * MINUTE, reason: '', address: 'manager.example.com:9090' },
      ...{ lastCollectionMs: nowMs - 5000, updatesUnderWay: 1 },
    },
    link: {
      ...{ state: 'connected', sinceMs: nowMs - 26 * 60 * MINUTE, reason: '', address: 'manager.example.com:9090' },
      ...{ protocol: 'manager', nodeId: 'dcdb8f16-0fcc-4294-999e-0b928543f52e', stream: 'open', plaintext: [] },
      reports: { waiting: 2, bytes: 5120, onDisk: 0, deadLetters: 0 },
      ...{ events: 1, operationsPort: 9091 },
      certificate: {
        ...{ subject: 'CN=web-17', notAfter: '2031-05-04T03:02:01.000Z', daysLeft: 212, state: 'valid', candidate: '' },
      },
    },
    events: [
      event(1, nowMs - 90 * MINUTE, { kind: 'daemon-started', agentId: '', message: 'daemon started' }),
      event(2, nowMs - 89 * MINUTE),
      event(3, nowMs - 7 * MINUTE, {
        kind: 'agent-exited',
        agentId: 'hostile',
        message: HOSTILE,
        details: { code: '1' },
      }),
      event(4, nowMs - 2 * MINUTE, { kind: 'agent-failed', agentId: 'billing-worker', message: 'restarted too often' }),
    ],
    samples: latestSamples(nowMs),
    errors: [`collector queue failed: ${HOSTILE}`],
    underWay: [
      {
        ...{ id: 'u1', component: 'agent', agentId: 'telegraf', oldVersion: '1.29.0', newVersion: '1.30.0' },
        ...{ phase: 'downloading', percent: 40, sinceMs: nowMs - 20_000 },
      },
    ],
  };
}

/** All of it at the given time; a test may change `facts` as it likes. */
export function fakeSources(nowMs: number): FakeSources {
  const known = facts(nowMs);
  const asked: string[] = [];
  return {
    facts: known,
    asked,
    status: async () => note('status', known.status),
    link: async () => note('link', known.link),
    agents: async () => note('agents', known.agents),
    health: async ({ agentId }) => note('health', { pid: 1, checks: known.checks[agentId] ?? [] }),
    metrics: async () => {
      const { samples, errors } = known;
      return note('metrics', { atMs: samples[0]?.timestampMs ?? 0, samples, errors });
    },
    updateStatus: async () => note('updateStatus', { underWay: known.underWay, results: [], refused: [] }),
    events: async ({ after, limit }) => {
      const events = known.events.filter(({ number }) => number > after).slice(0, limit);
      return note(`events ${after}`, { events, newest: known.events.at(-1)?.number ?? 0 });
    },
  };

  function note<T>(verb: string, answer: T): T {
    asked.push(verb);
    return answer;
  }
}

/** All defaults, and what is given on top as YAML. */
export function statusConfig(yaml = ''): Config {
  const { config, diagnostics } = parseConfig(`manager: {address: "m.example.com:9090"}\n${yaml}`, 'f.yaml');
  if (!config) throw new Error(diagnostics.map(({ message }) => message).join('\n'));
  return config;
}
