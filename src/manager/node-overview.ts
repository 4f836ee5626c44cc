/** What the Manager knows of its nodes, at a glance. Pure. */
import type { NodeOverview } from '../shared/contracts/manager-events.ts';
import { isOffline, type NodeRecord } from './records.ts';

export function nodeOverview(
  nodes: ReadonlyMap<string, NodeRecord>,
  hasStream: (nodeId: string) => boolean,
  nowMs: number,
): NodeOverview[] {
  return [...nodes].map(([nodeId, node]) => ({
    nodeId,
    hostname: node.registration?.hostname ?? '',
    ip: node.registration?.ip ?? '',
    protocol: node.registration?.protocol ?? null,
    offline: isOffline(node, nowMs),
    lastHeartbeatAtMs: node.lastHeartbeatAtMs,
    registrations: node.registrations,
    heartbeats: node.heartbeats,
    reports: node.reports,
    rows: node.entries.rows,
    doubles: node.entries.doubles,
    agents: [...node.states.values()].map(({ agentId, status }) => ({ agentId, status })),
    stream: hasStream(nodeId),
  }));
}
