/** Plain lines for where there is no terminal: what changed from one state to the next, and now and then a summary. Pure. */
import { bytes, collectorLine, milliseconds, percent } from './figures.ts';
import type { DemoState } from './state.ts';

function agentChanges(before: DemoState, after: DemoState): string[] {
  return Object.values(after.agents).flatMap((agent) => {
    const earlier = before.agents[agent.agentId];
    if (earlier && earlier.status === agent.status && earlier.pid === agent.pid) return [];
    const pid = agent.pid ? ` with pid ${agent.pid}` : '';
    return [`agent ${agent.agentId} is ${agent.status}${pid}${agent.reason ? `: ${agent.reason}` : ''}`];
  });
}

export function changes(before: DemoState, after: DemoState): string[] {
  const lines: string[] = [];
  if (after.link.state !== before.link.state || after.link.reason !== before.link.reason) {
    lines.push(`link to the Manager: ${after.link.state}${after.link.reason ? ` (${after.link.reason})` : ''}`);
  }
  if (after.registered && !before.registered) lines.push(`registered as ${after.nodeId} (${after.hostname})`);
  if (after.heartbeats > 0 && before.heartbeats === 0) lines.push('first heartbeat received');
  for (const [name, { timestamp, values }] of Object.entries(after.collectors)) {
    if (timestamp > 0 && !before.collectors[name]?.timestamp)
      lines.push(`first report of ${name}: ${collectorLine(name, values)}`);
  }
  return [...lines, ...agentChanges(before, after)];
}

/** One line for the whole. */
export function statusLine(state: DemoState): string {
  const usage = state.usage[state.daemonPid];
  const running = Object.values(state.agents).filter(({ status }) => status === 'running').length;
  return [
    `heartbeats ${state.heartbeats} (round trip ${milliseconds(state.heartbeatRoundTripMs)})`,
    `reports ${state.metricReports}`,
    `agents running ${running} of ${Object.keys(state.agents).length}`,
    usage ? `daemon ${bytes(usage.rssBytes)}, CPU ${percent(usage.cpuPercent)}` : 'daemon not running',
  ].join(', ');
}
