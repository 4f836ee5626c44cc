/** The Manager's identity, from a folder with ca.crt, server.crt and server.key. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ServerIdentity } from '../shared/platform/mutual-tls-server.ts';

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
