import { describe, expect, test } from 'vitest';
import { invalidityInWords, isoTime, spanInWords, validityAt } from '../../../../src/shared/platform/validity.ts';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;

test.each([
  [0, '0 s'],
  [999, '0 s'],
  [1000, '1 s'],
  [59_999, '59 s'],
  [61_000, '1 min 1 s'],
  [12 * 60_000 + 5000, '12 min'],
  [3 * HOUR, '3 h'],
  [3 * HOUR + 59 * 60_000, '3 h 59 min'],
  [3 * HOUR + 59_000, '3 h'],
  [DAY + 2 * HOUR, '1 d 2 h'],
  [400 * DAY + 2 * HOUR, '400 d'],
])('%d ms is %s', (ms, words) => expect(spanInWords(ms)).toBe(words));

describe('a certificate of 2026', () => {
  const validity = { notBeforeMs: Date.parse('2026-01-01T00:00:00Z'), notAfterMs: Date.parse('2026-12-31T23:59:59Z') };

  test.each([
    [-1, 'not yet valid'],
    [0, 'valid'],
  ])('%d ms from its start', (ms, state) => expect(validityAt(validity, validity.notBeforeMs + ms)).toBe(state));

  test.each([
    [0, 'valid'],
    [1, 'expired'],
  ])('%d ms from its end', (ms, state) => expect(validityAt(validity, validity.notAfterMs + ms)).toBe(state));

  test.each([
    [
      validity.notBeforeMs - 3 * HOUR,
      "is valid from 2026-01-01T00:00:00Z on: this host's clock (2025-12-31T21:00:00Z) is 3 h behind its start",
    ],
    [
      validity.notAfterMs + DAY + 2 * HOUR + 7,
      "expired at 2026-12-31T23:59:59Z, 1 d 2 h ago by this host's clock (2027-01-02T01:59:59Z)",
    ],
  ])('at %d', (nowMs, words) => expect(invalidityInWords(validity, nowMs)).toBe(words));
});

test('dates that cannot be read hold at no time', () => {
  const validity = { notBeforeMs: Number.NaN, notAfterMs: Number.NaN };
  expect(validityAt(validity, 0)).toBe('expired');
  expect(isoTime(Number.NaN)).toBe('an unreadable date');
});
