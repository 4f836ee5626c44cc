/** Files that do not make an identity (D2001), with the check that failed in a word that stays the same. */
import { DaemonError } from '../../shared/errors/daemon-error.ts';
import { TLS_FILE_KEYS, type TlsFileName } from '../../shared/platform/tls-files.ts';

export type IdentityCheck =
  | 'file'
  | 'certificate'
  | 'CA certificate'
  | 'key'
  | 'passphrase'
  | 'key match'
  | 'chain'
  | 'expired'
  | 'not yet valid'
  | 'identity';

export interface FaultyFile {
  name: TlsFileName;
  path: string;
}

export class IdentityFault extends DaemonError {
  /** The same for the same fault of the same file, however the words differ with time. */
  readonly reason: string;

  /** `what` goes on from the file's name; `advice` says what to do. */
  constructor(check: IdentityCheck, { name, path }: FaultyFile, what: string, advice: string, cause?: unknown) {
    const message = `${TLS_FILE_KEYS[name]}: ${path} ${what} (check: ${check}); ${advice}`;
    // whoever writes the files may be about to put it right
    super('D2001', message, { retryable: true, ...(cause === undefined ? {} : { cause }) });
    this.reason = `${name} ${check}`;
  }
}
