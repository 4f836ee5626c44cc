/**
 * Starting, stopping and restarting an agent for the Manager. Safe to repeat: what is wanted already succeeds, and the
 * same operation asked for while it is under way joins it. An operation goes on to its end whether or not its caller
 * waits for it; how it ended is told to whoever asks next.
 */
import { status } from '@grpc/grpc-js';
import { describe } from '../../shared/errors/daemon-error.ts';
import type { AgentOperationResponse } from '../../shared/gen/daemon.ts';
import { StatusError } from './status-error.ts';

export const AGENT_OPERATIONS = ['start', 'stop', 'restart'] as const;
export type AgentOperation = (typeof AGENT_OPERATIONS)[number];

export interface OperableAgents {
  /** Throw D3001, D3002. */
  startAgent(id: string): Promise<void>;
  stopAgent(id: string, reason: string): Promise<void>;
  restartAgent(id: string, reason: string): Promise<void>;
}

const REASON = 'the Manager asked for it';

/** Which agent and operation are meant. Throws a StatusError. Pure. */
export function checkOperation(agentId: string, operation: string, agentIds: readonly string[]): AgentOperation {
  if (agentId === '') throw new StatusError(status.INVALID_ARGUMENT, 'agent_id is empty');
  const known = AGENT_OPERATIONS.find((name) => name === operation);
  if (!known) {
    throw new StatusError(status.INVALID_ARGUMENT, `operation is none of ${AGENT_OPERATIONS.join(', ')}`);
  }
  if (!agentIds.includes(agentId)) throw new StatusError(status.NOT_FOUND, `there is no agent ${agentId}`);
  return known;
}

export class AgentOperator {
  readonly #agents: OperableAgents;
  /** By agent and operation. */
  readonly #underWay = new Map<string, Promise<AgentOperationResponse>>();

  constructor(agents: OperableAgents) {
    this.#agents = agents;
  }

  /** Never rejects: an operation that failed is an answer. */
  operate(agentId: string, operation: AgentOperation): Promise<AgentOperationResponse> {
    const key = `${operation} ${agentId}`;
    const present = this.#underWay.get(key);
    if (present !== undefined) return present;
    const done = this.#carryOut(agentId, operation).then(
      () => ({ success: true, errorMessage: '' }),
      (error: unknown) => ({ success: false, errorMessage: describe(error) }),
    );
    this.#underWay.set(key, done);
    void done.then(() => this.#underWay.delete(key));
    return done;
  }

  #carryOut(agentId: string, operation: AgentOperation): Promise<void> {
    switch (operation) {
      case 'start':
        return this.#agents.startAgent(agentId);
      case 'stop':
        return this.#agents.stopAgent(agentId, REASON);
      case 'restart':
        return this.#agents.restartAgent(agentId, REASON);
    }
  }
}
