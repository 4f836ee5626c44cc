/** The daemon's own figures, and when each collector last gave something, as families of metrics. Pure. */
import type { LinkView, StatusView } from '../../shared/contracts/control.ts';
import type { Sample } from '../../shared/contracts/metrics.ts';
import type { Family, Labels } from './exposition.ts';

export interface DaemonFacts {
  status: StatusView;
  link: LinkView;
  /** Every sample that there is, however old. */
  samples: readonly Sample[];
  /** Number of the newest event. */
  newestEvent: number;
  /** Of Node, without its `v`. */
  nodeVersion: string;
  /** CPU time of the process since its start. */
  cpuSeconds: number;
}

export function daemonFamilies({ status, link, samples, newestEvent, nodeVersion, cpuSeconds }: DaemonFacts): Family[] {
  const expiryMs = link.certificate ? Date.parse(link.certificate.notAfter) : Number.NaN;
  const byCollector = (figure: (sample: Sample) => number): Family['series'] =>
    samples.map((sample) => ({ labels: { collector: sample.collector }, value: figure(sample) }));
  return [
    gauge('daemon_build_info', 'Always 1; says which version runs.', 1, {
      version: status.version,
      node_version: nodeVersion,
    }),
    gauge('daemon_start_time_seconds', 'When the daemon started, in Unix time.', status.startedMs / 1000),
    counter('daemon_cpu_seconds_total', 'CPU time of the daemon since it started, its threads included.', cpuSeconds),
    gauge('daemon_resident_memory_bytes', 'Resident memory of the daemon.', status.rssBytes),
    gauge(
      'daemon_manager_connected',
      'Whether the daemon is connected to its Manager.',
      link.state === 'connected' ? 1 : 0,
    ),
    gauge(
      'daemon_manager_state_change_timestamp_seconds',
      'Since when the connection to the Manager is in its state, in Unix time.',
      link.sinceMs / 1000,
    ),
    gauge('daemon_reports_waiting', 'Reports that the Manager has not taken yet.', link.reports.waiting),
    gauge('daemon_reports_waiting_bytes', 'Size of the reports that wait.', link.reports.bytes),
    gauge(
      'daemon_reports_dead_letters',
      'Reports that the Manager refused and that were set aside.',
      link.reports.deadLetters,
    ),
    gauge('daemon_manager_events_waiting', 'Events that the Manager has not taken yet.', link.events),
    counter('daemon_events_total', 'Events that were recorded on this host.', newestEvent),
    ...(Number.isFinite(expiryMs)
      ? [
          gauge(
            'daemon_certificate_expiry_timestamp_seconds',
            'When the certificate of the daemon expires, in Unix time.',
            expiryMs / 1000,
          ),
        ]
      : []),
    gauge('daemon_updates_under_way', 'Updates that are being carried out.', status.updatesUnderWay),
    {
      name: 'daemon_collector_last_sample_timestamp_seconds',
      type: 'gauge',
      help: 'When the collector last gave figures, in Unix time.',
      series: byCollector(({ timestampMs }) => timestampMs / 1000),
    },
    {
      name: 'daemon_collector_duration_seconds',
      type: 'gauge',
      help: 'How long the collector took to give them.',
      series: byCollector(({ durationMs }) => durationMs / 1000),
    },
  ];
}

function gauge(name: string, help: string, value: number, labels: Labels = {}): Family {
  return { name, type: 'gauge', help, series: [{ labels, value }] };
}

function counter(name: string, help: string, value: number): Family {
  return { name, type: 'counter', help, series: [{ labels: {}, value }] };
}
