/**
 * The Manager's identity, from a folder with ca.crt, server.crt and server.key: for the daemons that connect to it,
 * and for its own calls to them.
 */
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createSecureContext } from 'node:tls';
import { ChannelCredentials } from '@grpc/grpc-js';
import type { ServerIdentity } from '../shared/platform/mutual-tls-server.ts';

const ONLY_1_3 = { minVersion: 'TLSv1.3', maxVersion: 'TLSv1.3' } as const;
/** id-kp-clientAuth (RFC 5280, 4.2.1.12). */
const CLIENT_AUTH = '1.3.6.1.5.5.7.3.2';

/**
 * Reads ca.crt, server.crt and server.key. Throws an Error that says which file is wrong: it is not to be read, is no
 * PEM, or the key is another's.
 */
export async function readServerIdentity(folder: string): Promise<ServerIdentity> {
  const read = async <T>(name: string, check: (pem: Buffer) => T): Promise<{ pem: Buffer; found: T }> => {
    const path = join(folder, name);
    let pem: Buffer;
    try {
      pem = await readFile(path);
    } catch (cause) {
      throw new Error(`${path} cannot be read`, { cause });
    }
    try {
      return { pem, found: check(pem) };
    } catch (cause) {
      throw new Error(`${path} is not what its name says`, { cause });
    }
  };
  // one after another, so that the same fault always names the same file
  const ca = await read('ca.crt', (pem) => new X509Certificate(pem));
  const cert = await read('server.crt', (pem) => new X509Certificate(pem));
  const key = await read('server.key', (pem) => createPrivateKey(pem));
  if (!cert.found.checkPrivateKey(key.found)) {
    throw new Error(`${join(folder, 'server.key')} is not the key of ${join(folder, 'server.crt')}`);
  }
  return { ca: ca.pem, cert: cert.pem, key: key.pem };
}

/** Why a daemon will not take the certificate from a caller; null where nothing is to be seen. */
export function callerObjection({ cert }: ServerIdentity): string | null {
  // the types say that it is always there; without the extension it is not
  const usages: readonly string[] | undefined = new X509Certificate(cert).keyUsage;
  if (!usages || usages.includes(CLIENT_AUTH)) return null;
  return "the Manager's certificate (server.crt) may not be used to call: its extended key usage has no clientAuth";
}

/** Which names a daemon's certificate may have: where it was dialled, or what the node calls itself. */
export function callerCredentials(
  { ca, cert, key }: ServerIdentity,
  names: { ip: string; hostname: string },
): ChannelCredentials {
  return ChannelCredentials.createFromSecureContext(createSecureContext({ ...ONLY_1_3, ca, cert, key }), {
    checkServerIdentity: (_, { raw }) => {
      const certificate = new X509Certificate(raw);
      if (certificate.checkIP(names.ip) || certificate.checkHost(names.ip) || certificate.checkHost(names.hostname)) {
        return undefined;
      }
      return new Error(`the daemon's certificate names neither ${names.ip} nor ${names.hostname}`);
    },
  });
}
