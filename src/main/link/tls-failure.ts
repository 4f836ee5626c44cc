/**
 * Says in words which check of a connection failed (D2001), and what to do. Pure: takes the error as Node or OpenSSL
 * gives it.
 */
import { DaemonError } from '../../shared/errors/daemon-error.ts';
import { codeOf } from '../../shared/errors/error-code.ts';
import { hostOf } from '../../shared/platform/address.ts';
import { CLOSED_AFTER_HANDSHAKE, isTlsVerdict } from '../../shared/platform/tls-verdict.ts';
import { invalidityInWords, validityAt } from '../../shared/platform/validity.ts';
import { HandshakeError, type PeerFacts } from './handshake-error.ts';

export { CLOSED_AFTER_HANDSHAKE, codeOf, isTlsVerdict };

export interface DialFacts {
  /** HOST:PORT as configured. */
  address: string;
  caFile: string;
  certFile: string;
  /** Unix milliseconds, by this host's clock. */
  nowMs: number;
  /** HOST:PORT of the proxy on the way, without credentials. */
  proxy?: string;
  /** `manager.tls: off`. */
  plaintext?: boolean;
}

type Explain = (facts: DialFacts, peer: PeerFacts | null) => string;

/** More would not help to find the one that was meant. */
const MAX_NAMES = 8;

const unknownAuthority: Explain = ({ caFile }) =>
  `the Manager's certificate was not issued by the CA in ${caFile} (check: unknown CA); put the CA that signed it there`;

const otherName: Explain = ({ address }, peer) => {
  const names = peer?.names ?? [];
  const more = names.length > MAX_NAMES ? ' and others' : '';
  const carried = names.length > 0 ? `it carries ${names.slice(0, MAX_NAMES).join(', ')}${more}` : 'it carries none';
  const what = `the Manager's certificate does not carry the name ${hostOf(address)} (check: name): ${carried}`;
  return `${what}; set manager.address to a name that it carries, or have one issued for this name`;
};

/** The peer's own certificate may be good, and one above it not. */
const outOfDate =
  (check: 'expired' | 'not yet valid'): Explain =>
  ({ caFile, nowMs }, peer) => {
    const advice =
      check === 'expired' ? "renew it, or set this host's clock right" : "set this host's clock right, or wait";
    if (peer && validityAt(peer, nowMs) !== 'valid') {
      return `the Manager's certificate ${invalidityInWords(peer, nowMs)} (check: ${check}); ${advice}`;
    }
    const is = check === 'expired' ? 'has expired' : 'is not valid yet';
    return `a certificate above the Manager's own ${is} (check: ${check}): one that the Manager sends, or the CA in ${caFile}; ${advice}`;
  };

const certificateRefused =
  (why: string, advice: string): Explain =>
  ({ certFile }) =>
    `the Manager refused the client certificate in ${certFile}: ${why} (check: client certificate); ${advice}`;

const noTls13: Explain = ({ address }) =>
  `${address} does not speak TLS 1.3 (check: protocol version); switch it on there, nothing below it is taken`;

const noTls: Explain = ({ address }) =>
  `what listens at ${address} does not speak TLS (check: protocol version): is the port right? A Manager that has no TLS needs manager.tls: off`;

const wantsTls: Explain = ({ address }) =>
  `${address} took the connection and does not speak plaintext HTTP/2, as manager.tls: off would have it (check: protocol version): most likely it wants TLS; configure manager.tls`;

const ask = 'ask whoever runs the Manager';
const issueAgain = 'have another one issued';

/** By the alert's name, without the version that OpenSSL puts before it, which differs between its releases. */
const ALERTS: Record<string, Explain> = {
  CERTIFICATE_REQUIRED: ({ certFile }) =>
    `the Manager wants a client certificate and got none (check: client certificate); see ${certFile}`,
  UNKNOWN_CA: certificateRefused('it does not know the CA that signed it', `have the CA put there, or ${issueAgain}`),
  CERTIFICATE_EXPIRED: certificateRefused(
    'it has expired by the clock there',
    'renew it, or have the clock there set right',
  ),
  CERTIFICATE_REVOKED: certificateRefused('it is revoked', issueAgain),
  BAD_CERTIFICATE: certificateRefused('it is bad, or not for clients', issueAgain),
  UNSUPPORTED_CERTIFICATE: certificateRefused('it is of a kind that is not taken there', issueAgain),
  CERTIFICATE_UNKNOWN: certificateRefused('it does not say why', ask),
  ACCESS_DENIED: certificateRefused('it is good, but may not connect', ask),
  DECRYPT_ERROR: certificateRefused('its signature does not hold', issueAgain),
  HANDSHAKE_FAILURE: ({ address }) =>
    `${address} and this host have no way of TLS in common (check: protocol version): it must speak TLS 1.3`,
  PROTOCOL_VERSION: noTls13,
  NO_APPLICATION_PROTOCOL: ({ address }) =>
    `what listens at ${address} does not speak HTTP/2 (check: protocol version)`,
};

const unresolved: Explain = ({ address }) => `the name in ${address} cannot be resolved; see manager.address`;
const noRoute: Explain = ({ address }) => `there is no route to ${address}`;

const EXPLANATIONS: Record<string, Explain> = {
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: unknownAuthority,
  UNABLE_TO_GET_ISSUER_CERT: unknownAuthority,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: unknownAuthority,
  UNABLE_TO_DECODE_ISSUER_PUBLIC_KEY: unknownAuthority,
  SELF_SIGNED_CERT_IN_CHAIN: unknownAuthority,
  DEPTH_ZERO_SELF_SIGNED_CERT: unknownAuthority,
  CERT_SIGNATURE_FAILURE: unknownAuthority,
  INVALID_CA: unknownAuthority,
  ERR_TLS_CERT_ALTNAME_INVALID: otherName,
  HOSTNAME_MISMATCH: otherName,
  CERT_HAS_EXPIRED: outOfDate('expired'),
  CERT_NOT_YET_VALID: outOfDate('not yet valid'),
  CERT_REVOKED: () => "the Manager's certificate is revoked (check: revoked); have another one issued for it",
  INVALID_PURPOSE: () =>
    "the Manager's certificate is not for servers (check: usage); have one issued for the use as a server",
  [CLOSED_AFTER_HANDSHAKE]: ({ address, certFile }) =>
    `${address} closed the connection right after the TLS handshake: most likely it does not accept ${certFile} (check: client certificate)`,
  CLOSED_IN_HANDSHAKE: ({ address }) =>
    `${address} closed the connection in the TLS handshake: something on the way cut it, or it does not speak TLS 1.3 (check: protocol version)`,
  HANDSHAKE_TIMEOUT: ({ address }) =>
    `${address} took the connection and did not finish the TLS handshake: it hangs, or does not speak TLS (check: protocol version)`,
  NO_HTTP2: ({ address }) => `what listens at ${address} does not speak HTTP/2 (check: protocol version)`,
  ERR_SSL_UNSUPPORTED_PROTOCOL: noTls13,
  ERR_SSL_WRONG_VERSION_NUMBER: noTls,
  ERR_SSL_PACKET_LENGTH_TOO_LONG: noTls,
  ERR_SSL_HTTP_REQUEST: noTls,
  ECONNREFUSED: ({ address }) => `nothing listens at ${address} (connection refused)`,
  ENOTFOUND: unresolved,
  NAME_RESOLUTION: unresolved,
  EAI_AGAIN: ({ address }) => `the name in ${address} cannot be resolved now: the name server does not answer`,
  EHOSTUNREACH: noRoute,
  ENETUNREACH: noRoute,
  ECONNRESET: ({ address }) => `${address} closed the connection`,
  ETIMEDOUT: ({ address }) => `${address} does not answer`,
  PROXY_REFUSED: ({ address, proxy }) =>
    `the proxy at ${proxy} opens no way to ${address} (check: proxy); have it allowed there, or name ${hostOf(address)} in NO_PROXY`,
  PROXY_AUTH: ({ proxy }) =>
    `the proxy at ${proxy} wants other credentials (check: proxy); set them in manager.proxy, or in HTTPS_PROXY`,
  PROXY_UNREACHABLE: ({ proxy }) =>
    `the proxy at ${proxy} cannot be reached (check: proxy); see manager.proxy, or HTTPS_PROXY`,
};

/** What goes wrong at a peer that answers in TLS, or waits for it. */
const PLAINTEXT: Record<string, Explain> = {
  [CLOSED_AFTER_HANDSHAKE]: wantsTls,
  ECONNRESET: wantsTls,
  ETIMEDOUT: ({ address }) =>
    `${address} does not answer; where it takes the connection, it may wait for TLS (check: protocol version), see manager.tls`,
};

function explanationOf(error: unknown, plaintext: boolean): Explain | undefined {
  const code = codeOf(error);
  const alert = /^ERR_SSL_(?:SSLV3|SSL[/_]TLS|TLSV1|TLSV13)_ALERT_(.+)$/.exec(code)?.[1];
  if (alert !== undefined) return ALERTS[alert];
  if (plaintext && error instanceof Error && /protocol error/i.test(error.message)) return wantsTls;
  return (plaintext ? PLAINTEXT[code] : undefined) ?? EXPLANATIONS[code];
}

export function connectError(error: unknown, facts: DialFacts): DaemonError {
  const explain = explanationOf(error, facts.plaintext ?? false);
  const peer = error instanceof HandshakeError ? error.peer : null;
  return new DaemonError('D2001', explain ? explain(facts, peer) : unexplained(error, facts, peer), {
    cause: error,
    retryable: true,
  });
}

function unexplained(error: unknown, { address, proxy }: DialFacts, peer: PeerFacts | null): string {
  if (peer) return `the Manager's certificate was not accepted (check: certificate)`;
  const how = proxy === undefined ? '' : ` through the proxy at ${proxy}`;
  const what = isTlsVerdict(error) ? ', TLS failed (check: TLS)' : '';
  return `no connection to the Manager at ${address}${how}${what}`;
}
