/** Agents in words, for lists and for `top`. Pure. */
import type { AgentView } from '../../shared/contracts/control.ts';
import type { Table } from './table.ts';
import { colourOf, type Paint } from './terminal.ts';
import { age, percent, size } from './words.ts';

/** What is not as it should be; empty otherwise. */
export function noteOf({ reason, enabled, wanted, status, alerts }: AgentView): string {
  const over = alerts.map(({ type }) => `over its ${type} limit`);
  const off = !enabled ? ['disabled'] : !wanted && status === 'stopped' && reason === '' ? ['stopped on purpose'] : [];
  return [...(reason === '' ? [] : [reason]), ...over, ...off].join('; ');
}

export function cpuOf({ usage }: AgentView): string {
  return usage?.cpuPercent == null ? '-' : percent(usage.cpuPercent);
}

export function memoryOf({ usage }: AgentView): string {
  return usage === null ? '-' : size(usage.rssBytes);
}

export function ageOf({ startedAtMs }: AgentView, nowMs: number): string {
  return startedAtMs === 0 ? '-' : age(nowMs - startedAtMs);
}

/** `nowMs`: Unix milliseconds. */
export function agentsTable(agents: readonly AgentView[], nowMs: number, paint: Paint): Table {
  return {
    head: ['AGENT', 'STATUS', 'PID', 'AGE', 'RESTARTS', 'CPU', 'MEMORY', 'VERSION', 'NOTE'],
    right: ['PID', 'AGE', 'RESTARTS', 'CPU', 'MEMORY'],
    rows: agents.map((agent) => [
      agent.id,
      paint(colourOf(agent.status), agent.status),
      agent.pid === 0 ? '-' : String(agent.pid),
      ageOf(agent, nowMs),
      String(agent.restarts),
      cpuOf(agent),
      memoryOf(agent),
      agent.version || '-',
      noteOf(agent),
    ]),
  };
}
