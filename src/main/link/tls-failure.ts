/**
 * Says in words which check of a connection failed (D2001). Pure: takes the error as Node or OpenSSL gives it.
 */
import { DaemonError } from '../../shared/errors/daemon-error.ts';

export interface DialFacts {
  /** HOST:PORT as configured. */
  address: string;
  caFile: string;
  certFile: string;
}

type Explain = (facts: DialFacts, error: Error) => string;

const unknownAuthority: Explain = ({ caFile }) =>
  `the Manager's certificate was not issued by the CA in ${caFile} (check: unknown CA); put the CA that signed it there`;

/**
 * Our own code: the peer closed the connection once TLS was agreed on. Servers that check a client's certificate only
 * then send no alert.
 */
export const CLOSED_AFTER_HANDSHAKE = 'CLOSED_AFTER_HANDSHAKE';

const EXPLANATIONS: Record<string, Explain> = {
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: unknownAuthority,
  UNABLE_TO_GET_ISSUER_CERT: unknownAuthority,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: unknownAuthority,
  SELF_SIGNED_CERT_IN_CHAIN: unknownAuthority,
  DEPTH_ZERO_SELF_SIGNED_CERT: unknownAuthority,
  CERT_SIGNATURE_FAILURE: unknownAuthority,
  ERR_TLS_CERT_ALTNAME_INVALID: ({ address }, { message }) =>
    `the Manager's certificate does not carry the name of ${address} (check: name): ${message}`,
  CERT_HAS_EXPIRED: () =>
    "the Manager's certificate has expired (check: dates); if it has not, this host's clock is wrong",
  CERT_NOT_YET_VALID: () =>
    "the Manager's certificate is not valid yet (check: dates); most often this host's clock is behind",
  ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED: ({ certFile }) =>
    `the Manager wants a client certificate and got none (check: client certificate); see ${certFile}`,
  ERR_SSL_TLSV1_ALERT_UNKNOWN_CA: ({ certFile }) =>
    `the Manager does not know the CA that signed ${certFile} (check: client certificate)`,
  ERR_SSL_SSLV3_ALERT_BAD_CERTIFICATE: ({ certFile }) => `the Manager refused ${certFile} (check: client certificate)`,
  ERR_SSL_SSL_TLS_ALERT_BAD_CERTIFICATE: ({ certFile }) =>
    `the Manager refused ${certFile} (check: client certificate)`,
  ERR_SSL_SSLV3_ALERT_CERTIFICATE_EXPIRED: ({ certFile }) =>
    `the Manager says that ${certFile} has expired (check: client certificate)`,
  [CLOSED_AFTER_HANDSHAKE]: ({ address, certFile }) =>
    `${address} closed the connection right after the TLS handshake: most likely it does not accept ${certFile} (check: client certificate)`,
  ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION: ({ address }) => `${address} does not speak TLS 1.3 (check: protocol version)`,
  ERR_SSL_UNSUPPORTED_PROTOCOL: ({ address }) => `${address} does not speak TLS 1.3 (check: protocol version)`,
  ERR_SSL_WRONG_VERSION_NUMBER: ({ address }) =>
    `what listens at ${address} does not speak TLS (check: protocol version)`,
  ERR_SSL_PACKET_LENGTH_TOO_LONG: ({ address }) =>
    `what listens at ${address} does not speak TLS (check: protocol version)`,
  ECONNREFUSED: ({ address }) => `nothing listens at ${address} (connection refused)`,
  ENOTFOUND: ({ address }) => `the name in ${address} cannot be resolved`,
  NAME_RESOLUTION: ({ address }) => `the name in ${address} cannot be resolved`,
  EAI_AGAIN: ({ address }) => `the name in ${address} cannot be resolved now: the name server does not answer`,
  EHOSTUNREACH: ({ address }) => `there is no route to ${address}`,
  ENETUNREACH: ({ address }) => `there is no route to ${address}`,
  ECONNRESET: ({ address }) => `${address} closed the connection`,
  ETIMEDOUT: ({ address }) => `${address} does not answer`,
};

export function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : '';
}

/** Whether the error is a verdict of TLS rather than of the network below it. */
export function isTlsVerdict(error: unknown): boolean {
  const code = codeOf(error);
  return code.startsWith('ERR_SSL_') || code.startsWith('ERR_TLS_') || /CERT|SIGNATURE/.test(code);
}

export function connectError(error: unknown, facts: DialFacts): DaemonError {
  const explain = EXPLANATIONS[codeOf(error)];
  const message =
    explain && error instanceof Error ? explain(facts, error) : `no connection to the Manager at ${facts.address}`;
  return new DaemonError('D2001', message, { cause: error, retryable: true });
}
