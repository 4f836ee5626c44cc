/**
 * Starting, stopping and restarting an agent for the Manager. Safe to repeat: what is wanted already succeeds, and the
 * same operation asked for while it is under way joins it. An operation goes on to its end whether or not its caller
 * waits for it; how it ended is then told to whoever asks for the same within a minute, in place of doing it again.
 */
import { status } from '@grpc/grpc-js';
import { describe } from '../../shared/errors/daemon-error.ts';
import type { AgentOperationResponse } from '../../shared/gen/daemon.ts';
import type { Clock } from '../../shared/platform/clock.ts';
import { StatusError } from './status-error.ts';

export const AGENT_OPERATIONS = ['start', 'stop', 'restart'] as const;
export type AgentOperation = (typeof AGENT_OPERATIONS)[number];

export interface OperableAgents {
  /** Throw D3001, D3002. */
  startAgent(id: string): Promise<void>;
  stopAgent(id: string, reason: string): Promise<void>;
  restartAgent(id: string, reason: string): Promise<void>;
}

/** Who asks for an operation. */
export interface Asker {
  /** What an agent's end is put down to. */
  reason: string;
  /** Whether it may ask once more only because it was not told how the first time ended. */
  asksAgain: boolean;
}

const MANAGER: Asker = { reason: 'the Manager asked for it', asksAgain: true };
/** Whoever asks here wants it done now. */
export const THIS_HOST: Asker = { reason: 'asked for on this host', asksAgain: false };

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

interface UnderWay {
  done: Promise<AgentOperationResponse>;
  /** Whether they have gone, by caller. */
  callers: (() => boolean)[];
}

interface Untold {
  agentId: string;
  response: AgentOperationResponse;
  endedMs: number;
}

/** How long an outcome that nobody waited for is news. */
const NEWS_MS = 60_000;

export class AgentOperator {
  readonly #agents: OperableAgents;
  readonly #clock: Clock;
  /** By agent and operation, as what follows. */
  readonly #underWay = new Map<string, UnderWay>();
  readonly #untold = new Map<string, Untold>();

  constructor(agents: OperableAgents, clock: Clock) {
    this.#agents = agents;
    this.#clock = clock;
  }

  /** Never rejects: an operation that failed is an answer. `gone`: whether nobody waits for it any more. */
  operate(
    agentId: string,
    operation: AgentOperation,
    gone: () => boolean = () => false,
    asker = MANAGER,
  ): Promise<AgentOperationResponse> {
    const key = `${operation} ${agentId}`;
    const present = this.#underWay.get(key);
    if (present) {
      present.callers.push(gone);
      return present.done;
    }
    const untold = this.#untold.get(key);
    for (const [other, { agentId: of }] of this.#untold) if (of === agentId) this.#untold.delete(other);
    const isNews = asker.asksAgain && untold && this.#clock.nowMs() - untold.endedMs < NEWS_MS;
    if (isNews) return Promise.resolve(untold.response);
    const callers = [gone];
    const done = this.#carryOut(agentId, operation, asker.reason).then(
      () => ({ success: true, errorMessage: '' }),
      (error: unknown) => ({ success: false, errorMessage: describe(error) }),
    );
    this.#underWay.set(key, { done, callers });
    void done.then((response) => {
      this.#underWay.delete(key);
      if (callers.every((caller) => caller())) this.#keep(key, agentId, operation, response);
    });
    return done;
  }

  /** A start or a stop that succeeded is not kept: repeated, it finds out by itself what is so now. */
  #keep(
    key: string,
    agentId: string,
    operation: AgentOperation,
    { success, errorMessage }: AgentOperationResponse,
  ): void {
    if (success && operation !== 'restart') return;
    const told = success ? '' : `the ${operation} that was asked for before failed: ${errorMessage}`;
    this.#untold.set(key, { agentId, response: { success, errorMessage: told }, endedMs: this.#clock.nowMs() });
  }

  #carryOut(agentId: string, operation: AgentOperation, reason: string): Promise<void> {
    switch (operation) {
      case 'start':
        return this.#agents.startAgent(agentId);
      case 'stop':
        return this.#agents.stopAgent(agentId, reason);
      case 'restart':
        return this.#agents.restartAgent(agentId, reason);
    }
  }
}
