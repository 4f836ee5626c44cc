/**
 * Whose process it was that the kernel killed for want of memory. Each control group counts that in memory.events, its
 * own and those below it; the group of an agent that has ended may be gone before it is looked at, and its count with
 * it. What the groups that are still there do not account for is then its own.
 */

/** What memory.events says: of all agents' groups together, and of each that is there, by name. */
export interface OomCounts {
  total: number;
  scopes: ReadonlyMap<string, number>;
}

/** Agents that were killed together are asked about one after the other. */
const TOGETHER_MS = 5000;

/** How many processes of a group, and of those below it, the kernel has killed for want of memory: memory.events. */
export function oomKills(events: string): number {
  return Number(/^oom_kill (\d+)$/m.exec(events)?.[1] ?? 0);
}

/** Which groups that are there lost a process between two looks, and whether one that has gone since did. */
export function newKills(before: OomCounts, now: OomCounts): { scopes: string[]; gone: boolean } {
  const added = [...now.scopes].map(([name, count]) => ({ name, more: count - (before.scopes.get(name) ?? 0) }));
  const accounted = added.reduce((sum, { more }) => sum + more, 0);
  // a group of all that was made anew begins at 0
  const more = now.total < before.total ? now.total : now.total - before.total;
  return { scopes: added.flatMap((scope) => (scope.more > 0 ? [scope.name] : [])), gone: more > accounted };
}

export class OomKills {
  readonly #counts: () => OomCounts;
  readonly #nowMs: () => number;
  #before: OomCounts;
  /** Groups that lost something, whose agent has not ended since. */
  readonly #lost = new Set<string>();
  /** When groups that were gone already were seen to have lost something. */
  #goneAtMs = Number.NEGATIVE_INFINITY;

  constructor(counts: () => OomCounts, nowMs: () => number) {
    this.#counts = counts;
    this.#nowMs = nowMs;
    this.#before = counts();
  }

  /** An agent is started: what it lost before is past. `isOwn`: of its groups, by name. */
  started(isOwn: (scope: string) => boolean): void {
    this.#look();
    this.#take(isOwn);
  }

  /**
   * Whether an agent that has just ended has lost a process so since it was started. To be asked at each end, whatever
   * it came of: a count that was not looked at while its group was there is taken for one of a group that has gone.
   */
  ended(isOwn: (scope: string) => boolean): boolean {
    const { scopes } = this.#look();
    if (this.#take(isOwn)) return true;
    return ![...scopes.keys()].some(isOwn) && this.#nowMs() - this.#goneAtMs <= TOGETHER_MS;
  }

  #look(): OomCounts {
    const now = this.#counts();
    const { scopes, gone } = newKills(this.#before, now);
    this.#before = now;
    for (const name of scopes) this.#lost.add(name);
    if (gone) this.#goneAtMs = this.#nowMs();
    return now;
  }

  #take(isOwn: (scope: string) => boolean): boolean {
    const own = [...this.#lost].filter(isOwn);
    for (const name of own) this.#lost.delete(name);
    return own.length > 0;
  }
}
