/** Why a dialled peer was not taken, with what its certificate says where it showed one. */
import type { CertificateFacts } from '../../shared/contracts/identity.ts';

/** `names` have addresses too: what the peer could have been called. */
export type PeerFacts = Pick<CertificateFacts, 'names' | 'notBeforeMs' | 'notAfterMs'>;

export type HandshakeCode =
  /** It did not end in time. */
  | 'HANDSHAKE_TIMEOUT'
  /** The peer closed the connection in its midst. */
  | 'CLOSED_IN_HANDSHAKE'
  /** TLS would do, but the peer does not speak HTTP/2 in it. */
  | 'NO_HTTP2';

export class HandshakeError extends Error {
  override readonly name = 'HandshakeError';
  /** Ours (`HandshakeCode`), or that of the check of the certificate as Node or OpenSSL gives it. */
  readonly code: string;
  readonly peer: PeerFacts | null;

  constructor(code: HandshakeCode | (string & {}), message: string, peer: PeerFacts | null, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
    this.peer = peer;
  }
}
