/** What the Manager keeps of each node, in memory and for as long as it runs. Only what it accepted. */
import type { NodeEvent, RegisteredEvent, ReportedMetric, ReportedState } from '../shared/contracts/manager-events.ts';

export interface NodeRecord {
  /** Null for a node that sent something without having registered. */
  registration: RegisteredEvent | null;
  registrations: number;
  heartbeats: number;
  /** Unix milliseconds, 0 before the first; a registration sets it back to 0. */
  lastHeartbeatAtMs: number;
  reports: number;
  /** Every entry as it came, doubles included; the oldest go first beyond the limit. */
  metrics: ReportedMetric[];
  /** By agent id. Agents are never removed. */
  states: Map<string, ReportedState>;
}

/** A demo that runs for days must not fill the memory. */
const KEPT_METRICS = 10_000;

export class NodeRecords {
  readonly #nodes = new Map<string, NodeRecord>();

  get nodes(): ReadonlyMap<string, NodeRecord> {
    return this.#nodes;
  }

  keep(event: NodeEvent): void {
    const node = this.#node(event.nodeId);
    switch (event.event) {
      case 'registered':
        node.registration = event;
        node.registrations++;
        node.lastHeartbeatAtMs = 0;
        break;
      case 'heartbeat':
        node.heartbeats++;
        node.lastHeartbeatAtMs = event.receivedAtMs;
        break;
      case 'report':
        node.reports++;
        node.metrics.push(...event.metrics);
        node.metrics.splice(0, Math.max(0, node.metrics.length - KEPT_METRICS));
        break;
      case 'states':
        for (const state of event.states) node.states.set(state.agentId, merged(node.states.get(state.agentId), state));
        break;
    }
  }

  #node(nodeId: string): NodeRecord {
    const known = this.#nodes.get(nodeId);
    if (known) return known;
    const node: NodeRecord = {
      registration: null,
      registrations: 0,
      heartbeats: 0,
      lastHeartbeatAtMs: 0,
      reports: 0,
      metrics: [],
      states: new Map(),
    };
    this.#nodes.set(nodeId, node);
    return node;
  }
}

/** As the Manager in service does: a pid of 0, a heartbeat of 0 and an empty text never replace what it has. */
function merged(old: ReportedState | undefined, state: ReportedState): ReportedState {
  if (!old) return state;
  return {
    ...state,
    pid: state.pid || old.pid,
    lastHeartbeat: state.lastHeartbeat || old.lastHeartbeat,
    type: state.type || old.type,
    version: state.version || old.version,
  };
}
