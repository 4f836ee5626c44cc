import { expect, test } from 'vitest';
import { codeOf } from '../../../../src/shared/errors/error-code.ts';
import { CLOSED_AFTER_HANDSHAKE, isTlsVerdict } from '../../../../src/shared/platform/tls-verdict.ts';

const withCode = (code: unknown): Error => Object.assign(new Error('it failed'), { code });

test.each([
  'ERR_SSL_TLSV1_ALERT_UNKNOWN_CA',
  'ERR_TLS_CERT_ALTNAME_INVALID',
  'CERT_HAS_EXPIRED',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'INVALID_PURPOSE',
  CLOSED_AFTER_HANDSHAKE,
])('%s is a verdict of TLS', (code) => expect(isTlsVerdict(withCode(code))).toBe(true));

test.each(['ECONNREFUSED', 'ECONNRESET', 'ETIMEDOUT', 'HANDSHAKE_TIMEOUT', 'PROXY_REFUSED', 'PROXY_UNREACHABLE', 14])(
  '%s is none',
  (code) => expect(isTlsVerdict(withCode(code))).toBe(false),
);

test.each([undefined, null, 'CERT_HAS_EXPIRED', new Error('CERT_HAS_EXPIRED'), { code: 'CERT_HAS_EXPIRED' }])(
  '%s has no code',
  (error) => {
    expect(codeOf(error)).toBe('');
    expect(isTlsVerdict(error)).toBe(false);
  },
);
