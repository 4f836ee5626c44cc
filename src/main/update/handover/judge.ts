/**
 * Whether a new version of the daemon has proven itself, as its hand-over helper sees it from outside. Pure. It is
 * judged by a process that stays, by the agents that it took up, and by its link to the Manager, but by the link only
 * where the Manager answers the helper and answered the version before: a Manager that is away is no fault of it.
 */
import type { DaemonJournal, ProcessName } from '../journal-format.ts';
import { isSameVersion } from '../versions.ts';

/** What the daemon that runs says of itself, about twice a second. */
export interface HandoverReport {
  process: ProcessName;
  version: string;
  /** Milliseconds of the system's monotonic clock, the same in every process of a boot. */
  beatMs: number;
  link: {
    connected: boolean;
    /** The Manager answered that it has no room for now. */
    busy: boolean;
    /** Why it is not connected; may be empty. */
    reason: string;
  };
  agents: { id: string; process: ProcessName | null }[];
}

export interface HandoverFacts {
  /** Milliseconds of the system's monotonic clock. */
  nowMs: number;
  /** The daemon that lives, by its pid file; null where there is none. */
  daemon: ProcessName | null;
  /** Of that very process; null where it has written none. */
  report: HandoverReport | null;
  /** Agents of before whose processes live. */
  livingAgents: readonly { id: string; process: ProcessName }[];
  /** Whether the Manager answers the helper; null: not asked yet. */
  managerAnswers: boolean | null;
}

export interface HandoverMemory {
  sinceMs: number;
  /** When a daemon was last seen alive. */
  aliveMs: number;
  /** Daemons seen since the restart, by name. */
  seen: string[];
  goodSinceMs: number | null;
  missing: string;
}

export type HandoverVerdict =
  | { kind: 'wait'; memory: HandoverMemory }
  | { kind: 'proven' }
  | { kind: 'failed'; reason: string };

type Limits = Pick<
  DaemonJournal,
  'oldVersion' | 'newVersion' | 'daemon' | 'linked' | 'agents' | 'verifyMs' | 'verifyTimeoutMs'
>;

/** A daemon that is not to be seen for this long does not come up. */
const ABSENT_MS = 30_000;
/** So many processes one after another are a crash loop. */
const TOO_MANY = 4;
/** A report that is older says that the daemon hangs. */
const STALE_MS = 5000;

export function nameOf({ pid, startTicks, bootId }: ProcessName): string {
  return `${pid} ${startTicks} ${bootId}`;
}

/** Whether the daemon that says `told` is the wanted one of two versions, which may differ in their build alone. */
export function isVersionOf(told: string, wanted: string, other: string): boolean {
  return told === wanted || (told !== other && isSameVersion(told, wanted));
}

export function openHandover(nowMs: number): HandoverMemory {
  return { sinceMs: nowMs, aliveMs: nowMs, seen: [], goodSinceMs: null, missing: 'it has not been seen yet' };
}

/** What keeps it from counting as well now; empty when nothing does. */
function missingOf(facts: HandoverFacts, { oldVersion, newVersion, linked, agents }: Limits): string {
  const { report, nowMs } = facts;
  if (!facts.daemon) return 'it does not run';
  if (!report) return 'it runs, but has told nothing of itself';
  if (!isVersionOf(report.version, newVersion, oldVersion)) return `version ${report.version} runs`;
  if (nowMs - report.beatMs > STALE_MS) return `it hangs: its last sign of life is ${nowMs - report.beatMs} ms old`;
  for (const { id, process } of facts.livingAgents) {
    const taken = report.agents.find((agent) => agent.id === id)?.process;
    if (!taken || nameOf(taken) !== nameOf(process)) return `it has not taken up agent ${id}, which runs`;
  }
  // one may have ended by itself; all of them did not
  const told = report.agents.filter(({ id }) => agents.some((agent) => agent.id === id));
  if (told.length > 0 && told.every(({ process }) => process === null))
    return 'none of the agents that ran before runs';
  const { connected, busy, reason } = report.link;
  if (connected || busy || !linked || facts.managerAnswers === false) return '';
  const why = reason ? `: ${reason}` : '';
  return facts.managerAnswers === null ? 'it is not connected yet' : `it cannot reach a Manager that answers${why}`;
}

export function judgeHandover(memory: HandoverMemory, facts: HandoverFacts, limits: Limits): HandoverVerdict {
  const { nowMs, daemon } = facts;
  const name = daemon && nameOf(daemon);
  const seen =
    name && name !== nameOf(limits.daemon) && !memory.seen.includes(name) ? [...memory.seen, name] : memory.seen;
  if (seen.length >= TOO_MANY)
    return { kind: 'failed', reason: `it was started ${seen.length} times and did not stay` };
  // the launcher goes back by itself once a version has used up its starts
  const former = facts.report?.version === limits.oldVersion && name !== null && name !== nameOf(limits.daemon);
  if (former) return { kind: 'failed', reason: `it did not stay: version ${limits.oldVersion} was started again` };
  const aliveMs = daemon ? nowMs : memory.aliveMs;
  if (nowMs - aliveMs >= ABSENT_MS)
    return { kind: 'failed', reason: `it did not come up within ${ABSENT_MS / 1000} s` };
  const missing = missingOf(facts, limits);
  const stayed = seen.length === memory.seen.length;
  const goodSinceMs = missing === '' ? ((stayed ? memory.goodSinceMs : null) ?? nowMs) : null;
  if (goodSinceMs !== null && nowMs - goodSinceMs >= limits.verifyMs) return { kind: 'proven' };
  if (nowMs - memory.sinceMs >= limits.verifyTimeoutMs) {
    const why = missing || memory.missing || 'it was never well for long enough';
    return { kind: 'failed', reason: `it did not prove itself within ${limits.verifyTimeoutMs / 1000} s: ${why}` };
  }
  return { kind: 'wait', memory: { ...memory, aliveMs, seen, goodSinceMs, missing: missing || memory.missing } };
}
