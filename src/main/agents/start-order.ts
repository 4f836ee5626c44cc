/**
 * Which agents may start now, and which may stop now, by their `after`. Pure. An agent waits for those that it comes
 * after as long as they may still become ready; one that is not coming (stopped, failed) holds nobody up.
 */
import type { AgentStatus } from '../../shared/contracts/agent.ts';

export interface Ordered {
  id: string;
  after: readonly string[];
}

export type StatusOf = (id: string) => AgentStatus | undefined;

const COMING: ReadonlySet<AgentStatus | undefined> = new Set(['starting', 'restarting', 'stopping']);

/** Those of `waiting` that need not wait any longer. `starting`: ids that wait themselves and are yet to be started. */
export function mayStart(waiting: readonly Ordered[], status: StatusOf): string[] {
  const still = new Set(waiting.map(({ id }) => id));
  return waiting
    .filter(({ after }) => after.every((id) => !still.has(id) && !COMING.has(status(id))))
    .map(({ id }) => id);
}

/** Groups of ids to stop one after another: whoever comes after another is stopped before it. */
export function stopOrder(agents: readonly Ordered[]): string[][] {
  const left = new Map(agents.map((agent) => [agent.id, agent]));
  const groups: string[][] = [];
  while (left.size > 0) {
    const needed = new Set([...left.values()].flatMap(({ after }) => after));
    const free = [...left.keys()].filter((id) => !needed.has(id));
    // a cycle is a configuration error, found before; nothing may loop for ever all the same
    const group = free.length > 0 ? free : [...left.keys()];
    for (const id of group) left.delete(id);
    groups.push(group);
  }
  return groups;
}
