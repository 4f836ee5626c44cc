/** From when to when a certificate holds, in words that name the clock's part in it. Pure. */
export interface Validity {
  /** Unix milliseconds. */
  notBeforeMs: number;
  notAfterMs: number;
}

export type ValidityState = 'valid' | 'expired' | 'not yet valid';

const UNITS = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['min', 60_000],
  ['s', 1000],
] as const;

/** The two largest units of a span: `2 d 5 h`; below a second `0 s`. */
export function spanInWords(ms: number): string {
  const first = UNITS.findIndex(([, size]) => ms >= size);
  const largest = UNITS[first];
  if (!largest) return '0 s';
  const [unit, size] = largest;
  const count = Math.floor(ms / size);
  const next = UNITS[first + 1];
  const rest = next ? Math.floor((ms - count * size) / next[1]) : 0;
  return next && rest > 0 && count < 10 ? `${count} ${unit} ${rest} ${next[0]}` : `${count} ${unit}`;
}

/** `2026-05-04T03:02:01Z`. */
export function isoTime(ms: number): string {
  return Number.isFinite(ms) ? new Date(ms).toISOString().replace('.000Z', 'Z') : 'an unreadable date';
}

export function validityAt({ notBeforeMs, notAfterMs }: Validity, nowMs: number): ValidityState {
  if (nowMs < notBeforeMs) return 'not yet valid';
  // dates that cannot be read hold at no time
  return nowMs <= notAfterMs ? 'valid' : 'expired';
}

/** Goes on from what is not valid: `expired at ..., 3 h ago by this host's clock (...)`. */
export function invalidityInWords(validity: Validity, nowMs: number): string {
  const { notBeforeMs, notAfterMs } = validity;
  const now = isoTime(Math.floor(nowMs / 1000) * 1000);
  if (validityAt(validity, nowMs) === 'not yet valid') {
    const behind = spanInWords(notBeforeMs - nowMs);
    return `is valid from ${isoTime(notBeforeMs)} on: this host's clock (${now}) is ${behind} behind its start`;
  }
  const ago = spanInWords(nowMs - notAfterMs);
  return `expired at ${isoTime(notAfterMs)}, ${ago} ago by this host's clock (${now})`;
}
