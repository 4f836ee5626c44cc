/**
 * The daemon's control socket, `work_dir/control.sock`: one JSON object a line each way. A request names its verb; its
 * answer has `result`, or `error`. Root and the daemon's group may connect: whoever does is somebody on this host.
 */
import type { ResourceDataPoint } from '../gen/daemon.ts';
import type { AgentSnapshot } from './agent.ts';
import type { CheckResult } from './health.ts';
import type { Sample } from './metrics.ts';
import type { UpdateComponent, UpdateRequest, UpdateStatus } from './update.ts';

export const CONTROL_SOCKET = 'control.sock';

export interface ShownBackup {
  /** Its file name, to be named in a rollback. */
  name: string;
  version: string;
  createdMs: number;
  good: boolean;
}

interface Target {
  component: UpdateComponent;
  agentId: string;
}

interface Begun {
  id: string;
  state: 'begun' | 'under-way' | 'done';
  message: string;
}

/** The daemon's side of the Manager, to be shown. */
export interface LinkView {
  /** `connecting`, `registering`, `connected`, `backing-off`, `closed`. */
  state: string;
  /** Unix milliseconds. */
  sinceMs: number;
  /** Why it is not connected; empty where it is, or was not tried yet. */
  reason: string;
  /** HOST:PORT of the Manager that serves it, or did last. */
  address: string;
  /** Empty while it is not connected. */
  protocol: string;
  nodeId: string;
  /** Of the stream by which the Manager's operations come. */
  stream: string;
  /** What goes unencrypted: `manager`, `server`. */
  plaintext: string[];
  reports: { waiting: number; bytes: number; onDisk: number; deadLetters: number };
  events: number;
  /** Null without TLS. */
  certificate: {
    subject: string;
    /** ISO 8601. */
    notAfter: string;
    daysLeft: number;
    state: string;
    /** Why what is in the files is not in use; empty where it is. */
    candidate: string;
  } | null;
  /** Of the operations that the Manager calls; 0: it does not listen. */
  operationsPort: number;
}

/** What runs here, at a glance. */
export interface StatusView {
  version: string;
  pid: number;
  nodeId: string;
  hostName: string;
  /** Unix milliseconds. */
  startedMs: number;
  configFile: string;
  workDir: string;
  /** `full`, `basic`, `off`; whether pages are really given back just now. */
  footprint: { mode: string; givesPagesBack: boolean };
  /** Bytes, by the kernel. */
  rssBytes: number;
  /** By status. */
  agents: Record<string, number>;
  link: Pick<LinkView, 'state' | 'sinceMs' | 'reason' | 'address'>;
  /** Unix milliseconds; 0: none so far. */
  lastCollectionMs: number;
  updatesUnderWay: number;
}

/** What an agent used at its last health check. */
export interface AgentUsage {
  /** Unix milliseconds. */
  atMs: number;
  /** Percent of one core since the check before. */
  cpuPercent: number | null;
  rssBytes: number;
  /** File descriptors. */
  openFiles: number | null;
}

export interface AgentView extends AgentSnapshot {
  /** Whether it is meant to run. */
  wanted: boolean;
  /** In the configuration; a disabled one is never started by itself. */
  enabled: boolean;
  /** Null before its first check, and while it does not run. */
  usage: AgentUsage | null;
}

export const AGENT_ACTIONS = ['start', 'stop', 'restart'] as const;
export type AgentAction = (typeof AGENT_ACTIONS)[number];

export interface ActionOutcome {
  agentId: string;
  success: boolean;
  /** Why not; empty where it succeeded. */
  error: string;
}

/** Something that happened, as the daemon remembers it for the people of this host. */
export interface RecordedEvent {
  /** From 1 up, over restarts; a gap means that older ones were given up. */
  number: number;
  /** Unix milliseconds. */
  atMs: number;
  /** `agent-started`, `agent-exited`, `update-done`, `link-connected` …: docs/control-protocol.md has them all. */
  kind: string;
  /** Empty where it is not about an agent. */
  agentId: string;
  /** For a person. */
  message: string;
  details: Record<string, string>;
}

/** One look at a log. `cursor` is to be handed in as it came; it survives rotation. */
export interface LogLines {
  lines: string[];
  cursor: string;
  /** More is there already: ask again at once. */
  more: boolean;
}

/** A value of the configuration and where it came from. */
export interface ConfigOrigin {
  /** Of the key, `manager.tls.ca_file`. */
  path: string;
  /** `default`, or `FILE:LINE`; `FILE` alone where it says something else by now, which is not in force. */
  from: string;
}

export interface ControlVerbs {
  status: { input: Record<string, never>; output: StatusView };
  agents: { input: Record<string, never>; output: AgentView[] };
  /** `agentId` empty: all that are enabled, in the order of their start, or the reverse of it for a stop. */
  operate: { input: { agentId: string; action: AgentAction }; output: ActionOutcome[] };
  /** `agentId` empty: the daemon's own. `cursor` empty: the last `lines` lines; else what came since. */
  logs: { input: { agentId: string; lines: number; cursor: string }; output: LogLines };
  /** `fresh`: collected now, else as collected last. `atMs` 0: nothing was collected so far. */
  metrics: { input: { fresh: boolean }; output: { atMs: number; samples: Sample[]; errors: string[] } };
  /** `fresh`: looked at now, without consequences. */
  health: {
    input: { agentId: string; fresh: boolean };
    output: { pid: number; checks: CheckResult[] };
  };
  /** What an agent used at its health checks of the last `seconds` (0: of the hour that is kept), as GetAgentMetrics has it. */
  usage: { input: { agentId: string; seconds: number }; output: ResourceDataPoint[] };
  /** An agent's own configuration file without secrets, as GetConfig has it. */
  agentConfig: { input: { agentId: string }; output: { text: string } };
  /** Those after number `after`, oldest first, at most `limit` (1 to 1000); waits up to `waitMs` (30,000) for one. */
  events: {
    input: { after: number; limit: number; waitMs: number };
    output: { events: RecordedEvent[]; newest: number };
  };
  /** Takes the changed configuration over now. Refused with D1002 and what is wrong. */
  reload: { input: Record<string, never>; output: { changes: string[]; needsRestart: string[] } };
  /** What is in force, in the file's own keys, without secrets. */
  config: { input: Record<string, never>; output: { effective: object; origins: ConfigOrigin[] } };
  link: { input: Record<string, never>; output: LinkView };
  update: { input: Omit<UpdateRequest, 'origin'>; output: Begun };
  updateStatus: { input: Record<string, never>; output: UpdateStatus };
  /** What was rolled back has been seen. */
  updateAcknowledge: { input: Record<string, never>; output: Record<string, never> };
  backups: { input: Target; output: ShownBackup[] };
  /** `backup`: its file name; empty for the newest of another version. */
  rollback: { input: Target & { backup: string }; output: Begun };
}

export type ControlVerb = keyof ControlVerbs;

export interface ControlError {
  /**
   * A D code; `invalid`: the request is wrong in itself; `no-agent`: there is no agent of that id; `busy`: too many ask
   * at once; else `internal`.
   */
  code: string;
  message: string;
}

export type ControlAnswer<V extends ControlVerb> = { result: ControlVerbs[V]['output'] } | { error: ControlError };

/** Whoever asks. */
export interface ControlCaller {
  /** Aborted when nobody waits for the answer any more. */
  signal: AbortSignal;
}

/** What a server does for each verb. */
export type ControlHandlers = {
  [V in ControlVerb]: (input: ControlVerbs[V]['input'], caller?: ControlCaller) => Promise<ControlVerbs[V]['output']>;
};
