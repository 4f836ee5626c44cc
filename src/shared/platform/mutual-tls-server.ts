/**
 * The server's side of mutual TLS, 1.3 and nothing below: what grpc-js makes by itself still speaks 1.2. The base class
 * is exported, but its constructor is not documented: grpc-js is pinned, and tests hold that 1.2 is refused, before and
 * after the identity was replaced.
 */
import { createSecureContext } from 'node:tls';
import { ServerCredentials } from '@grpc/grpc-js';

export interface ServerIdentity {
  ca: Buffer;
  cert: Buffer;
  key: Buffer;
  passphrase?: string;
}

export interface ServerLimits {
  /** For a handshake, ms. Default: Node's, 120 s. */
  handshakeTimeout?: number;
  settings?: { maxConcurrentStreams: number; maxHeaderListSize: number };
}

const ONLY_1_3 = { minVersion: 'TLSv1.3', maxVersion: 'TLSv1.3' } as const;

export class MutualTlsCredentials extends ServerCredentials {
  constructor(identity: ServerIdentity, limits: ServerLimits = {}) {
    createSecureContext({ ...ONLY_1_3, ...identity }); // throws here rather than at the first connection
    super({ requestCert: true, rejectUnauthorized: true, ...ONLY_1_3, ...limits }, { ...ONLY_1_3, ...identity });
  }

  /** New connections get it, live ones go on. Throws where it makes no identity, and changes nothing then. */
  replace(identity: ServerIdentity): void {
    createSecureContext({ ...ONLY_1_3, ...identity });
    // the floor is named again: what is left out falls back to what Node takes by itself
    this.updateSecureContextOptions({ ...ONLY_1_3, ...identity });
  }

  override _equals(other: ServerCredentials): boolean {
    return this === other;
  }
}
