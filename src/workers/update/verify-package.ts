/**
 * Hash and signature of a package, in one read of its file. Holds the worker's thread until it is through; what ends
 * the task ends the thread. What the package contains is not looked at.
 */
import type { PoolTasks, TaskContext } from '../../shared/contracts/pool-tasks.ts';
import { loadPublicKeys } from '../../shared/packages/public-keys.ts';
import { checkPackage, decodeSignature } from '../../shared/packages/signature.ts';

type Task = PoolTasks['verifyPackage'];

/** Throws D4002: check source, size, key, signature or hash. */
export async function verifyPackage(input: Task['input'], context: TaskContext): Promise<Task['output']> {
  const { path, sha256, bytes, signature, publicKeyFile } = input;
  const signed =
    signature === ''
      ? null
      : { signature: decodeSignature(signature, 'the package'), keys: loadPublicKeys(publicKeyFile) };
  const checked = checkPackage({ path, sha256, bytes, signed }, (progress) => context.progress(progress));
  return { sha256: checked.sha256, bytes: checked.bytes, keyId: checked.key?.keyId ?? '' };
}
