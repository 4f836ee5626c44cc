/** The agents that are known, by id, in the order of their registration. Knows nothing of what an agent is. */
import type { AgentType } from '../../shared/contracts/agent.ts';

export interface Registered {
  readonly config: { id: string; type: AgentType };
  /** Whether nothing is, or soon will be, running of it. */
  readonly idle: boolean;
}

const SAFE_ID = /^[A-Za-z0-9_-]{1,100}$/;

export class AgentRegistry<A extends Registered> {
  readonly #agents = new Map<string, A>();

  /** Throws an Error for an id that is taken, or that must not become a folder's name. */
  register(agent: A): void {
    const { id } = agent.config;
    if (!SAFE_ID.test(id))
      throw new Error(`${JSON.stringify(id)} cannot be an agent's id: letters, digits, _ and - only`);
    if (this.#agents.has(id)) throw new Error(`there is an agent ${id} already`);
    this.#agents.set(id, agent);
  }

  get(id: string): A | undefined {
    return this.#agents.get(id);
  }

  list(): A[] {
    return [...this.#agents.values()];
  }

  listByType(type: AgentType): A[] {
    return this.list().filter(({ config }) => config.type === type);
  }

  /** Throws an Error where there is no such agent, or it runs. */
  unregister(id: string): void {
    const agent = this.#agents.get(id);
    if (!agent) throw new Error(`there is no agent ${id}`);
    if (!agent.idle) throw new Error(`agent ${id} runs: stop it first`);
    this.#agents.delete(id);
  }
}
