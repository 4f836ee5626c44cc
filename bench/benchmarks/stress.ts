/**
 * Whether giving pages back breaks anything: all of them, each 5 ms, in a process of its own that does what a daemon
 * does as fast as it can (stress-load.ts). It checks its own results; here its end is looked at, and what the Manager
 * had of it. Anything that is not right fails the benchmark.
 */
import { resolve } from 'node:path';
import { withScope } from '../bounded.ts';
import { BenchHost } from '../host.ts';
import { runInPlaceOfDaemon } from '../in-place-of-daemon.ts';
import type { BenchContext, BenchReport } from '../report.ts';
import { ManagerTally } from '../stress/manager-tally.ts';
import { parseStressLine, type StressFigures, type StressLine, type StressOrder } from '../stress/order.ts';
import { STRESS, stressNotes, stressNotRun, stressTable } from './stress-figures.ts';

/** For starting, for what is under way when the time is up, and for ending. */
const MORE_MS = 120_000;

function measure(context: BenchContext): Promise<StressLine> {
  return withScope(async (scope) => {
    const { bundles, settings, signal } = context;
    const host = await BenchHost.start(scope, context);
    const tally = new ManagerTally();
    host.onLine((line) => tally.take(line));
    const { folder, managerPort } = host;
    const order: StressOrder = { bundles: resolve(bundles), folder, managerPort, ...settings.stress };
    const line = await runInPlaceOfDaemon<StressLine>(scope, context, {
      ...{ name: 'load', bundle: 'stress.js', folder, order, parse: parseStressLine },
      timeoutMs: settings.stress.forMs + MORE_MS,
    });
    if ('figures' in line) await tally.require(line.figures.counts, signal);
    return line;
  });
}

function reportOf({ settings, node }: BenchContext, figures: StressFigures): BenchReport {
  if (figures.node !== node.version) throw new Error(`the load ran with Node ${figures.node}`);
  return {
    ...STRESS,
    table: stressTable(figures),
    notes: stressNotes(figures, settings.stress.mebibytes),
    verdicts: [],
    figures: { ...figures },
  };
}

export async function stress(context: BenchContext): Promise<BenchReport> {
  const line = await measure(context);
  if ('figures' in line) return reportOf(context, line.figures);
  return stressNotRun(line.none);
}
