/**
 * What the reference Manager tells about itself, one JSON object a line on its standard output, and what it can be
 * told on its standard input. The demo and the tests read it; the daemon knows nothing of it.
 */
export const MANAGER_METHODS = ['RegisterNode', 'Heartbeat', 'ReportMetrics', 'SyncAgentStates'] as const;
export type ManagerMethod = (typeof MANAGER_METHODS)[number];

/** Faults of one method, and the last two of the connections. */
export const FAULT_KINDS = ['refuse', 'stall', 'lose', 'delay', 'release', 'clear', 'drop', 'goaway'] as const;
export type FaultKind = (typeof FAULT_KINDS)[number];

/** A refused request has `accepted: false` and the answer's message. */
interface Answered {
  nodeId: string;
  /** Unix milliseconds. */
  receivedAtMs: number;
  accepted: boolean;
  message: string;
}

export interface RegisteredEvent extends Answered {
  event: 'registered';
  hostname: string;
  ip: string;
  os: string;
  arch: string;
  labels: Record<string, string>;
  daemonVersion: string;
  agentVersion: string;
}

export interface HeartbeatEvent extends Answered {
  event: 'heartbeat';
  /** Unix seconds, as sent. */
  timestamp: number;
}

export interface ReportedMetric {
  type: string;
  /** Unix seconds, as sent. */
  timestamp: number;
  values: Record<string, number>;
}

export interface ReportEvent extends Answered {
  event: 'report';
  metrics: ReportedMetric[];
}

export interface ReportedState {
  agentId: string;
  status: string;
  /** 0 when not running. */
  pid: number;
  /** Unix seconds, 0 when none came. */
  lastHeartbeat: number;
  type: string;
  version: string;
  restartCount: number;
  /** Unix seconds, 0 when not running. */
  startTime: number;
  reason: string;
  /** Thresholds that it is over. */
  alerts: { type: string; currentValue: number; threshold: number; timestamp: number }[];
}

export interface ReportedUpdate {
  number: number;
  updateId: string;
  component: string;
  agentId: string;
  success: boolean;
  oldVersion: string;
  newVersion: string;
  code: string;
  error: string;
  rolledBack: boolean;
  /** Unix seconds. */
  timestamp: number;
}

export interface StatesEvent extends Answered {
  event: 'states';
  states: ReportedState[];
  updates: ReportedUpdate[];
}

export interface ListeningEvent {
  event: 'listening';
  port: number;
}

/** Answers a line of standard input; `error` says why nothing was done. */
export interface FaultEvent {
  event: 'fault';
  fault: string;
  method?: ManagerMethod;
  error?: string;
}

/** What daemons did. */
export type NodeEvent = RegisteredEvent | HeartbeatEvent | ReportEvent | StatesEvent;
export type ManagerEvent = ListeningEvent | NodeEvent | FaultEvent;
