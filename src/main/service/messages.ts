/**
 * What systemd is told, and when. Pure: what holds now and what was told last go in, the next message, and when to look
 * again, come out. A message that could not be sent is simply not counted as told.
 */

/** `starting` is said by nobody, but a start that takes long asks for more time. */
export type Phase = 'starting' | 'ready' | 'reloading' | 'stopping';

/** What waits in the schedule although its time has come. */
export interface Overdue {
  name: string;
  /** Milliseconds past its due time. */
  lateMs: number;
}

export interface ServiceFacts {
  phase: Phase;
  /** One line for `systemctl status`. */
  status: string;
  /** What is later than anything else in the schedule; null: nothing is. */
  overdue: Overdue | null;
  /** Milliseconds within which systemd must hear from us; 0: it does not watch. */
  watchdogMs: number;
  /** Shortest time between two messages for the sake of a status alone. */
  statusEveryMs: number;
  /** Of a clock that goes on; the same as in `Told`. */
  nowMs: number;
  /** Of CLOCK_MONOTONIC. */
  monotonicUsec: bigint;
}

export interface Told {
  phase: Phase;
  status: string;
  statusMs: number;
  /** When it was said last that all is well. */
  fedMs: number;
  /** When the start began, and when more time was asked for last. */
  startedMs: number;
  extendedMs: number;
}

export interface NextMessage {
  /** Empty: nothing is to be said now. */
  text: string;
  /** What was told once it has been sent. */
  told: Told;
  /** Milliseconds until there may be something to say; infinity: only once something changes. */
  againInMs: number;
  /** Why it is not said that all is well, although it is time; null: it is said. */
  withheld: Overdue | null;
}

/** A start asks for this much more time at a time, and again well before it has passed. */
const EXTEND_BY_MS = 30_000;
const EXTEND_EVERY_MS = 10_000;
/** A start that takes longer than this is one that hangs. */
const START_LIMIT_MS = 10 * 60_000;
/** How soon it is looked again whether what was late has run. */
const WITHHELD_LOOK_MS = 1000;
/** Beyond this the schedule does not run, whatever the machine is doing; of short intervals a quarter. */
const LATE_MS = 10_000;

export function nothingTold(nowMs: number): Told {
  return {
    phase: 'starting',
    status: '',
    statusMs: Number.NEGATIVE_INFINITY,
    fedMs: nowMs,
    startedMs: nowMs,
    extendedMs: nowMs,
  };
}

function phaseLines(phase: Phase, monotonicUsec: bigint): string[] {
  if (phase === 'ready') return ['READY=1'];
  if (phase === 'reloading') return ['RELOADING=1', `MONOTONIC_USEC=${monotonicUsec}`];
  return phase === 'stopping' ? ['STOPPING=1'] : [];
}

/** Milliseconds late from which on something counts as not running. */
export function lateLimitMs(watchdogMs: number): number {
  return Math.min(LATE_MS, watchdogMs / 4);
}

export function nextMessage(facts: ServiceFacts, before: Told): NextMessage {
  const { phase, nowMs, watchdogMs, overdue } = facts;
  const told = { ...before, phase };
  const lines = phase === before.phase ? [] : phaseLines(phase, facts.monotonicUsec);
  if (before.phase === 'starting' && phase === 'ready') told.fedMs = nowMs; // from here on it watches
  let againInMs = Number.POSITIVE_INFINITY;
  const again = (ms: number): void => {
    againInMs = Math.min(againInMs, Math.max(0, ms));
  };

  if (phase === 'starting' && nowMs - before.startedMs < START_LIMIT_MS) {
    if (nowMs - before.extendedMs >= EXTEND_EVERY_MS) {
      lines.push(`EXTEND_TIMEOUT_USEC=${EXTEND_BY_MS * 1000}`);
      told.extendedMs = nowMs;
    }
    again(told.extendedMs + EXTEND_EVERY_MS - nowMs);
  }

  let withheld: Overdue | null = null;
  if (watchdogMs > 0 && (phase === 'ready' || phase === 'reloading')) {
    if (nowMs - told.fedMs >= watchdogMs / 2) {
      if (overdue && overdue.lateMs > lateLimitMs(watchdogMs)) withheld = overdue;
      else {
        lines.push('WATCHDOG=1');
        told.fedMs = nowMs;
      }
    }
    again(withheld ? WITHHELD_LOOK_MS : told.fedMs + watchdogMs / 2 - nowMs);
  }

  if (facts.status !== before.status) {
    // what goes out anyway carries it for nothing
    const dueMs = before.statusMs + facts.statusEveryMs;
    if (lines.length > 0 || nowMs >= dueMs) {
      lines.push(`STATUS=${facts.status}`);
      told.status = facts.status;
      told.statusMs = nowMs;
    } else again(dueMs - nowMs);
  }
  return { text: lines.join('\n'), told, againInMs, withheld };
}
