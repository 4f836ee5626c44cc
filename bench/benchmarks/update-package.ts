/**
 * A package to verify, signed over the whole file as those who release do it: RSA with SHA-256. On disk when it is
 * handed over, so that nothing is written back while it is read, and cached, since it has just been written.
 */
import { createHash, createSign, generateKeyPair, randomBytes } from 'node:crypto';
import { open, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { PoolTasks } from '../../src/shared/contracts/pool-tasks.ts';
import { requireSpace } from '../../src/workers/update/free-space.ts';

export const MIB = 1024 * 1024;
const RESERVE_BYTES = 64 * MIB;
const RSA_BITS = 3072;

export interface BenchPackage {
  bytes: number;
  /** What the pool's task is given. */
  signed: PoolTasks['verifyPackage']['input'];
  /** The same bytes as in `signed`, for openssl. */
  signatureFile: string;
}

/** Throws DaemonError where there is no room. What it wrote is the folder's owner's to remove. */
export async function makePackage(folder: string, mebibytes: number, signal: AbortSignal): Promise<BenchPackage> {
  const bytes = mebibytes * MIB;
  await requireSpace(folder, bytes, RESERVE_BYTES, 'the package of this benchmark (TMPDIR chooses another volume)');
  const { privateKey, publicKey } = await promisify(generateKeyPair)('rsa', { modulusLength: RSA_BITS });
  const path = join(folder, 'package');
  // of one block over and over: neither hash nor file system looks that far back. It is small, as what is left of it
  // on the heap would count as memory that verifying found there
  const block = randomBytes(MIB);
  const [sum, sign] = [createHash('sha256'), createSign('sha256')];
  const file = await open(path, 'wx', 0o600);
  try {
    for (let n = 0; n < mebibytes; n++) {
      signal.throwIfAborted();
      await file.writeFile(block);
      sum.update(block);
      sign.update(block);
    }
    await file.sync();
  } finally {
    await file.close();
  }
  const signature = sign.sign(privateKey);
  const publicKeyFile = join(folder, 'package-key.pub');
  const signatureFile = join(folder, 'package.sig');
  await writeFile(publicKeyFile, publicKey.export({ type: 'spki', format: 'pem' }));
  await writeFile(signatureFile, signature);
  const sha256 = sum.digest('hex');
  return {
    bytes,
    signed: { path, sha256, bytes, signature: signature.toString('base64'), publicKeyFile },
    signatureFile,
  };
}
