/** The host's TLS identity as its parts hand it on: one for connecting to the Manager and for serving it. */
import type { SecureContext } from 'node:tls';

export interface CertificateFacts {
  subject: string;
  issuer: string;
  /** Common name, DNS names and URIs. */
  names: readonly string[];
  /** Unix milliseconds. */
  notBeforeMs: number;
  notAfterMs: number;
}

export interface IdentityPem {
  ca: Buffer;
  /** With its chain. */
  cert: Buffer;
  key: Buffer;
  passphrase: string;
}

export interface Identity {
  /** For connecting: TLS 1.3 and nothing else, with certificate, key and CA. */
  context: SecureContext;
  /** For serving. The key's bytes are cleared where nothing is served. */
  pem: IdentityPem;
  /** Changes with any byte of the files. */
  digest: string;
  certificate: CertificateFacts;
}

export interface IdentitySource {
  /** The one in use, read from the files at the first call. Throws D2001 where they do not make one. */
  current(): Promise<Identity>;
  /** Told after another has taken its place; the returned function ends it. */
  onChange(listener: (identity: Identity) => void): () => void;
}
