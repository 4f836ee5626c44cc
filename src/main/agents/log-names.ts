/**
 * Names in the folder of the agents' logs. Pure. A name says whose file it is and how far it has come.
 *
 *   ID.log                          the live log, which the agent appends to
 *   ID.STAMP.log.part               a copy of its head being made: worth nothing
 *   ID.STAMP.log.copied             that copy, whole; whether the live log has been cut is not known
 *   ID.STAMP.log                    kept, to be compressed
 *   ID.STAMP.log.gz.part, .log.gz   the same, being compressed; compressed
 */

/** An id has no dot, so that it ends at the first one: no file of `a-b` can be taken for one of `a`. */
const NAME = /^([A-Za-z0-9_-]{1,100})(?:\.(\d{8}T\d{6}Z))?\.log(\.part|\.copied|\.gz\.part|\.gz)?$/;
const SECOND_MS = 1000;

export type LogState = 'part' | 'copied' | 'kept' | 'gz-part' | 'gz';

export type LogName = { agentId: string; stamp: null } | { agentId: string; stamp: string; state: LogState };

const STATES: Record<string, LogState> = {
  '': 'kept',
  '.part': 'part',
  '.copied': 'copied',
  '.gz.part': 'gz-part',
  '.gz': 'gz',
};

/** UTC, to the second: `20260131T120000Z`. Sorts by time. */
export function toStamp(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19).replaceAll(/[-:]/g, '')}Z`;
}

/** NaN where the digits are no time. */
function fromStamp(stamp: string): number {
  return Date.parse(stamp.replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/, '$1-$2-$3T$4:$5:$6Z'));
}

/** Null for what is not named like a file of ours. */
export function parseLogName(name: string): LogName | null {
  const [, agentId, stamp, suffix = ''] = NAME.exec(name) ?? [];
  const state = STATES[suffix];
  if (agentId === undefined || state === undefined) return null;
  if (stamp === undefined) return state === 'kept' ? { agentId, stamp: null } : null;
  return Number.isNaN(fromStamp(stamp)) ? null : { agentId, stamp, state };
}

/** Stamps later than every one in use, so that names sort by age even where the clock was set back. */
export function* freshStamps(nowMs: number, used: readonly string[]): Generator<string, never> {
  let ms = Math.max(nowMs, ...used.map((stamp) => fromStamp(stamp) + SECOND_MS));
  for (; ; ms += SECOND_MS) yield toStamp(ms);
}
