/**
 * Whose process it was that the kernel killed for want of memory. Each control group counts that in memory.events, its
 * own and those below it; the group of an agent that has ended may be gone before it is looked at, and its count with
 * it. What the groups that are still there do not account for was of one that has gone.
 */

/** What memory.events says: of all agents' groups together, and of each that could be read, by name. */
export interface OomCounts {
  total: number;
  scopes: ReadonlyMap<string, number>;
}

/** The groups as they are read. */
export interface OomReadings {
  total(): number;
  /** Of those that are there; one that goes meanwhile is left out. */
  scopes(): Map<string, number>;
}

/** From a kill until the agent's end is told: two looks, and agents that were killed together come one by one. */
const RECENT_MS = 5000;
/** Something is killed while it is read: then it is read again, so often at the most. */
const READS = 3;

/** How many processes of a group, and of those below it, the kernel has killed for want of memory: memory.events. */
export function oomKills(events: string): number {
  return Number(/^oom_kill (\d+)$/m.exec(events)?.[1] ?? 0);
}

/** Which groups that are there lost a process between two looks, and whether one that has gone since did. */
export function newKills(before: OomCounts, now: OomCounts): { scopes: string[]; gone: boolean } {
  const added = [...now.scopes].map(([name, count]) => ({
    name,
    more: Math.max(0, count - (before.scopes.get(name) ?? 0)),
  }));
  const accounted = added.reduce((sum, { more }) => sum + more, 0);
  // a group of all that was made anew begins at 0
  const more = now.total < before.total ? now.total : now.total - before.total;
  return { scopes: added.flatMap((scope) => (scope.more > 0 ? [scope.name] : [])), gone: more > accounted };
}

export class OomKills {
  readonly #read: OomReadings;
  readonly #nowMs: () => number;
  #before: OomCounts;
  /** When groups were seen to have lost something, by name. */
  readonly #lostAtMs = new Map<string, number>();
  /** The same of groups that were gone already. */
  #goneAtMs = Number.NEGATIVE_INFINITY;

  constructor(read: OomReadings, nowMs: () => number) {
    this.#read = read;
    this.#nowMs = nowMs;
    this.#before = { total: read.total(), scopes: read.scopes() };
  }

  /** To be called every few seconds, so that a kill is known for one of just now, and its group while it is there. */
  look(): void {
    const nowMs = this.#nowMs();
    for (const [name, atMs] of this.#lostAtMs) if (nowMs - atMs > RECENT_MS) this.#lostAtMs.delete(name);
    if (this.#read.total() === this.#before.total) return; // nothing of any group, then
    const now = this.#counts();
    const { scopes, gone } = newKills(this.#before, now);
    this.#before = now;
    for (const name of scopes) this.#lostAtMs.set(name, nowMs);
    if (gone) this.#goneAtMs = nowMs;
  }

  /** Whether an agent that has just ended has lost a process so. `isOwn`: of its groups, by name. */
  ended(isOwn: (scope: string) => boolean): boolean {
    this.look();
    if ([...this.#lostAtMs.keys()].some(isOwn)) return true;
    if (this.#nowMs() - this.#goneAtMs > RECENT_MS) return false;
    return ![...this.#read.scopes().keys()].some(isOwn);
  }

  #counts(): OomCounts {
    for (let reads = 1; ; reads++) {
      const total = this.#read.total();
      const scopes = this.#read.scopes();
      if (reads === READS || this.#read.total() === total) return { total, scopes };
    }
  }
}
