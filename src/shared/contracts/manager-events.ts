/**
 * What the reference Manager tells about itself, one JSON object a line on its standard output, and what it can be
 * told on its standard input. The demo and the tests read it; the daemon knows nothing of it.
 */
export const MANAGER_METHODS = [
  'RegisterNode',
  'Register',
  'Heartbeat',
  'ReportMetrics',
  'SyncAgentStates',
  'Connect',
] as const;
/** Heartbeat and ReportMetrics are of both registration services. */
export type ManagerMethod = (typeof MANAGER_METHODS)[number];

/** `manager`: manager.ManagerService; `daemon`: proto.DaemonService, as the design document has it. */
export type RegistrationProtocol = 'manager' | 'daemon';

/** Faults of one method, then those of connections, of streams and of its certificates. */
export const FAULT_KINDS = [
  'refuse',
  'stall',
  'lose',
  'delay',
  'slow',
  'release',
  'clear',
  'drop',
  'goaway',
  'cut',
  'hold-stream',
  'reload-tls',
] as const;
export type FaultKind = (typeof FAULT_KINDS)[number];

/** A refused request has `accepted: false` and the answer's message. */
interface Answered {
  nodeId: string;
  /** Unix milliseconds. */
  receivedAtMs: number;
  accepted: boolean;
  message: string;
}

/** Always there in what the Manager prints. */
interface Spoken {
  protocol?: RegistrationProtocol;
}

export interface RegisteredEvent extends Answered, Spoken {
  event: 'registered';
  hostname: string;
  ip: string;
  os: string;
  arch: string;
  labels: Record<string, string>;
  daemonVersion: string;
  agentVersion: string;
}

export interface HeartbeatEvent extends Answered, Spoken {
  event: 'heartbeat';
  /** Unix seconds, as sent. */
  timestamp: number;
  /** Of the host, where the protocol has it. */
  status?: string;
}

export interface ReportedMetric {
  type: string;
  /** Unix seconds, as sent. */
  timestamp: number;
  values: Record<string, number>;
}

export interface ReportEvent extends Answered, Spoken {
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

/** Something that happened on a host (field 51 of SyncAgentStates, or over the stream). */
export interface ReportedEvent {
  number: number;
  /** Unix seconds. */
  timestamp: number;
  kind: string;
  agentId: string;
  message: string;
  details: Record<string, string>;
  lastLines: string[];
}

/** Events and results of updates that came, whichever way; those of a refused SyncAgentStates do not count. */
export interface HappenedEvent {
  event: 'happened';
  nodeId: string;
  /** Unix milliseconds. */
  receivedAtMs: number;
  via: 'sync' | 'stream';
  events: ReportedEvent[];
  updates: ReportedUpdate[];
}

/** `replaced`: by a newer one of the same node. */
export interface StreamEvent {
  event: 'stream';
  nodeId: string;
  state: 'opened' | 'closed' | 'replaced' | 'refused';
  reason: string;
  daemonVersion: string;
  operations: string[];
  maxRequests: number;
}

/** A daemon's answer to a request over its stream; `expected` is false for one that nobody waits for. */
export interface AnsweredEvent {
  event: 'answered';
  nodeId: string;
  id: number;
  /** gRPC's name of it, `OK` for a result. */
  status: string;
  message: string;
  expected: boolean;
}

/** What became of an operation. */
export interface OperationOutcome {
  success: boolean;
  /** `none`: it never left the Manager. */
  via: 'dial' | 'stream' | 'none';
  /** gRPC's name of the status; `OK` with `success: false` is a refusal in the answer. Empty: it never left. */
  status: string;
  message: string;
  /** The Manager knows no such node. */
  noSuchNode: boolean;
  /** Agents, data points, the configuration's text, or null. */
  result: unknown;
}

export interface OperatedEvent extends OperationOutcome {
  event: 'operated';
  nodeId: string;
  operation: string;
  /** Empty where it is not about an agent. */
  agent: string;
  durationMs: number;
  /** As given on standard input. */
  tag?: string;
}

/** Only with `--connections`. `number` counts up over the connections of a Manager. */
export interface ConnectionEvent {
  event: 'connected' | 'disconnected';
  number: number;
  remoteAddress: string;
  remotePort: number;
}

/** The certificates were read anew; `error` says why the old ones stay. */
export interface TlsEvent {
  event: 'tls';
  error?: string;
}

/** `--like existing`: from now on it calls no node any more. */
export interface FrozenEvent {
  event: 'frozen';
  nodeId: string;
  operation: string;
  status: string;
  message: string;
}

export interface NodeOverview {
  nodeId: string;
  hostname: string;
  ip: string;
  /** Null where it never registered. */
  protocol: RegistrationProtocol | null;
  offline: boolean;
  /** Unix milliseconds, 0: no heartbeat since it registered. */
  lastHeartbeatAtMs: number;
  registrations: number;
  heartbeats: number;
  reports: number;
  /** Entries of reports, doubles included. */
  rows: number;
  /** Entries whose type and second had come before. */
  doubles: number;
  agents: { agentId: string; status: string }[];
  stream: boolean;
}

/** Answers `{"op":"nodes"}` on standard input. */
export interface NodesEvent {
  event: 'nodes';
  nodes: NodeOverview[];
}

/** A person deleted a node; `existed` is false where there was none. */
export interface DeletedEvent {
  event: 'deleted';
  nodeId: string;
  existed: boolean;
}

export interface ListeningEvent {
  event: 'listening';
  port: number;
  /** The socket that takes operations; absent where there is none. */
  control?: string;
}

/** Answers a line of standard input; `error` says why nothing was done. */
export interface FaultEvent {
  event: 'fault';
  fault: string;
  method?: ManagerMethod;
  error?: string;
}

/** What daemons called. */
export type NodeEvent = RegisteredEvent | HeartbeatEvent | ReportEvent | StatesEvent;
/** Everything else that a Manager has to tell; none of them has `accepted`. */
export type ManagerNotice =
  | HappenedEvent
  | StreamEvent
  | AnsweredEvent
  | OperatedEvent
  | ConnectionEvent
  | TlsEvent
  | FrozenEvent
  | NodesEvent
  | DeletedEvent;
export type ManagerEvent = ListeningEvent | NodeEvent | FaultEvent;
/** Any line of its output. */
export type ManagerLine = ManagerEvent | ManagerNotice;
