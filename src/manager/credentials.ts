/**
 * The server's side of mutual TLS, 1.3 and nothing below: what grpc-js makes by itself still speaks 1.2. The base
 * class is exported, but its constructor is not documented: grpc-js is pinned, and a test holds that 1.2 is refused.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createSecureContext } from 'node:tls';
import { ServerCredentials } from '@grpc/grpc-js';

export interface ServerIdentity {
  ca: Buffer;
  cert: Buffer;
  key: Buffer;
}

const ONLY_1_3 = { minVersion: 'TLSv1.3', maxVersion: 'TLSv1.3' } as const;

/** Reads ca.crt, server.crt and server.key. Throws an Error that says which file is wrong. */
export async function readServerIdentity(folder: string): Promise<ServerIdentity> {
  const read = async (name: string): Promise<Buffer> => {
    try {
      return await readFile(join(folder, name));
    } catch (cause) {
      throw new Error(`${join(folder, name)} cannot be read`, { cause });
    }
  };
  // one after another, so that the same fault always names the same file
  const ca = await read('ca.crt');
  const cert = await read('server.crt');
  return { ca, cert, key: await read('server.key') };
}

export class MutualTlsCredentials extends ServerCredentials {
  constructor(identity: ServerIdentity) {
    createSecureContext({ ...ONLY_1_3, ...identity }); // throws here rather than at the first connection
    super({ requestCert: true, rejectUnauthorized: true, ...ONLY_1_3 }, { ...ONLY_1_3, ...identity });
  }

  override _equals(other: ServerCredentials): boolean {
    return this === other;
  }
}
