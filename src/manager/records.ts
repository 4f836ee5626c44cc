/** What the Manager keeps of each node, in memory and for as long as it runs. Only what it accepted. */
import type {
  HappenedEvent,
  NodeEvent,
  RegisteredEvent,
  ReportedEvent,
  ReportedMetric,
  ReportedState,
  ReportedUpdate,
} from '../shared/contracts/manager-events.ts';
import { EntryCounts } from './entry-counts.ts';

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
  /** Of all entries that ever came. */
  entries: EntryCounts;
  /** By agent id. Agents are never removed. */
  states: Map<string, ReportedState>;
  /** By number; the oldest go first beyond the limit. */
  events: Map<number, ReportedEvent>;
  updates: Map<number, ReportedUpdate>;
}

/** A demo that runs for days must not fill the memory. */
const KEPT_METRICS = 10_000;
const KEPT_EVENTS = 1000;
/** A node that was silent for longer is shown as offline, unless it never sent a heartbeat since it registered. */
const OFFLINE_MS = 3 * 60_000;

export function isOffline({ lastHeartbeatAtMs }: NodeRecord, nowMs: number): boolean {
  return lastHeartbeatAtMs > 0 && nowMs - lastHeartbeatAtMs > OFFLINE_MS;
}

const UNKNOWN = 'unknown';

export class NodeRecords {
  readonly #nodes = new Map<string, NodeRecord>();
  readonly #deleted = new Set<string>();
  readonly #rowsOfUnknowns: boolean;

  /** `rowsOfUnknowns`: who sends a heartbeat without having registered gets a registration full of "unknown". */
  constructor({ rowsOfUnknowns = false }: { rowsOfUnknowns?: boolean } = {}) {
    this.#rowsOfUnknowns = rowsOfUnknowns;
  }

  get nodes(): ReadonlyMap<string, NodeRecord> {
    return this.#nodes;
  }

  /** Whether a person deleted the node. */
  isDeleted(nodeId: string): boolean {
    return this.#deleted.has(nodeId);
  }

  /** False where there is no such node. */
  delete(nodeId: string): boolean {
    if (!this.#nodes.delete(nodeId)) return false;
    this.#deleted.add(nodeId);
    return true;
  }

  keep(event: NodeEvent): void {
    const node = this.#node(event.nodeId);
    switch (event.event) {
      case 'registered':
        this.#deleted.delete(event.nodeId);
        node.registration = event;
        node.registrations++;
        node.lastHeartbeatAtMs = 0;
        break;
      case 'heartbeat':
        if (this.#rowsOfUnknowns) node.registration ??= unknownNode(event.nodeId, event.receivedAtMs);
        node.heartbeats++;
        node.lastHeartbeatAtMs = event.receivedAtMs;
        break;
      case 'report':
        node.reports++;
        for (const { type, timestamp } of event.metrics) node.entries.count(`${type} ${timestamp}`);
        node.metrics.push(...event.metrics);
        node.metrics.splice(0, Math.max(0, node.metrics.length - KEPT_METRICS));
        break;
      case 'states':
        for (const state of event.states) node.states.set(state.agentId, merged(node.states.get(state.agentId), state));
        break;
    }
  }

  keepHappened({ nodeId, events, updates }: HappenedEvent): void {
    const node = this.#node(nodeId);
    for (const event of events) node.events.set(event.number, event);
    for (const update of updates) node.updates.set(update.number, update);
    trim(node.events);
    trim(node.updates);
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
      entries: new EntryCounts(),
      states: new Map(),
      events: new Map(),
      updates: new Map(),
    };
    this.#nodes.set(nodeId, node);
    return node;
  }
}

function trim(kept: Map<number, unknown>): void {
  for (const number of kept.keys()) {
    if (kept.size <= KEPT_EVENTS) return;
    kept.delete(number);
  }
}

function unknownNode(nodeId: string, receivedAtMs: number): RegisteredEvent {
  return {
    event: 'registered',
    nodeId,
    hostname: UNKNOWN,
    ip: UNKNOWN,
    os: UNKNOWN,
    arch: UNKNOWN,
    labels: {},
    daemonVersion: '',
    agentVersion: '',
    receivedAtMs,
    accepted: true,
    message: 'ok',
  };
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
