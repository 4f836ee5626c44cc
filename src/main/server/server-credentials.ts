/**
 * The server's side of mutual TLS, 1.3 and nothing below: what grpc-js makes by itself still speaks 1.2. The base class
 * is exported, but its constructor is not documented: grpc-js is pinned, and a test holds that 1.2 is refused.
 */
import { readFile } from 'node:fs/promises';
import { createSecureContext } from 'node:tls';
import { ServerCredentials } from '@grpc/grpc-js';
import type { TlsFilePaths } from '../../shared/contracts/pool-tasks.ts';

const ONLY_1_3 = { minVersion: 'TLSv1.3', maxVersion: 'TLSv1.3' } as const;

export class OperationsCredentials extends ServerCredentials {
  /** Rejects where a file is not there, or the three make no identity. */
  static async load({ certFile, keyFile, caFile }: TlsFilePaths): Promise<OperationsCredentials> {
    const cert = await readFile(certFile);
    const ca = await readFile(caFile);
    const key = await readFile(keyFile);
    createSecureContext({ ...ONLY_1_3, cert, ca, key }); // throws here rather than at the first connection
    return new OperationsCredentials({ cert, ca, key });
  }

  private constructor(identity: { cert: Buffer; ca: Buffer; key: Buffer }) {
    super({ requestCert: true, rejectUnauthorized: true, ...ONLY_1_3 }, { ...ONLY_1_3, ...identity });
  }

  override _equals(other: ServerCredentials): boolean {
    return this === other;
  }
}
