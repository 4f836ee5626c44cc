/** Agents' states and the results of updates as SyncAgentStates wants them. Pure: what the Manager would drop is cut. */
import type { AgentSnapshot } from '../../shared/contracts/agent.ts';
import type { UpdateResult } from '../../shared/contracts/update.ts';
import type { AgentState, UpdateResult as WireResult } from '../../shared/gen/daemon.ts';

const MAX_TYPE = 50;
const MAX_VERSION = 50;
const MAX_REASON = 500;
const MAX_ERROR = 2000;

const seconds = (ms: number): number => Math.floor(ms / 1000);

export function agentStates(agents: readonly AgentSnapshot[]): AgentState[] {
  return agents.map((agent) => ({
    agentId: agent.id,
    status: agent.status,
    pid: agent.pid,
    lastHeartbeat: seconds(agent.lastHeartbeatMs),
    type: agent.type.slice(0, MAX_TYPE),
    version: agent.version.slice(0, MAX_VERSION),
    restartCount: agent.restarts,
    startTime: seconds(agent.startedAtMs),
    reason: agent.reason.slice(0, MAX_REASON),
    alerts: agent.alerts.map(({ type, currentValue, threshold, timestampMs }) => ({
      type,
      currentValue,
      threshold,
      timestamp: seconds(timestampMs),
    })),
  }));
}

export function wireResult({ id, error, atMs, ...result }: UpdateResult): WireResult {
  return { ...result, updateId: id, error: error.slice(0, MAX_ERROR), timestamp: seconds(atMs) };
}
