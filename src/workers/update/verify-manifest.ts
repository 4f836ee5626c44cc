/**
 * A manifest's signature over its exact text, and only then its form: nothing of an unsigned text is interpreted.
 * Whether what it says fits this host is the caller's to check.
 */
import type { PoolTasks } from '../../shared/contracts/pool-tasks.ts';
import { parseManifest } from '../../shared/packages/manifest.ts';
import { loadPublicKeys } from '../../shared/packages/public-keys.ts';
import { decodeSignature, verifySmall } from '../../shared/packages/signature.ts';

type Task = PoolTasks['verifyManifest'];

/** Throws D4002: check key, signature or manifest. */
export async function verifyManifest(input: Task['input']): Promise<Task['output']> {
  const { publicKeyFile, manifest, signature } = input;
  const bytes = decodeSignature(signature, 'the manifest');
  const keys = loadPublicKeys(publicKeyFile);
  const { keyId } = verifySmall(keys, Buffer.from(manifest, 'utf8'), bytes, 'the manifest');
  return { manifest: parseManifest(manifest), keyId };
}
