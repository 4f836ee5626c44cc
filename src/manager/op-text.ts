/** What an operation brought, for a person. Pure. */
import type { OperationOutcome } from '../shared/contracts/manager-events.ts';
import type { AgentInfo, ResourceDataPoint } from '../shared/gen/daemon.ts';

const time = (unixSeconds: number): string => (unixSeconds === 0 ? '-' : new Date(unixSeconds * 1000).toISOString());

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((name, at) => Math.max(name.length, ...rows.map((row) => row[at]?.length ?? 0)));
  const line = (row: readonly string[]): string =>
    row
      .map((cell, at) => cell.padEnd(widths[at] ?? 0))
      .join('  ')
      .trimEnd();
  return [head, ...rows].map(line).join('\n');
}

function agentsTable(agents: readonly AgentInfo[]): string {
  if (agents.length === 0) return 'no agents';
  const rows = agents.map(({ id, type, version, status, pid, startTime, restartCount, lastHeartbeat }) => {
    return [id, type, version || '-', status, `${pid || '-'}`, time(startTime), `${restartCount}`, time(lastHeartbeat)];
  });
  return table(['AGENT', 'TYPE', 'VERSION', 'STATUS', 'PID', 'SINCE', 'RESTARTS', 'HEARTBEAT'], rows);
}

function pointsTable(points: readonly ResourceDataPoint[]): string {
  if (points.length === 0) return 'no data points';
  const rows = points.map(({ timestamp, cpu, memoryRss, diskReadBytes, diskWriteBytes, openFiles }) => {
    return [time(timestamp), cpu.toFixed(1), `${memoryRss}`, `${diskReadBytes}`, `${diskWriteBytes}`, `${openFiles}`];
  });
  return table(['TIME', 'CPU %', 'RSS BYTES', 'READ BYTES', 'WRITTEN BYTES', 'FILES'], rows);
}

/** Of one that succeeded. */
export function renderResult(operation: string, { result, message }: OperationOutcome): string {
  if (operation === 'list') return agentsTable(result as AgentInfo[]);
  if (operation === 'metrics') return pointsTable(result as ResourceDataPoint[]);
  if (operation === 'config') return `${result}`.trimEnd();
  return message || 'done';
}

/** Of one that did not. */
export function renderFailure({ status, message }: OperationOutcome): string {
  const code = status === '' || status === 'OK' ? '' : `${status}: `;
  return `${code}${message || 'the daemon refused without a word'}`;
}
