/** Events as calm lines for a person. Pure. */
import type { ManagerEvent } from '../shared/contracts/manager-events.ts';

const SHOWN = ['usage_percent', 'rx_bytes', 'tx_bytes'];

function time(unixMs: number): string {
  return new Date(unixMs).toISOString().slice(11, 19);
}

function outcome(event: { accepted: boolean; message: string }): string {
  return event.accepted ? '' : `  refused: ${event.message}`;
}

/** The figures that the Manager's own pages show first. */
function figures(values: Record<string, number>): string {
  const shown = SHOWN.filter((name) => values[name] !== undefined);
  return shown.map((name) => `${name}=${Math.round((values[name] ?? 0) * 10) / 10}`).join(' ');
}

export function renderEvent(event: ManagerEvent): string {
  switch (event.event) {
    case 'listening':
      return `listening on port ${event.port}`;
    case 'fault':
      return event.error
        ? `fault not set: ${event.error}`
        : `fault: ${[event.fault, event.method].filter(Boolean).join(' ')}`;
    case 'registered': {
      const { nodeId, hostname, ip, os, arch, daemonVersion } = event;
      return `${time(event.receivedAtMs)} ${nodeId} registers: ${hostname} ${ip} ${os}/${arch} daemon ${daemonVersion}${outcome(event)}`;
    }
    case 'heartbeat':
      return `${time(event.receivedAtMs)} ${event.nodeId} heartbeat${outcome(event)}`;
    case 'report': {
      const parts = event.metrics.map(({ type, values }) => [type, figures(values)].filter(Boolean).join(' '));
      return `${time(event.receivedAtMs)} ${event.nodeId} reports ${parts.join(', ') || 'nothing'}${outcome(event)}`;
    }
    case 'states': {
      const parts = event.states.map(({ agentId, status, pid }) => `${agentId} ${status}${pid ? ` (${pid})` : ''}`);
      return `${time(event.receivedAtMs)} ${event.nodeId} agents: ${parts.join(', ') || 'none'}${outcome(event)}`;
    }
  }
}
