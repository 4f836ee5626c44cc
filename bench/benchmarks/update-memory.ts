/** What verifying a package costs this process at its peak: the pool's library, its thread and the reading together. */
import { withScope } from '../bounded.ts';
import { readFigures, resetPeak } from '../process-figures.ts';
import type { BenchContext } from '../report.ts';
import { verifier } from '../verify.ts';
import type { BenchPackage } from './update-package.ts';

export interface PeakMemory {
  beforeBytes: number;
  peakBytes: number;
}

const peak = (): number | null => readFigures(process.pid)?.peakRssBytes ?? null;

/** For a process that has verified nothing yet. Null where the kernel's peak cannot be read or set back. */
export function measureMemory({ bundles, signal }: BenchContext, { signed }: BenchPackage): Promise<PeakMemory | null> {
  return withScope(async (scope) => {
    const { verify } = await verifier(scope, bundles, signal);
    const beforeBytes = resetPeak(process.pid) ? peak() : null;
    await verify(signed);
    const peakBytes = peak();
    return beforeBytes === null || peakBytes === null ? null : { beforeBytes, peakBytes };
  });
}
