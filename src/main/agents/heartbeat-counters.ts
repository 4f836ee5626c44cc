/** What came in, by agent and in all, over every way that heartbeats take. */
export class HeartbeatCounters {
  /** Taken for an agent. */
  received = 0;
  /** Well formed, but of a pid that is no agent's, or for an agent that there is not. */
  refused = 0;
  malformed = 0;
  /** More than the rate allows. */
  dropped = 0;
  readonly #byAgent = new Map<string, number>();

  count(agentId: string): void {
    this.received++;
    this.#byAgent.set(agentId, (this.#byAgent.get(agentId) ?? 0) + 1);
  }

  forget(agentId: string): void {
    this.#byAgent.delete(agentId);
  }

  snapshot(): {
    received: number;
    refused: number;
    malformed: number;
    dropped: number;
    agents: Record<string, number>;
  } {
    const { received, refused, malformed, dropped } = this;
    return { received, refused, malformed, dropped, agents: Object.fromEntries(this.#byAgent) };
  }
}
