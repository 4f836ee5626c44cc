import { describe, expect, test } from 'vitest';
import { DaemonError } from '../../../../src/shared/errors/daemon-error.ts';
import { AttemptFailed, networkFailure } from '../../../../src/workers/update/download-failure.ts';

const url = new URL('https://packages.example/a?token=t0k3n');
const PLAIN = { url, answered: false, identity: false };
const systemError = (code: string): Error => Object.assign(new Error(`the system says ${code}`), { code });

describe('networkFailure', () => {
  test.each([
    ['ECONNREFUSED', 'nothing listens there'],
    ['ENOTFOUND', 'the host name is not known'],
    ['EAI_AGAIN', 'the host name could not be looked up'],
    ['ETIMEDOUT', 'no answer from the network'],
    ['EHOSTUNREACH', 'no way to the host'],
    ['ECONNRESET', 'the connection ended without an answer'],
    ['EPIPE', 'the connection ended without an answer'],
  ])('%s may pass', (code, reason) => {
    const cause = systemError(code);
    const failure = networkFailure(cause, PLAIN);
    expect(failure).toBeInstanceOf(AttemptFailed);
    expect(failure).toMatchObject({ message: `https://packages.example/a: ${reason}`, cause, waitMs: 0 });
  });

  test.each([
    ['CERT_HAS_EXPIRED', 'its certificate has expired'],
    ['CERT_NOT_YET_VALID', 'its certificate is not valid yet; look at the clocks of both'],
    ['ERR_TLS_CERT_ALTNAME_INVALID', 'its certificate is for another name'],
    ['UNABLE_TO_VERIFY_LEAF_SIGNATURE', 'its certificate is not of a CA that is trusted for it'],
    ['DEPTH_ZERO_SELF_SIGNED_CERT', 'its certificate is not of a CA that is trusted for it'],
    ['UNABLE_TO_GET_ISSUER_CERT_LOCALLY', 'its certificate is not of a CA that is trusted for it'],
    ['INVALID_PURPOSE', 'its certificate is not of a CA that is trusted for it'],
    ['ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED', "it does not take this host's client certificate"],
    ['ERR_SSL_TLSV1_ALERT_UNKNOWN_CA', "it does not take this host's client certificate"],
    ['ERR_SSL_WRONG_VERSION_NUMBER', 'no TLS with it'],
    ['EPROTO', 'no TLS with it'],
    ['HPE_HEADER_OVERFLOW', 'its headers do not end'],
    ['HPE_INVALID_CONSTANT', 'its answer is not HTTP'],
  ])('%s lasts', (code, reason) => {
    const cause = systemError(code);
    const failure = networkFailure(cause, PLAIN);
    expect(failure).toBeInstanceOf(DaemonError);
    expect(failure).toMatchObject({ code: 'D4001', retryable: false, cause });
    const message = `the package could not be downloaded: https://packages.example/a: ${reason}`;
    expect(failure).toMatchObject({ message });
  });

  test('with an identity it says what may be amiss with that', () => {
    const identity = { ...PLAIN, identity: true };
    expect(networkFailure(systemError('ECONNRESET'), identity)).toMatchObject({
      message: expect.stringMatching(/perhaps it does not take this host's client certificate$/),
    });
    expect(networkFailure(systemError('EPROTO'), identity)).toMatchObject({
      message: expect.stringMatching(/no TLS 1.3 with it$/),
    });
  });

  test('once it had answered, anything may pass', () => {
    for (const code of ['ECONNRESET', 'HPE_INVALID_CHUNK_SIZE', 'EPROTO']) {
      const failure = networkFailure(systemError(code), { ...PLAIN, answered: true });
      expect(failure).toMatchObject({ message: 'https://packages.example/a: the connection broke off' });
    }
  });

  test('of several addresses the last one counts', () => {
    const last = systemError('ECONNREFUSED');
    const group = Object.assign(new AggregateError([systemError('EHOSTUNREACH'), last]), { code: 'ECONNREFUSED' });
    expect(networkFailure(group, PLAIN)).toMatchObject({
      message: expect.stringMatching(/nothing listens/),
      cause: last,
    });
  });

  test('a fault of our own is none of the network', () => {
    for (const fault of [new TypeError('x is not a function'), 'text', new AggregateError([])]) {
      expect(networkFailure(fault, PLAIN)).toBe(fault);
    }
  });
});
