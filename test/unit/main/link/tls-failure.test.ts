import { type ChildProcess, spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { connect } from 'node:tls';
import { describe, expect, onTestFinished, test } from 'vitest';
import { createAuthority, createCertificates } from '../../../../src/demo/certificates.ts';
import { HandshakeError, type PeerFacts } from '../../../../src/main/link/handshake-error.ts';
import {
  CLOSED_AFTER_HANDSHAKE,
  codeOf,
  connectError,
  type DialFacts,
  isTlsVerdict,
} from '../../../../src/main/link/tls-failure.ts';
import { DaemonError } from '../../../../src/shared/errors/daemon-error.ts';
import { testFolder } from '../../../support/temp-folder.ts';
import { waitFor } from '../../../support/wait-until.ts';

const HOUR_MS = 3_600_000;
const NOW_MS = Date.parse('2026-06-01T12:00:00Z');
const FACTS: DialFacts = { address: 'manager.example:9090', caFile: '/etc/ca', certFile: '/etc/crt', nowMs: NOW_MS };
const PEER: PeerFacts = {
  names: ['m.example', '10.0.0.1'],
  notBeforeMs: NOW_MS - 10 * HOUR_MS,
  notAfterMs: NOW_MS + 10 * HOUR_MS,
};

const withCode = (code: string, message = 'what the system says'): Error => Object.assign(new Error(message), { code });
const verdict = (code: string, peer: Partial<PeerFacts> = {}): HandshakeError =>
  new HandshakeError(code, 'what the system says', { ...PEER, ...peer });
const words = (error: unknown, facts: Partial<DialFacts> = {}): string =>
  connectError(error, { ...FACTS, ...facts }).message;

test('is D2001 that may be tried again, with the error as its cause and not in its words', () => {
  const cause = withCode('ECONNREFUSED');
  const error = connectError(cause, FACTS);
  expect(error).toBeInstanceOf(DaemonError);
  expect(error).toMatchObject({ code: 'D2001', retryable: true, cause });
  expect(error.message).toBe('nothing listens at manager.example:9090 (connection refused)');
});

describe('the name', () => {
  test('says what was looked for, and what there is', () => {
    expect(words(verdict('ERR_TLS_CERT_ALTNAME_INVALID'))).toBe(
      "the Manager's certificate does not carry the name manager.example (check: name): it carries m.example, 10.0.0.1; set manager.address to a name that it carries, or have one issued for this name",
    );
  });

  test('there may be none', () => {
    expect(words(verdict('ERR_TLS_CERT_ALTNAME_INVALID', { names: [] }))).toContain('it carries none;');
    expect(words(withCode('ERR_TLS_CERT_ALTNAME_INVALID'))).toContain('it carries none;');
  });

  test('there may be very many', () => {
    const names = Array.from({ length: 100 }, (_, n) => `n${n}`);
    expect(words(verdict('ERR_TLS_CERT_ALTNAME_INVALID', { names }))).toContain(
      'n0, n1, n2, n3, n4, n5, n6, n7 and others;',
    );
  });
});

describe('dates', () => {
  test('expired: when, and how long ago by which clock', () => {
    const message = words(verdict('CERT_HAS_EXPIRED', { notAfterMs: NOW_MS - 3 * HOUR_MS }));
    expect(message).toBe(
      "the Manager's certificate expired at 2026-06-01T09:00:00Z, 3 h ago by this host's clock (2026-06-01T12:00:00Z) (check: expired); renew it, or set this host's clock right",
    );
  });

  test("not yet valid: from when on, and the clock's difference", () => {
    const message = words(verdict('CERT_NOT_YET_VALID', { notBeforeMs: NOW_MS + 3 * HOUR_MS }));
    expect(message).toBe(
      "the Manager's certificate is valid from 2026-06-01T15:00:00Z on: this host's clock (2026-06-01T12:00:00Z) is 3 h behind its start (check: not yet valid); set this host's clock right, or wait",
    );
  });

  test.each([
    ['CERT_HAS_EXPIRED', 'has expired (check: expired)'],
    ['CERT_NOT_YET_VALID', 'is not valid yet (check: not yet valid)'],
  ])('%s of a certificate above it, or of nobody knows which', (code, says) => {
    for (const error of [verdict(code), withCode(code)]) {
      expect(words(error)).toContain(`a certificate above the Manager's own ${says}`);
      expect(words(error)).toContain('/etc/ca');
    }
  });
});

describe('every code has words of its own', () => {
  const unknownCa = /^the Manager's certificate was not issued by the CA in \/etc\/ca \(check: unknown CA\)/;
  const refused = /^the Manager refused the client certificate in \/etc\/crt: .*\(check: client certificate\); /;
  test.each([
    ['UNABLE_TO_VERIFY_LEAF_SIGNATURE', unknownCa],
    ['UNABLE_TO_GET_ISSUER_CERT', unknownCa],
    ['UNABLE_TO_GET_ISSUER_CERT_LOCALLY', unknownCa],
    ['SELF_SIGNED_CERT_IN_CHAIN', unknownCa],
    ['DEPTH_ZERO_SELF_SIGNED_CERT', unknownCa],
    ['CERT_SIGNATURE_FAILURE', unknownCa],
    ['INVALID_CA', unknownCa],
    ['CERT_REVOKED', /certificate is revoked \(check: revoked\)/],
    ['INVALID_PURPOSE', /not for servers \(check: usage\)/],
    ['ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED', /wants a client certificate and got none/],
    ['ERR_SSL_TLSV1_ALERT_UNKNOWN_CA', refused],
    ['ERR_SSL_SSLV3_ALERT_BAD_CERTIFICATE', refused],
    ['ERR_SSL_SSL/TLS_ALERT_BAD_CERTIFICATE', refused],
    ['ERR_SSL_SSL_TLS_ALERT_CERTIFICATE_EXPIRED', /expired by the clock there/],
    ['ERR_SSL_SSLV3_ALERT_CERTIFICATE_EXPIRED', /expired by the clock there/],
    ['ERR_SSL_SSLV3_ALERT_CERTIFICATE_REVOKED', /: it is revoked/],
    ['ERR_SSL_SSLV3_ALERT_CERTIFICATE_UNKNOWN', refused],
    ['ERR_SSL_SSLV3_ALERT_UNSUPPORTED_CERTIFICATE', refused],
    ['ERR_SSL_TLSV1_ALERT_ACCESS_DENIED', refused],
    ['ERR_SSL_TLSV1_ALERT_DECRYPT_ERROR', refused],
    [CLOSED_AFTER_HANDSHAKE, /most likely it does not accept \/etc\/crt \(check: client certificate\)/],
    ['ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION', /does not speak TLS 1.3 \(check: protocol version\)/],
    ['ERR_SSL_UNSUPPORTED_PROTOCOL', /does not speak TLS 1.3 \(check: protocol version\)/],
    ['ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE', /\(check: protocol version\)/],
    ['ERR_SSL_WRONG_VERSION_NUMBER', /does not speak TLS \(check: protocol version\).*manager.tls: off/],
    ['ERR_SSL_PACKET_LENGTH_TOO_LONG', /does not speak TLS \(check: protocol version\)/],
    ['CLOSED_IN_HANDSHAKE', /closed the connection in the TLS handshake/],
    ['HANDSHAKE_TIMEOUT', /did not finish the TLS handshake/],
    ['NO_HTTP2', /does not speak HTTP\/2/],
    ['ERR_SSL_TLSV1_ALERT_NO_APPLICATION_PROTOCOL', /does not speak HTTP\/2/],
    ['ENOTFOUND', /cannot be resolved/],
    ['NAME_RESOLUTION', /cannot be resolved/],
    ['EAI_AGAIN', /the name server does not answer/],
    ['EHOSTUNREACH', /no route/],
    ['ENETUNREACH', /no route/],
    ['ECONNRESET', /closed the connection/],
    ['ETIMEDOUT', /does not answer/],
  ])('%s', (code, says) => expect(words(withCode(code))).toMatch(says));

  test.each([
    [withCode('ENEW'), 'no connection to the Manager at manager.example:9090'],
    ['no error', 'no connection to the Manager at manager.example:9090'],
    [withCode('ERR_SSL_NEW'), 'no connection to the Manager at manager.example:9090, TLS failed (check: TLS)'],
    [
      withCode('ERR_SSL_TLSV1_ALERT_NEW'),
      'no connection to the Manager at manager.example:9090, TLS failed (check: TLS)',
    ],
    [verdict('PATH_LENGTH_EXCEEDED'), "the Manager's certificate was not accepted (check: certificate)"],
  ])('%s, which nobody knows', (error, message) => expect(words(error)).toBe(message));
});

describe('a proxy', () => {
  const proxy = 'proxy.example:3128';
  test.each([
    ['PROXY_REFUSED', /^the proxy at proxy.example:3128 opens no way to manager.example:9090 \(check: proxy\)/],
    ['PROXY_AUTH', /^the proxy at proxy.example:3128 wants other credentials \(check: proxy\); .*manager.proxy/],
    ['PROXY_UNREACHABLE', /^the proxy at proxy.example:3128 cannot be reached \(check: proxy\)/],
    ['ENEW', /^no connection to the Manager at manager.example:9090 through the proxy at proxy.example:3128$/],
  ])('%s', (code, says) => expect(words(withCode(code), { proxy })).toMatch(says));
});

describe('plaintext', () => {
  test.each([
    [withCode(CLOSED_AFTER_HANDSHAKE), /most likely it wants TLS/],
    [withCode('ECONNRESET'), /most likely it wants TLS/],
    [new Error('No connection established. Last error: Protocol error'), /most likely it wants TLS/],
    [withCode('ETIMEDOUT'), /may wait for TLS/],
    [withCode('ECONNREFUSED'), /^nothing listens/],
  ])('%s', (error, says) => {
    expect(words(error, { plaintext: true })).toMatch(says);
    expect(words(error)).not.toMatch(/wants? (?:for )?TLS/);
  });
});

describe('what OpenSSL sends is what is explained', () => {
  test.each([
    ['a server of TLS 1.2', ['-tls1_2'], /does not speak TLS 1.3 \(check: protocol version\)/],
    [
      'a server that knows another CA',
      ['-Verify', '1', '-verify_return_error', '-CAfile', 'other.crt'],
      /does not know the CA that signed it .*\(check: client certificate\)/,
    ],
  ])('%s', async (_, options, says) => {
    const folder = await testFolder('tls-failure');
    const authority = await createCertificates(folder);
    writeFileSync(join(folder, 'other.crt'), (await createAuthority('other CA')).cert);
    const args = [
      's_server',
      '-accept',
      '127.0.0.1:0',
      '-www',
      '-cert',
      'server.crt',
      '-key',
      'server.key',
      ...options,
    ];
    const openssl: ChildProcess = spawn('openssl', args, { cwd: folder, stdio: ['ignore', 'pipe', 'ignore'] });
    onTestFinished(() => void openssl.kill('SIGKILL'));
    let told = '';
    openssl.stdout?.on('data', (chunk: Buffer) => {
      told += chunk.toString();
    });
    const port = await waitFor(() => /^ACCEPT 127\.0\.0\.1:(\d+)$/m.exec(told)?.[1], { what: 'openssl to listen' });
    const client = await authority.issue({ name: 'daemon' });
    const socket = connect({
      host: '127.0.0.1',
      port: Number(port),
      ca: authority.cert,
      ...client,
      minVersion: 'TLSv1.3',
    });
    onTestFinished(() => void socket.destroy());
    const error = await new Promise<Error>((resolve) => socket.on('error', resolve));
    expect(words(error)).toMatch(says);
    expect(isTlsVerdict(error)).toBe(true);
    expect(codeOf(error)).toMatch(/^ERR_SSL_/);
  });
});
