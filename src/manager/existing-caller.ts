/**
 * How the Manager in service calls daemons, with its weaknesses: what it never calls, whom it refuses without asking
 * the daemon, and the freeze, after which it calls no node until it is started anew. Pure but for having frozen.
 */
import type { OperationOutcome } from '../shared/contracts/manager-events.ts';
import { agentOf, type OperationCall } from './operation.ts';
import type { NodeRecord } from './records.ts';

const AGENT_ID = /^[A-Za-z0-9_-]{1,100}$/;
const FREEZING_STATUS = ['UNAVAILABLE', 'DEADLINE_EXCEEDED'];
const FREEZING_WORDS = /connection|timeout|deadline exceeded|unavailable/i;

export class ExistingCaller {
  #frozenBy = '';

  /** Why the operation does not reach the daemon, or null. */
  refusal({ operation, via }: OperationCall, { states }: Pick<NodeRecord, 'states'>): string | null {
    if (this.#frozenBy) return `frozen: it calls no node any more, since a call ended with ${this.#frozenBy}`;
    if (via === 'stream') return 'the existing Manager has no streams';
    const name = operation.operation;
    if (name === 'config' || name === 'push-update') return `the existing Manager never asks for ${name}`;
    if (name === 'list') return null;
    const agent = agentOf(operation);
    if (!AGENT_ID.test(agent)) return `${JSON.stringify(agent)} is no agent id: 1 to 100 of A-Z a-z 0-9 _ -`;
    return states.has(agent) ? null : `agent ${agent} was never synced: the existing Manager knows no such agent`;
  }

  /** Whether this outcome was the one answer too many. True once: afterwards nothing is called. */
  freezes({ status, message }: OperationOutcome): boolean {
    if (!FREEZING_STATUS.includes(status) && !FREEZING_WORDS.test(message)) return false;
    this.#frozenBy = `${status}: ${message}`;
    return true;
  }
}
