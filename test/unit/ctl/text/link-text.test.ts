import { describe, expect, test } from 'vitest';
import { renderLink } from '../../../../src/ctl/text/link-text.ts';
import type { LinkView } from '../../../../src/shared/contracts/control.ts';

const VIEW: LinkView = {
  ...{ state: 'connected', sinceMs: 0, reason: '', address: 'm:9090', protocol: 'manager', nodeId: 'node-1' },
  ...{ stream: 'open', plaintext: [], events: 0, operationsPort: 9091 },
  reports: { waiting: 0, bytes: 0, onDisk: 0, deadLetters: 0 },
  certificate: { subject: 'CN=h', notAfter: '2027-01-01T00:00:00Z', daysLeft: 40, state: 'ok', candidate: '' },
};
const shown = (over: Partial<LinkView>, nowMs = 5000): string => renderLink({ ...VIEW, ...over }, nowMs);

describe('renderLink', () => {
  test('a link that is well', () => {
    expect(shown({})).toBe(
      [
        'Manager link     connected for 5 s',
        'Manager          m:9090, protocol manager',
        'Registered as    node-1',
        'Operations       port 9091, stream open',
        'Reports waiting  0 (0 B, 0 on disk)',
        'Events waiting   0',
        'Certificate      CN=h, until 2027-01-01T00:00:00Z (40 days, ok)',
      ].join('\n'),
    );
  });

  test('one that is not says why, and what waits', () => {
    const text = shown({
      ...{ state: 'backing-off', reason: 'nothing listens at m:9090', address: '', protocol: '', operationsPort: 0 },
      ...{ stream: 'closed', reports: { waiting: 10, bytes: 3 * 1024 ** 2, onDisk: 9, deadLetters: 2 } },
    });
    expect(text).toContain('backing-off for 5 s: nothing listens at m:9090');
    expect(text).toContain('none so far');
    expect(text).toContain('no port, stream closed');
    expect(text).toContain('10 (3 MiB, 9 on disk)');
    expect(text).toContain('Refused reports  2');
  });

  test('plaintext is a warning each time, and a new certificate that is not used is told', () => {
    const text = shown({ plaintext: ['manager', 'server'], certificate: null });
    expect(text.match(/^Warning /gm)).toHaveLength(2);
    expect(text).not.toContain('Certificate');
    const candidate = { subject: '', notAfter: '', daysLeft: 0, state: 'none', candidate: 'the key is another’s' };
    expect(shown({ certificate: candidate })).toMatch(/Certificate +none\nNew certificate +not used: the key/);
  });

  test.each([
    [119_000, '119 s'],
    [600_000, '10 min'],
    [7_200_000, '2 h'],
    [5 * 86_400_000, '5 days'],
    [-1000, '0 s'],
  ])('for %i ms', (nowMs, words) => {
    expect(shown({}, nowMs)).toContain(`connected for ${words}\n`);
  });
});
