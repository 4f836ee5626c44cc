/**
 * How the events of this host are written: one JSON line each, within bounds whatever an agent wrote before it ended.
 * Pure.
 */
import type { RecordedEvent } from '../../shared/contracts/control.ts';
import type { HostEvent } from '../../shared/contracts/host-event.ts';

/** Oldest first. */
export const EVENT_FILES = ['events.old.jsonl', 'events.jsonl'] as const;

const MESSAGE_CHARACTERS = 500;
const DETAILS = 20;
const DETAIL_CHARACTERS = 300;
const NAME_CHARACTERS = 100;
const LINES = 5;
const LF = 0x0a;
/** What is looked at of a text: the rest of a megabyte would never be shown. */
const SCRUBBED_CHARACTERS = 16 * 1024;
/** More than a secret has whose form is not known once its end is cut off. */
const HALF_A_SECRET = 1024;

export type Scrub = (text: string) => string;

/** Never half of a character that takes two units. */
const cut = (text: string, length: number): string => text.slice(0, length).replace(/[\uD800-\uDBFF]$/, '');

/** Scrubbed before it is cut: a URL's credentials are known by the `@` behind them. */
function shown(text: string, length: number, scrub: Scrub): string {
  if (text.length <= SCRUBBED_CHARACTERS) return cut(scrub(text), length);
  const clean = scrub(text.slice(0, SCRUBBED_CHARACTERS));
  // its end is seen only where nearly all before it was taken out
  return cut(clean.slice(0, Math.max(0, clean.length - HALF_A_SECRET)), length);
}

/** Without secrets. The last lines of an agent's output become a detail, `last_lines`. */
export function recorded(event: HostEvent, number: number, atMs: number, scrub: Scrub): RecordedEvent {
  const { kind, agentId, message, lastLines } = event;
  const details = Object.entries(event.details)
    .slice(0, DETAILS)
    .map(([name, text]) => [cut(name, NAME_CHARACTERS), shown(text, DETAIL_CHARACTERS, scrub)]);
  const lines = lastLines.slice(-LINES).map((line) => shown(line, DETAIL_CHARACTERS, scrub));
  return {
    number,
    atMs: Math.round(atMs),
    kind,
    agentId: cut(agentId, NAME_CHARACTERS),
    message: shown(message, MESSAGE_CHARACTERS, scrub),
    details: { ...Object.fromEntries(details), ...(lines.length > 0 ? { last_lines: lines.join('\n') } : {}) },
  };
}

/** Null for what is no line of ours. */
export function parseEvent(line: string): RecordedEvent | null {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return null;
  }
  if (typeof value !== 'object' || value === null) return null;
  const { number, atMs, kind, agentId, message, details } = value as Partial<Record<keyof RecordedEvent, unknown>>;
  const whole =
    Number.isSafeInteger(number) &&
    (number as number) > 0 &&
    Number.isFinite(atMs) &&
    [kind, agentId, message].every((text) => typeof text === 'string') &&
    typeof details === 'object' &&
    details !== null;
  return whole ? (value as RecordedEvent) : null;
}

export interface FoundLines {
  /** Bytes of whole lines: what lies behind was cut short. */
  bytes: number;
  lines: number;
  /** The last that can be read; null: none. */
  last: RecordedEvent | null;
  /** The last start or end of the daemon. */
  lastTurn: RecordedEvent | null;
}

const TURN_KINDS = ['daemon-started', 'daemon-stopping'];
const TURN = /"kind":"daemon-(started|stopping)"/;

/** What a file of events holds, read from its end: few lines are looked into. */
export function findLines(content: Buffer): FoundLines {
  const bytes = content.lastIndexOf(LF) + 1;
  const found: FoundLines = { bytes, lines: 0, last: null, lastTurn: null };
  for (let end = bytes - 1; end >= 0; ) {
    // -1 where there is none before, which is what the first line begins behind
    const before = end === 0 ? -1 : content.lastIndexOf(LF, end - 1);
    found.lines++;
    if (!found.last || !found.lastTurn) {
      const line = content.toString('utf8', before + 1, end);
      const event = !found.last || TURN.test(line) ? parseEvent(line) : null;
      found.last ??= event;
      // a detail may have the same form
      if (event && TURN_KINDS.includes(event.kind)) found.lastTurn ??= event;
    }
    end = before;
  }
  return found;
}

export type Ended = 'first-start' | 'as-asked' | 'unexpectedly' | 'with-the-host';

/** How the daemon before this one ended, by the last that it wrote of itself. `bootId`: of now. */
export function howItEnded(lastTurn: RecordedEvent | null, bootId: string): Ended {
  if (!lastTurn) return 'first-start';
  if (lastTurn.kind === 'daemon-stopping') return 'as-asked';
  return lastTurn.details['boot_id'] === bootId ? 'unexpectedly' : 'with-the-host';
}
