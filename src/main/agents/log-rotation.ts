/**
 * Decides what is to be done in the folder of the agents' logs. Pure: a listing in, steps out. Each file's name says
 * how far it has come (log-names.ts), no name is used twice and a finished file is never renamed, so that after an
 * interruption at any point the next listing leads to the same end and nothing kept is overwritten.
 */
import { freshStamps, type LogState, parseLogName } from './log-names.ts';

export interface LogEntry {
  name: string;
  /** Of the name itself: a link is not followed. */
  kind: 'file' | 'link' | 'other';
  size: number;
  mtimeMs: number;
}

export interface LogLimits {
  /** A live log that is larger is rotated. */
  maxBytes: number;
  /** Rotated files kept for each agent. */
  maxFiles: number;
  /** Rotated files, and logs of agents that exist no more, go when they are older. 0: no limit. */
  maxAgeMs: number;
}

export interface RotationFacts {
  /** Wall clock, Unix milliseconds. */
  nowMs: number;
  /** Agents that exist: their live logs may be open and are never removed. */
  agentIds: ReadonlySet<string>;
}

export type RemovalReason = 'unfinished' | 'compressed already' | 'too old' | 'too many';

/** Names are those in the folder; `bytes` says how much work a step is. */
export type RotationStep =
  | { do: 'leave'; name: string; why: string }
  | { do: 'remove'; name: string; why: RemovalReason }
  | { do: 'move'; live: string; part: string; copied: string; archive: string; resume: boolean; bytes: number }
  | { do: 'compress'; from: string; temporary: string; to: string; bytes: number };

/** In order: where one fails, those after it are not to be taken. */
export interface AgentSteps {
  agentId: string;
  steps: RotationStep[];
}

interface Stamped {
  stamp: string;
  state: LogState;
  entry: LogEntry;
}

interface AgentFiles {
  live: LogEntry | null;
  stamped: Stamped[];
}

function byAgent(entries: readonly LogEntry[]): Map<string, AgentFiles> {
  const agents = new Map<string, AgentFiles>();
  for (const entry of entries) {
    const name = parseLogName(entry.name);
    if (!name) continue;
    const files: AgentFiles = agents.get(name.agentId) ?? { live: null, stamped: [] };
    if (name.stamp === null) files.live = entry;
    else files.stamped.push({ stamp: name.stamp, state: name.state, entry });
    agents.set(name.agentId, files);
  }
  return agents;
}

const byStamp = (a: { stamp: string }, b: { stamp: string }): number => (a.stamp < b.stamp ? -1 : 1);

/** A file that counts as kept, under the name that it has once the moves before have been made. */
interface Kept {
  stamp: string;
  name: string;
  bytes: number;
  /** Null where it comes of a move of this round. */
  mtimeMs: number | null;
  compressed: boolean;
}

class AgentPlan {
  readonly #agentId: string;
  readonly #files: AgentFiles;
  readonly #limits: LogLimits;
  readonly #facts: RotationFacts;
  readonly #steps: RotationStep[] = [];
  readonly #taken: Set<string>;
  #kept: Kept[] = [];

  constructor(agentId: string, files: AgentFiles, limits: LogLimits, facts: RotationFacts) {
    this.#agentId = agentId;
    this.#files = files;
    this.#limits = limits;
    this.#facts = facts;
    this.#taken = new Set(files.stamped.map(({ entry }) => entry.name));
  }

  /** What frees space comes first; what a move makes superfluous goes only after that move. */
  steps(): RotationStep[] {
    this.#leaveOthers();
    this.#sortOut();
    this.#dropOld();
    this.#dropMany();
    this.#moves();
    this.#dropMany();
    this.#compressions();
    return this.#steps;
  }

  #leaveOthers(): void {
    const { live, stamped } = this.#files;
    for (const { name, kind } of [...(live ? [live] : []), ...stamped.map(({ entry }) => entry)]) {
      if (kind === 'file') continue;
      const why = kind === 'link' ? 'a symbolic link is not followed' : 'not a regular file';
      this.#steps.push({ do: 'leave', name, why });
    }
  }

  #sortOut(): void {
    for (const { stamp, state, entry } of this.#regular()) {
      const { name, size: bytes, mtimeMs } = entry;
      if (state === 'part' || state === 'gz-part') this.#remove(name, 'unfinished');
      else if (state === 'kept' && this.#isFile(`${name}.gz`)) this.#remove(name, 'compressed already');
      else if (state !== 'copied') this.#kept.push({ stamp, name, bytes, mtimeMs, compressed: state === 'gz' });
    }
    this.#kept.sort(byStamp);
  }

  #dropOld(): void {
    const { maxAgeMs } = this.#limits;
    if (maxAgeMs === 0) return;
    const isOld = (mtimeMs: number): boolean => mtimeMs < this.#facts.nowMs - maxAgeMs;
    const old = this.#kept.filter(({ mtimeMs }) => mtimeMs !== null && isOld(mtimeMs));
    for (const { name } of old) this.#remove(name, 'too old');
    this.#kept = this.#kept.filter((kept) => !old.includes(kept));
    const { live } = this.#files;
    const ownerless = live?.kind === 'file' && !this.#facts.agentIds.has(this.#agentId);
    if (ownerless && isOld(live.mtimeMs)) {
      this.#remove(live.name, 'too old');
      this.#files.live = null;
    }
  }

  #dropMany(): void {
    const surplus = Math.max(0, this.#kept.length - this.#limits.maxFiles);
    for (const { name } of this.#kept.slice(0, surplus)) this.#remove(name, 'too many');
    this.#kept = this.#kept.slice(surplus);
  }

  /** An interrupted move is ended before another begins. */
  #moves(): void {
    const fresh = freshStamps(
      this.#facts.nowMs,
      this.#files.stamped.map(({ stamp }) => stamp),
    );
    const copies = this.#regular().filter(({ state }) => state === 'copied');
    for (const { stamp: own, entry } of copies.sort(byStamp)) {
      const stamp = this.#isFree(own) ? own : fresh.next().value;
      this.#move(stamp, entry.name, entry.size);
    }
    const { live } = this.#files;
    if (copies.length > 0 || live?.kind !== 'file' || live.size <= this.#limits.maxBytes) return;
    this.#move(fresh.next().value, null, live.size);
  }

  #move(stamp: string, copied: string | null, bytes: number): void {
    const agentId = this.#agentId;
    const archive = `${agentId}.${stamp}.log`;
    this.#steps.push({
      do: 'move',
      live: `${agentId}.log`,
      part: `${archive}.part`,
      copied: copied ?? `${archive}.copied`,
      archive,
      resume: copied !== null,
      bytes,
    });
    this.#kept.push({ stamp, name: archive, bytes, mtimeMs: null, compressed: false });
    this.#kept.sort(byStamp);
  }

  #compressions(): void {
    for (const { name, bytes, compressed } of this.#kept) {
      const to = `${name}.gz`;
      if (compressed || this.#taken.has(to)) continue;
      this.#steps.push({ do: 'compress', from: name, temporary: `${to}.part`, to, bytes });
    }
  }

  #remove(name: string, why: RemovalReason): void {
    this.#steps.push({ do: 'remove', name, why });
  }

  #regular(): Stamped[] {
    return this.#files.stamped.filter(({ entry }) => entry.kind === 'file');
  }

  #isFile(name: string): boolean {
    return this.#regular().some(({ entry }) => entry.name === name);
  }

  #isFree(stamp: string): boolean {
    const archive = `${this.#agentId}.${stamp}.log`;
    return !this.#taken.has(archive) && !this.#taken.has(`${archive}.gz`);
  }
}

/** Sorted by agent; those with nothing to do are left out. */
export function planRotation(entries: readonly LogEntry[], limits: LogLimits, facts: RotationFacts): AgentSteps[] {
  return [...byAgent(entries)]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([agentId, files]) => ({ agentId, steps: new AgentPlan(agentId, files, limits, facts).steps() }))
    .filter(({ steps }) => steps.length > 0);
}
