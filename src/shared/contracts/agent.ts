import type { ResourceAlert } from './health.ts';

/** What is known about an agent, in the design document's terms (4.1, 4.3). */
export const AGENT_TYPES = ['filebeat', 'telegraf', 'node_exporter', 'custom'] as const;
export type AgentType = (typeof AGENT_TYPES)[number];

export type AgentStatus = 'stopped' | 'starting' | 'running' | 'stopping' | 'restarting' | 'failed';

/** How a process ended: an exit code or a signal, never both; both null where only its absence was seen. */
export interface AgentExit {
  code: number | null;
  signal: string | null;
  /** Unix milliseconds. */
  atMs: number;
}

/** One agent as everybody but its owner sees it: a copy, never the table's own entry. */
export interface AgentSnapshot {
  id: string;
  type: AgentType;
  name: string;
  status: AgentStatus;
  /** Why it is in that status, for a person; empty when all is as it should be. */
  reason: string;
  /** 0 when not running. */
  pid: number;
  /** Unix milliseconds, 0 when not running. */
  startedAtMs: number;
  /** Restarts by policy since the agent was first registered. */
  restarts: number;
  /** Unix milliseconds, 0 when never restarted. */
  lastRestartMs: number;
  /** Unix milliseconds of the last heartbeat, 0 when none came. */
  lastHeartbeatMs: number;
  /** From its heartbeats; empty while unknown. */
  version: string;
  lastExit: AgentExit | null;
  /** Thresholds that it is over, told and not yet taken back. */
  alerts: ResourceAlert[];
}
