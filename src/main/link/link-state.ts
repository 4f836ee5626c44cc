/**
 * The states of the link to the Manager and what may follow what. Pure. The wait before the next attempt grows with
 * each failure in a row and begins anew once a connection has held for a while.
 */
import { backoffMs } from '../../shared/lifecycle/backoff.ts';

export type LinkState =
  | { name: 'connecting'; sinceMs: number }
  | { name: 'registering'; sinceMs: number }
  | { name: 'connected'; sinceMs: number }
  /** `busy`: the Manager answered that it has no room for now. */
  | { name: 'backing-off'; sinceMs: number; reason: string; busy: boolean; delayMs: number }
  | { name: 'closed'; sinceMs: number };

export type LinkStateName = LinkState['name'];

const MAY_FOLLOW: Record<LinkStateName, readonly LinkStateName[]> = {
  connecting: ['registering', 'backing-off', 'closed'],
  registering: ['connected', 'connecting', 'backing-off', 'closed'],
  connected: ['connecting', 'backing-off', 'closed'],
  'backing-off': ['connecting', 'closed'],
  closed: [],
};

export function mayFollow(from: LinkStateName, to: LinkStateName): boolean {
  return MAY_FOLLOW[from].includes(to);
}

export interface Retry {
  delayMs: number;
  /** Failures in a row, to hand in the next time. */
  failures: number;
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

/** When to connect again after a session ended. `failures` counts those in a row before it. */
export function afterSession(end: SessionEnd, failures: number, reconnectMs: number, random: () => number): Retry {
  const steady = end.connectedMs >= STEADY_INTERVALS * reconnectMs;
  if (end.planned && steady) return { delayMs: 0, failures: 0 };
  const count = steady ? 1 : failures + 1;
  const limits = { baseMs: reconnectMs, maxMs: LONGEST_FACTOR * reconnectMs };
  // a refusal is answered with the longest range at once
  return { delayMs: backoffMs(end.refused ? Number.MAX_SAFE_INTEGER : count, limits, random), failures: count };
}
