/** The built daemon's pool, and verifying a package through it as the updater does: with somebody who follows it. */
import { Pool } from '../src/main/threads/pool.ts';
import type { PoolTasks } from '../src/shared/contracts/pool-tasks.ts';
import type { Scope } from '../src/shared/lifecycle/scope.ts';

type Task = PoolTasks['verifyPackage'];

const DEADLINE_MS = 600_000;
/** A thread is kept for as long as its benchmark needs it: the pool's end ends it. */
const LINGER_MS = 600_000;

export interface Verifier {
  /** Rejects where the package is refused. */
  verify(input: Task['input']): Promise<Task['output']>;
}

export function verifierOf(pool: Pool, signal: AbortSignal): Verifier {
  const options = { deadlineMs: DEADLINE_MS, signal, onProgress: () => {} };
  return { verify: (input) => pool.run('verifyPackage', input, options) };
}

/** Its first call starts its thread, which ends with the scope. */
export async function verifier(scope: Scope, bundles: string, signal: AbortSignal): Promise<Verifier> {
  const pool = new Pool({ bundles, idleMs: LINGER_MS });
  await scope.add(() => pool.close());
  return verifierOf(pool, signal);
}
