/**
 * What the Manager in service refuses, and with which words. Pure. A refusal is a text for `message`; null accepts.
 * Lengths are those of its table's columns, in characters.
 */
import type { ReportedMetric } from '../shared/contracts/manager-events.ts';
import type { AgentState } from '../shared/gen/daemon.ts';
import type { RegisterNodeRequest } from '../shared/gen/manager.ts';

const REGISTRATION_LIMITS = {
  nodeId: 50,
  hostname: 100,
  ip: 50,
  os: 50,
  arch: 20,
  daemonVersion: 20,
  agentVersion: 20,
} as const satisfies Partial<Record<keyof RegisterNodeRequest, number>>;
const MAX_METRIC_TYPE = 20;
const MAX_STATUS = 20;
const MAX_AGENT_TYPE = 50;
const MAX_AGENT_VERSION = 50;

/** For a node that a person deleted: its row is still there, and the key is taken. */
export const DUPLICATE_KEY = 'duplicate key value violates unique constraint "nodes_node_id_key"';

/** Characters, as a database counts them: code points, not UTF-16 units. */
const length = (text: string): number => [...text].length;

export function registrationRefusal(request: Record<keyof typeof REGISTRATION_LIMITS, string>): string | null {
  for (const [name, limit] of Object.entries(REGISTRATION_LIMITS) as [keyof typeof REGISTRATION_LIMITS, number][]) {
    if (length(request[name]) > limit) return `${name} has more than ${limit} characters`;
  }
  return null;
}

/** One bad value refuses the whole batch. */
export function reportRefusal(metrics: readonly ReportedMetric[]): string | null {
  if (metrics.length === 0) return 'the list of metrics is empty';
  for (const { type, values } of metrics) {
    if (length(type) > MAX_METRIC_TYPE) return `the type ${type} has more than ${MAX_METRIC_TYPE} characters`;
    for (const [name, value] of Object.entries(values)) {
      if (!Number.isFinite(value)) return `${type}.${name} is not a finite number`;
    }
  }
  return null;
}

/** A state that does not fit is left out without a word; the others are taken. */
export function acceptableState(state: AgentState): boolean {
  return (
    state.agentId !== '' &&
    length(state.status) <= MAX_STATUS &&
    length(state.type) <= MAX_AGENT_TYPE &&
    length(state.version) <= MAX_AGENT_VERSION
  );
}
