/**
 * From bytes that passed in a window at rest to those of a day at default intervals. Pure. A piece of traffic is of the
 * call that the Manager took nearest to it in time; a call costs the median of its kind, and a day has as many calls as
 * the defaults say. What is near no call (pings of the connection) happens as often as it did in the window.
 */
import { summarise } from '../statistics.ts';

export interface Passed {
  /** Unix milliseconds. */
  atMs: number;
  /** From the daemon to the Manager, TLS and HTTP/2 included, TCP and IP not. */
  up: number;
  down: number;
}

/** Calls of a day at the daemon's default intervals. */
export const CALLS_A_DAY = { heartbeat: 1440, report: 1440, states: 2880 } as const;
export type CallKind = keyof typeof CALLS_A_DAY;
export const CALL_KINDS = ['heartbeat', 'report', 'states'] as const satisfies CallKind[];

export interface Call {
  kind: CallKind;
  /** Unix milliseconds, when the Manager took it. */
  atMs: number;
}

export interface Bytes {
  up: number;
  down: number;
}

export interface KindFigures {
  /** In the window. */
  calls: number;
  /** Median. */
  ofCall: Bytes;
  ofDay: Bytes;
}

export interface WireFigures {
  windowMs: number;
  kinds: Record<CallKind, KindFigures>;
  /** Of no call. */
  other: { inWindow: Bytes; ofDay: Bytes };
  ofDay: Bytes;
}

const DAY_MS = 24 * 60 * 60 * 1000;
/** Request and answer of a call are within that of the moment when the Manager took it. */
const NEAR_MS = 250;

const none = (): Bytes => ({ up: 0, down: 0 });
const sum = (all: readonly Bytes[]): Bytes => {
  return all.reduce((a, b) => ({ up: a.up + b.up, down: a.down + b.down }), none());
};
const scaled = ({ up, down }: Bytes, factor: number): Bytes => ({ up: up * factor, down: down * factor });

/** Throws an Error where a kind of call did not happen in the window. */
export function bytesOfDay(passed: readonly Passed[], calls: readonly Call[], windowMs: number): WireFigures {
  const counted = calls.map((call) => ({ ...call, ...none() }));
  const other = none();
  for (const { atMs, up, down } of passed) {
    const [nearest] = [...counted].sort((a, b) => Math.abs(a.atMs - atMs) - Math.abs(b.atMs - atMs));
    const owner = nearest && Math.abs(nearest.atMs - atMs) <= NEAR_MS ? nearest : other;
    owner.up += up;
    owner.down += down;
  }
  const figures = (kind: CallKind): KindFigures => {
    const own = counted.filter((call) => call.kind === kind);
    if (own.length === 0) throw new Error(`no ${kind} call was seen in a window of ${windowMs} ms`);
    const median = (way: keyof Bytes): number => summarise(own.map((call) => call[way])).median;
    const ofCall = { up: median('up'), down: median('down') };
    return { calls: own.length, ofCall, ofDay: scaled(ofCall, CALLS_A_DAY[kind]) };
  };
  const kinds = { heartbeat: figures('heartbeat'), report: figures('report'), states: figures('states') };
  const otherOfDay = scaled(other, DAY_MS / windowMs);
  return {
    windowMs,
    kinds,
    other: { inWindow: other, ofDay: otherOfDay },
    ofDay: sum([...CALL_KINDS.map((kind) => kinds[kind].ofDay), otherOfDay]),
  };
}
