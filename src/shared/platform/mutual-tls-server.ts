/**
 * The server's side of mutual TLS, 1.3 and nothing below: what grpc-js makes by itself still speaks 1.2. The base class
 * is exported, but its constructor is not documented: grpc-js is pinned, and tests hold that 1.2 is refused.
 */
import { createSecureContext } from 'node:tls';
import { ServerCredentials } from '@grpc/grpc-js';

export interface ServerIdentity {
  ca: Buffer;
  cert: Buffer;
  key: Buffer;
}

const ONLY_1_3 = { minVersion: 'TLSv1.3', maxVersion: 'TLSv1.3' } as const;

export class MutualTlsCredentials extends ServerCredentials {
  constructor(identity: ServerIdentity) {
    createSecureContext({ ...ONLY_1_3, ...identity }); // throws here rather than at the first connection
    super({ requestCert: true, rejectUnauthorized: true, ...ONLY_1_3 }, { ...ONLY_1_3, ...identity });
  }

  override _equals(other: ServerCredentials): boolean {
    return this === other;
  }
}
