/** Events as calm lines for a person. Pure. */
import type { ManagerLine, ManagerNotice, NodeOverview } from '../shared/contracts/manager-events.ts';

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

const plural = (count: number, what: string): string => `${count} ${what}${count === 1 ? '' : 's'}`;

/** One node of `nodes`. */
export function renderNode(node: NodeOverview): string {
  const { nodeId, hostname, ip, protocol, offline, stream, rows, doubles } = node;
  const where = protocol === null ? 'never registered' : `${hostname} ${ip} (${protocol})`;
  const agents = node.agents.map(({ agentId, status }) => `${agentId} ${status}`).join(', ') || 'no agents';
  const seen = node.lastHeartbeatAtMs === 0 ? 'no heartbeat yet' : `seen ${time(node.lastHeartbeatAtMs)}`;
  return [
    `${nodeId}: ${where}`,
    offline ? 'offline' : seen,
    stream ? 'with a stream' : 'no stream',
    `${rows} entries, ${plural(doubles, 'double')}`,
    agents,
  ].join('; ');
}

function renderNotice(event: ManagerNotice): string {
  switch (event.event) {
    case 'happened': {
      const parts = [
        ...event.events.map(({ number, kind, message }) => `${number} ${kind}: ${message}`),
        ...event.updates.map(({ number, component, agentId, success, newVersion, error }) => {
          const what = agentId || component;
          return `update ${number}: ${what} ${newVersion}${success ? '' : ` failed: ${error}`}`;
        }),
      ];
      return `${time(event.receivedAtMs)} ${event.nodeId} tells: ${parts.join(', ')}`;
    }
    case 'stream':
      return `${event.nodeId || 'a'} stream ${event.state}${event.reason && `: ${event.reason}`}`;
    case 'answered':
      return `${event.nodeId} answers request ${event.id}: ${event.status}${event.message && ` ${event.message}`}`;
    case 'operated': {
      const what = [event.operation, event.agent].filter(Boolean).join(' ');
      const outcome = event.success ? 'done' : `failed: ${[event.status, event.message].filter(Boolean).join(' ')}`;
      return `${event.nodeId} ${what} (${event.via}): ${outcome}`;
    }
    case 'connected':
    case 'disconnected':
      return `${event.event}: ${event.remoteAddress} port ${event.remotePort}`;
    case 'tls':
      return event.error === undefined ? 'certificates read anew' : `the old certificates stay: ${event.error}`;
    case 'frozen':
      return `frozen: calls no node any more, since ${event.operation} on ${event.nodeId} ended ${event.status} ${event.message}`;
    case 'nodes':
      return event.nodes.map(renderNode).join('\n') || 'no nodes';
    case 'deleted':
      return event.existed ? `${event.nodeId} deleted` : `there is no node ${event.nodeId}`;
  }
}

export function renderEvent(event: ManagerLine): string {
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
    default:
      return renderNotice(event);
  }
}
