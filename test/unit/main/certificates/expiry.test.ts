import { describe, expect, test } from 'vitest';
import {
  certificateStatus,
  type DatedCertificate,
  dueNotices,
  expiryNotice,
} from '../../../../src/main/certificates/expiry.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const NOW_MS = Date.parse('2026-06-01T00:00:00Z');
const certificate = (leftMs: number, over: Partial<DatedCertificate> = {}): DatedCertificate => ({
  role: 'own',
  fingerprint: 'AB',
  subject: 'CN=daemon',
  notAfterMs: NOW_MS + leftMs,
  ...over,
});

describe('a notice', () => {
  test.each([
    [31 * DAY_MS, null],
    [30 * DAY_MS + 1, null],
    [30 * DAY_MS, 'warn within 30 days'],
    [7 * DAY_MS + 1, 'warn within 30 days'],
    [7 * DAY_MS, 'warn within 7 days'],
    [DAY_MS + 1, 'warn within 7 days'],
    [DAY_MS, 'error within 1 day'],
    [0, 'error within 1 day'],
    [-1, 'error has expired'],
    [-100 * DAY_MS, 'error has expired'],
  ])('%d ms before the end', (leftMs, expected) => {
    const notice = expiryNotice(certificate(leftMs), NOW_MS);
    const when = /within \d+ days?|has expired/.exec(notice?.message ?? '')?.[0];
    expect(notice && `${notice.level} ${when}`).toBe(expected);
  });

  test.each([
    [
      certificate(3 * DAY_MS),
      "the daemon's certificate, CN=daemon, expires within 7 days (2026-06-04T00:00:00Z, in 3 d); renew it",
    ],
    [
      certificate(-3 * HOUR_MS, { role: 'CA', subject: 'CN=CA' }),
      'a CA certificate in ca_file, CN=CA, has expired (2026-05-31T21:00:00Z, 3 h ago); renew it',
    ],
    [
      certificate(3 * HOUR_MS, { role: 'chain', subject: 'CN=sub' }),
      "a certificate behind the daemon's own in cert_file, CN=sub, expires within 1 day (2026-06-01T03:00:00Z, in 3 h); renew it",
    ],
  ])('in words', (one, message) => expect(expiryNotice(one, NOW_MS)?.message).toBe(message));
});

describe('what is due', () => {
  test('comes once for each limit that is passed', () => {
    const told = new Set<string>();
    const own = certificate(40 * DAY_MS);
    const messages: string[] = [];
    for (let hour = 0; hour <= 41 * 24; hour++) {
      for (const { key, message } of dueNotices([own, own], NOW_MS + hour * HOUR_MS, told)) {
        told.add(key);
        messages.push(/within \d+ days?|has expired/.exec(message)?.[0] ?? message);
      }
    }
    expect(messages).toEqual(['within 30 days', 'within 7 days', 'within 1 day', 'has expired']);
  });

  test('is of each certificate', () => {
    const others = [certificate(DAY_MS), certificate(DAY_MS, { fingerprint: 'CD' }), certificate(90 * DAY_MS)];
    expect(dueNotices(others, NOW_MS, new Set())).toHaveLength(2);
  });

  test('does not come again for a clock that was set back', () => {
    const own = certificate(3 * DAY_MS);
    const told = new Set(dueNotices([own], NOW_MS, new Set()).map(({ key }) => key));
    expect(dueNotices([own], NOW_MS - DAY_MS, told)).toEqual([]);
  });
});

describe('the status', () => {
  test.each([
    [90 * DAY_MS, 90, 'ok'],
    [30 * DAY_MS + 1, 30, 'ok'],
    [30 * DAY_MS, 30, 'expires-soon'],
    [DAY_MS - 1, 0, 'expires-soon'],
    [0, 0, 'expires-soon'],
    [-1, 0, 'expired'],
    [-90 * DAY_MS, 0, 'expired'],
  ])('%d ms before the end', (leftMs, daysLeft, state) => {
    expect(certificateStatus(certificate(leftMs), NOW_MS, '')).toMatchObject({ daysLeft, state, candidate: '' });
  });

  test('says which certificate, and what waits', () => {
    expect(certificateStatus(certificate(DAY_MS), NOW_MS, 'why')).toEqual({
      subject: 'CN=daemon',
      notAfter: '2026-06-02T00:00:00Z',
      daysLeft: 1,
      state: 'expires-soon',
      candidate: 'why',
    });
  });

  test('where there is none', () => {
    const none = { subject: '', notAfter: '', daysLeft: 0, state: 'none', candidate: 'why' };
    expect(certificateStatus(null, NOW_MS, 'why')).toEqual(none);
  });
});
