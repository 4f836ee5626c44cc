/**
 * What a network error means for a download: in words, and whether another attempt may help. Pure. A host that answers
 * the handshake wrongly does so again; a connection that breaks may not.
 */
import { DaemonError } from '../../shared/errors/daemon-error.ts';
import { shownUrl } from '../../shared/packages/source-rules.ts';

/** An attempt that another one may make good. */
export class AttemptFailed extends Error {
  override readonly name = 'AttemptFailed';
  /** How long the host wants us to wait, ms; 0: it did not say. */
  readonly waitMs: number;

  constructor(url: URL, reason: string, { cause, waitMs = 0 }: { cause?: unknown; waitMs?: number } = {}) {
    super(`${shownUrl(url)}: ${reason}`, cause === undefined ? undefined : { cause });
    this.waitMs = waitMs;
  }
}

/** The end of a download that no further attempt would help. */
export function downloadFailed(url: URL, reason: string, cause?: unknown): DaemonError {
  return new DaemonError('D4001', `the package could not be downloaded: ${shownUrl(url)}: ${reason}`, { cause });
}

export interface FailedWhere {
  url: URL;
  /** The head of its answer had come. */
  answered: boolean;
  /** It was shown our client certificate. */
  identity: boolean;
}

const PASSING: Record<string, string> = {
  ECONNREFUSED: 'nothing listens there',
  ETIMEDOUT: 'no answer from the network',
  EHOSTUNREACH: 'no way to the host',
  ENETUNREACH: 'no way to the host',
  ENOTFOUND: 'the host name is not known',
  EAI_AGAIN: 'the host name could not be looked up',
};

const NO_TLS = 'no TLS with it';

const LASTING: readonly (readonly [RegExp, string])[] = [
  [/^CERT_HAS_EXPIRED$/, 'its certificate has expired'],
  [/^CERT_NOT_YET_VALID$/, 'its certificate is not valid yet; look at the clocks of both'],
  [/^ERR_TLS_CERT_ALTNAME_INVALID$/, 'its certificate is for another name'],
  [/^ERR_SSL_.*ALERT.*(CERT|UNKNOWN_CA|ACCESS_DENIED)/, "it does not take this host's client certificate"],
  [/^(ERR_SSL_|ERR_TLS_|EPROTO$)/, NO_TLS],
  [/CERT|SIGNATURE|ISSUER|PURPOSE/, 'its certificate is not of a CA that is trusted for it'],
  [/^HPE_HEADER_OVERFLOW$/, 'its headers do not end'],
  [/^HPE_/, 'its answer is not HTTP'],
];

/** Of several addresses tried at once, the error of the last: the group itself says nothing. */
function single(error: unknown): unknown {
  return error instanceof AggregateError && error.errors.length > 0 ? error.errors.at(-1) : error;
}

/** What is not from the network comes back as it is: a fault of the daemon. */
export function networkFailure(error: unknown, { url, answered, identity }: FailedWhere): unknown {
  const cause = single(error);
  const code = cause instanceof Error && 'code' in cause && typeof cause.code === 'string' ? cause.code : '';
  if (code === '') return error;
  if (answered) return new AttemptFailed(url, 'the connection broke off', { cause });
  const passing = PASSING[code];
  if (passing !== undefined) return new AttemptFailed(url, passing, { cause });
  const lasting = LASTING.find(([codes]) => codes.test(code))?.[1];
  if (lasting === NO_TLS && identity) return downloadFailed(url, 'no TLS 1.3 with it', cause);
  if (lasting !== undefined) return downloadFailed(url, lasting, cause);
  const hint = identity ? "; perhaps it does not take this host's client certificate" : '';
  return new AttemptFailed(url, `the connection ended without an answer${hint}`, { cause });
}
