/** Agents and their resource use as the wire contract has them. Pure. */
import type { AgentSnapshot } from '../../shared/contracts/agent.ts';
import type { ResourceUsage } from '../../shared/contracts/health.ts';
import type { AgentInfo, ResourceDataPoint } from '../../shared/gen/daemon.ts';

/** One look at an agent's resource use. */
export interface UsagePoint extends Omit<ResourceUsage, 'threads'> {
  /** Unix seconds. */
  atSeconds: number;
}

const seconds = (ms: number): number => Math.floor(ms / 1000);

export function agentInfo(agent: AgentSnapshot): AgentInfo {
  const { id, type, version, status, pid } = agent;
  return {
    ...{ id, type, version, status, pid },
    startTime: seconds(agent.startedAtMs),
    restartCount: agent.restarts,
    lastHeartbeat: seconds(agent.lastHeartbeatMs),
  };
}

/** Figures that are not to be had are 0: the contract has no way to leave one out. */
export function dataPoint(point: UsagePoint): ResourceDataPoint {
  return {
    timestamp: point.atSeconds,
    cpu: point.cpuPercent ?? 0,
    memoryRss: point.rssBytes,
    memoryVms: point.vmsBytes,
    diskReadBytes: point.diskReadBytes ?? 0,
    diskWriteBytes: point.diskWriteBytes ?? 0,
    openFiles: point.openFiles ?? 0,
  };
}
