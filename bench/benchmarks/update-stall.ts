/**
 * What verifying a package does to the thread that asked for it and to its heartbeats, in a thread that is there, as it
 * is where the package has just been downloaded or copied. Starting the thread is not part of it.
 */
import type { ManagerCalls } from '../../src/main/link/calls.ts';
import { withScope } from '../bounded.ts';
import { heartbeat } from '../manager-calls.ts';
import type { BenchContext } from '../report.ts';
import { verifier } from '../verify.ts';
import { type Compared, compareStretches } from './stall-stretches.ts';
import type { BenchPackage } from './update-package.ts';

export interface Stall extends Pick<Compared, 'idle' | 'busy'> {
  verifications: number;
}

export function measureStall(calls: ManagerCalls, context: BenchContext, { signed }: BenchPackage): Promise<Stall> {
  return withScope(async (scope) => {
    const { bundles, settings, signal } = context;
    const { verify } = await verifier(scope, bundles, signal);
    const beat = (): Promise<void> => heartbeat(calls);
    const { idle, busy, done } = await compareStretches(beat, [() => verify(signed)], settings.update, signal);
    return { idle, busy, verifications: done[0] ?? 0 };
  });
}
