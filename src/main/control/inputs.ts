/** What comes in over the control socket, checked for its form; what is left out has a default. Pure. */
import { AGENT_ACTIONS, type AgentAction, type ControlVerbs } from '../../shared/contracts/control.ts';
import { ControlRefusal } from './refusal.ts';

export type Fields = Record<string, unknown>;

export function invalid(message: string): never {
  throw new ControlRefusal('invalid', message);
}

export function text(fields: Fields, name: string): string {
  const value = fields[name] ?? '';
  return typeof value === 'string' ? value : invalid(`${name} is not a text`);
}

export function flag(fields: Fields, name: string): boolean {
  const value = fields[name] ?? false;
  return typeof value === 'boolean' ? value : invalid(`${name} is not true or false`);
}

interface Bounds {
  otherwise: number;
  min: number;
  max: number;
}

function integer(fields: Fields, name: string, { otherwise, min, max }: Bounds): number {
  const value = fields[name] ?? otherwise;
  const fits = typeof value === 'number' && Number.isSafeInteger(value) && value >= min && value <= max;
  return fits ? value : invalid(`${name} is not a whole number from ${min} to ${max}`);
}

export function operateInput(input: object): ControlVerbs['operate']['input'] {
  const fields: Fields = { ...input };
  const action: AgentAction | undefined = AGENT_ACTIONS.find((known) => known === fields['action']);
  return {
    agentId: text(fields, 'agentId'),
    action: action ?? invalid(`action is none of ${AGENT_ACTIONS.join(', ')}`),
  };
}

export function logsInput(input: object): ControlVerbs['logs']['input'] {
  const fields: Fields = { ...input };
  const lines = integer(fields, 'lines', { otherwise: 100, min: 1, max: 10_000 });
  return { agentId: text(fields, 'agentId'), lines, cursor: text(fields, 'cursor') };
}

export function eventsInput(input: object): ControlVerbs['events']['input'] {
  const fields: Fields = { ...input };
  return {
    after: integer(fields, 'after', { otherwise: 0, min: 0, max: Number.MAX_SAFE_INTEGER }),
    limit: integer(fields, 'limit', { otherwise: 1000, min: 1, max: 1000 }),
    waitMs: integer(fields, 'waitMs', { otherwise: 0, min: 0, max: 30_000 }),
  };
}

export function usageInput(input: object): ControlVerbs['usage']['input'] {
  const fields: Fields = { ...input };
  return { agentId: text(fields, 'agentId'), seconds: integer(fields, 'seconds', { otherwise: 0, min: 0, max: 1e9 }) };
}

export function freshInput(input: object): { agentId: string; fresh: boolean } {
  const fields: Fields = { ...input };
  return { agentId: text(fields, 'agentId'), fresh: flag(fields, 'fresh') };
}
