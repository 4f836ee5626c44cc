/** What is told of the daemon's own doings. Pure. */
import type { HostEvent, HostEventKind } from '../../shared/contracts/host-event.ts';
import type { UpdateProgress, UpdateResult } from '../../shared/contracts/update.ts';

function event(kind: HostEventKind, message: string, details: HostEvent['details'] = {}, agentId = ''): HostEvent {
  return { kind, agentId, message, details, lastLines: [] };
}

/** `why`: `SIGTERM`, or what went wrong. */
export function stoppingEvent(why: string): HostEvent {
  return event('daemon-stopping', `the daemon ends: ${why}; agents run on`, { reason: why });
}

export function reloadedEvent(changes: readonly string[], needsRestart: readonly string[]): HostEvent {
  const later = needsRestart.length > 0 ? `, after a restart: ${needsRestart.join(', ')}` : '';
  const message = `configuration taken over, ${changes.length} changes${later}`;
  return event('config-reloaded', message, { changes: changes.join('\n'), needs_restart: needsRestart.join(', ') });
}

/** `problems`: as they are rendered for a person. */
export function refusedEvent(problems: string): HostEvent {
  const [first = ''] = problems.split('\n');
  return event('config-refused', `the changed configuration is not taken over: ${first}`, { problems });
}

type Begun = Omit<UpdateProgress, 'phase' | 'percent' | 'sinceMs'>;

const named = ({ component, agentId }: Begun): string => (component === 'agent' ? `agent ${agentId}` : 'the daemon');

function updateDetails({ id, component, oldVersion, newVersion }: Begun): HostEvent['details'] {
  return { id, component, old_version: oldVersion, new_version: newVersion };
}

export function begunEvent(begun: Begun): HostEvent {
  const message = `the update of ${named(begun)} from ${begun.oldVersion || 'an unknown version'} to ${begun.newVersion} has begun`;
  return event('update-begun', message, updateDetails(begun), begun.agentId);
}

export function resultEvent(result: Omit<UpdateResult, 'number'>): HostEvent {
  const { success, rolledBack, newVersion, oldVersion, error, code } = result;
  const details = updateDetails(result);
  if (success) return event('update-done', `${named(result)} is version ${newVersion} now`, details, result.agentId);
  const failed = `the update of ${named(result)} to ${newVersion} failed`;
  const back = rolledBack ? `, and was rolled back to ${oldVersion}` : '';
  const kind = rolledBack ? 'update-rolled-back' : 'update-failed';
  return event(kind, `${failed}${back}: ${error}`, { ...details, code, error }, result.agentId);
}
