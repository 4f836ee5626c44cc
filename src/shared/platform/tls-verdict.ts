/** Tells what TLS said of a peer, or the peer of us, from faults of the network below it, by the error's code. Pure. */
import { codeOf } from '../errors/error-code.ts';

/**
 * Our own code: the peer closed the connection once TLS was agreed on. Servers that check a client's certificate only
 * then send no alert.
 */
export const CLOSED_AFTER_HANDSHAKE = 'CLOSED_AFTER_HANDSHAKE';

/** Of OpenSSL's checks of a certificate, as Node names them, those that do not speak of it in their name. */
const CERTIFICATE_CHECKS: readonly string[] = [
  'INVALID_CA',
  'INVALID_PURPOSE',
  'PATH_LENGTH_EXCEEDED',
  'HOSTNAME_MISMATCH',
  'UNABLE_TO_DECODE_ISSUER_PUBLIC_KEY',
  'UNSPECIFIED',
];

/** Whether the error is a verdict of TLS rather than of the network below it. */
export function isTlsVerdict(error: unknown): boolean {
  const code = codeOf(error);
  if (code.startsWith('ERR_SSL_') || code.startsWith('ERR_TLS_') || /CERT|SIGNATURE/.test(code)) return true;
  return code === CLOSED_AFTER_HANDSHAKE || CERTIFICATE_CHECKS.includes(code);
}
