/** What is told of things that happened, in the Manager's own terms. Pure. */
import type { ResourceAlert } from '../../shared/contracts/health.ts';
import type { HostEvent } from '../../shared/contracts/host-event.ts';
import type { LostReports } from './queue/report-queue.ts';

export function alertEvent({ agentId, type, currentValue, threshold, state }: ResourceAlert): HostEvent {
  const words = state === 'raised' ? `is over its ${type} threshold` : `is below its ${type} threshold again`;
  return {
    kind: state === 'raised' ? 'alert-raised' : 'alert-cleared',
    agentId,
    message: `agent ${agentId} ${words}`,
    details: { type, current_value: String(currentValue), threshold: String(threshold) },
    lastLines: [],
  };
}

export function connectedEvent(address: string, protocol: string): HostEvent {
  const message = `connected to the Manager at ${address}`;
  return { kind: 'link-connected', agentId: '', message, details: { address, protocol }, lastLines: [] };
}

export function lostLinkEvent(reason: string, code: string): HostEvent {
  const message = `no link to the Manager: ${reason}`;
  return { kind: 'link-lost', agentId: '', message, details: { code, reason }, lastLines: [] };
}

/** Null where none was lost. */
export function lostEvent({ room, age, unanswered }: LostReports): HostEvent | null {
  const reasons = [
    [room, 'for want of room'],
    [age, 'for their age'],
    [unanswered, 'after two lost answers'],
  ] as const;
  const parts = reasons.flatMap(([count, why]) => (count > 0 ? [`${count} ${why}`] : []));
  if (parts.length === 0) return null;
  return {
    kind: 'reports-lost',
    agentId: '',
    message: `reports were given up: ${parts.join(', ')}`,
    details: { room: String(room), age: String(age), unanswered: String(unanswered) },
    lastLines: [],
  };
}
