/**
 * What the demo knows, gathered event by event. Pure: a state and an event give the next state. Figures come from
 * what the Manager received and from the kernel; of the daemon's own log only the link's state and durations are
 * taken, which nobody else can tell.
 */
import type { ManagerEvent, ReportedState } from '../shared/contracts/manager-events.ts';

export interface Usage {
  rssBytes: number;
  /** Percent of one core since the process began. */
  cpuPercent: number;
}

export interface CollectorView {
  /** Unix seconds, of the sample; 0 while none was reported. */
  timestamp: number;
  values: Record<string, number>;
  durationMs: number | null;
}

export interface DemoState {
  nodeId: string;
  hostname: string;
  registered: boolean;
  link: { state: string; reason: string };
  heartbeats: number;
  /** Unix milliseconds, 0 before the first. */
  lastHeartbeatAtMs: number;
  heartbeatRoundTripMs: number | null;
  metricReports: number;
  reportRoundTripMs: number | null;
  collectors: Record<string, CollectorView>;
  agents: Record<string, ReportedState>;
  daemonPid: number;
  /** By pid: the daemon's and its agents'. */
  usage: Record<number, Usage>;
}

export const NEW_STATE: DemoState = {
  nodeId: '',
  hostname: '',
  registered: false,
  link: { state: 'starting', reason: '' },
  heartbeats: 0,
  lastHeartbeatAtMs: 0,
  heartbeatRoundTripMs: null,
  metricReports: 0,
  reportRoundTripMs: null,
  collectors: {},
  agents: {},
  daemonPid: 0,
  usage: {},
};

/** A line of the daemon's log. */
export type LogLine = Record<string, unknown>;

export type DemoEvent =
  | { from: 'manager'; event: ManagerEvent }
  | { from: 'log'; line: LogLine }
  /** Complete each time: who is no longer in it has gone. */
  | { from: 'kernel'; usage: Record<number, Usage> };

const EMPTY_COLLECTOR: CollectorView = { timestamp: 0, values: {}, durationMs: null };

function afterManager(state: DemoState, event: ManagerEvent): DemoState {
  if (event.event === 'listening' || event.event === 'fault' || !event.accepted) return state;
  switch (event.event) {
    case 'registered':
      return { ...state, registered: true, nodeId: event.nodeId, hostname: event.hostname };
    case 'heartbeat':
      return { ...state, heartbeats: state.heartbeats + 1, lastHeartbeatAtMs: event.receivedAtMs };
    case 'report': {
      const collectors = { ...state.collectors };
      for (const { type, timestamp, values } of event.metrics) {
        const known = collectors[type] ?? EMPTY_COLLECTOR;
        // what was queued while the Manager was away may come after what is newer
        if (timestamp >= known.timestamp) collectors[type] = { ...known, timestamp, values };
      }
      return { ...state, collectors, metricReports: state.metricReports + 1 };
    }
    case 'states': {
      const agents = { ...state.agents };
      for (const agent of event.states) agents[agent.agentId] = agent;
      return { ...state, agents };
    }
  }
}

const text = (value: unknown): string => (typeof value === 'string' ? value : '');
const milliseconds = (value: unknown): number | null =>
  typeof value === 'number' && Number.isFinite(value) ? value : null;

function afterLog(state: DemoState, line: LogLine): DemoState {
  switch (line['event']) {
    case 'link-state':
      return { ...state, link: { state: text(line['state']), reason: text(line['reason']) } };
    case 'heartbeat':
      return { ...state, heartbeatRoundTripMs: milliseconds(line['roundTripMs']) };
    case 'reported':
      return { ...state, reportRoundTripMs: milliseconds(line['roundTripMs']) };
    case 'collected': {
      const name = text(line['collector']);
      const known = state.collectors[name] ?? EMPTY_COLLECTOR;
      const durationMs = milliseconds(line['durationMs']);
      return { ...state, collectors: { ...state.collectors, [name]: { ...known, durationMs } } };
    }
    default:
      return state;
  }
}

export function afterEvent(state: DemoState, event: DemoEvent): DemoState {
  switch (event.from) {
    case 'manager':
      return afterManager(state, event.event);
    case 'log':
      return afterLog(state, event.line);
    case 'kernel':
      return { ...state, usage: event.usage };
  }
}

/** What `--json` prints: only what the Manager received and the kernel reported. */
export interface Summary {
  registered: boolean;
  heartbeats: number;
  metricReports: number;
  collectors: Record<string, Record<string, number>>;
  agents: { id: string; status: string; pid: number; restarts: number }[];
  rssBytes: number;
  cpuPercent: number;
}

export function summarise(state: DemoState): Summary {
  const reported = Object.entries(state.collectors).filter(([, { timestamp }]) => timestamp > 0);
  const usage = state.usage[state.daemonPid];
  return {
    registered: state.registered,
    heartbeats: state.heartbeats,
    metricReports: state.metricReports,
    collectors: Object.fromEntries(reported.map(([name, { values }]) => [name, values])),
    agents: Object.values(state.agents).map(({ agentId, status, pid, restartCount }) => ({
      id: agentId,
      status,
      pid,
      restarts: restartCount,
    })),
    rssBytes: usage?.rssBytes ?? 0,
    cpuPercent: usage?.cpuPercent ?? 0,
  };
}
