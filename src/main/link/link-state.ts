/**
 * The states of the link to the Manager and what may follow what. Pure. The wait before the next attempt grows with
 * each failure in a row and begins anew once a connection has held for a while.
 */
import { backoffMs } from '../../shared/lifecycle/backoff.ts';

export type LinkState =
  | { name: 'connecting'; sinceMs: number }
  | { name: 'registering'; sinceMs: number; address: string }
  | { name: 'connected'; sinceMs: number; address: string; protocol: 'manager' | 'daemon' }
  /** `busy`: the Manager answered that it has no room for now. */
  | { name: 'backing-off'; sinceMs: number; reason: string; busy: boolean; delayMs: number }
  | { name: 'closed'; sinceMs: number };

export type LinkStateName = LinkState['name'];

const MAY_FOLLOW: Record<LinkStateName, readonly LinkStateName[]> = {
  connecting: ['registering', 'backing-off', 'closed'],
  // a Manager that refuses is followed by the next one of several
  registering: ['registering', 'connected', 'connecting', 'backing-off', 'closed'],
  // connected anew: moved to another connection without a gap
  connected: ['connected', 'connecting', 'backing-off', 'closed'],
  'backing-off': ['connecting', 'closed'],
  closed: [],
};

export function mayFollow(from: LinkStateName, to: LinkStateName): boolean {
  return MAY_FOLLOW[from].includes(to);
}

/** What came before, to hand in the next time. */
export interface History {
  /** Failures in a row. */
  failures: number;
  /** Goodbyes by plan in a row, each soon after the connection. */
  goodbyes: number;
}

export const NO_HISTORY: History = { failures: 0, goodbyes: 0 };

export interface Retry extends History {
  delayMs: number;
}

export interface SessionEnd {
  /** How long the session was registered; 0 when it never was. */
  connectedMs: number;
  /** The Manager closed the connection by plan (GOAWAY). */
  planned: boolean;
  /** The Manager refused the registration: nothing will change soon. */
  refused: boolean;
}

const LONGEST_FACTOR = 10;
/** A session that held this many reconnect intervals forgets the failures before it. */
const STEADY_INTERVALS = 3;
/** A Manager that says goodbye oftener than this, each time soon, is treated as one that fails. */
const MAX_GOODBYES = 5;

/** When to connect again after a session ended. */
export function afterSession(end: SessionEnd, before: History, reconnectMs: number, random: () => number): Retry {
  const steady = end.connectedMs >= STEADY_INTERVALS * reconnectMs;
  if (end.planned && steady) return { delayMs: 0, ...NO_HISTORY };
  if (end.planned && before.goodbyes < MAX_GOODBYES) return { ...before, delayMs: 0, goodbyes: before.goodbyes + 1 };
  const failures = steady ? 1 : before.failures + 1;
  const limits = { baseMs: reconnectMs, maxMs: LONGEST_FACTOR * reconnectMs };
  // a refusal is answered with the longest range at once
  const delayMs = backoffMs(end.refused ? Number.MAX_SAFE_INTEGER : failures, limits, random);
  return { delayMs, failures, goodbyes: steady ? 0 : before.goodbyes };
}
