/**
 * A process in the daemon's place that measures the daemon's parts under its conditions. Started as the daemon is, with
 * a MeasureOrder. At its end it says one MeasureLine, and exits with 0; whatever fails ends it with 1 and what it was.
 */
import { compile } from '../src/main/footprint/own-process.ts';
import { reasons, withScope } from './bounded.ts';
import { measureCollections } from './inside/collect.ts';
import { DaemonParts } from './inside/daemon-parts.ts';
import { measureHealth } from './inside/health.ts';
import { type MeasureLine, type MeasurementKind, type Measurements, orderOf } from './inside/order.ts';
import { measureRoundTrips } from './inside/report.ts';
import { measureStall } from './inside/stall.ts';

const MEASURES: {
  [K in MeasurementKind]: (parts: DaemonParts, input: Measurements[K]['input']) => Promise<Measurements[K]['output']>;
} = { collect: measureCollections, health: measureHealth, report: measureRoundTrips, stall: measureStall };

/** Aborts when the benchmark gives up: what was started here is to be ended. */
function interruption(): AbortSignal {
  const controller = new AbortController();
  process.once('SIGTERM', () => controller.abort(new Error('interrupted by SIGTERM')));
  return controller.signal;
}

async function main(): Promise<void> {
  compile(false); // as the daemon does before anything else
  const { kind, input, ...options } = orderOf(process.argv[2]);
  const signal = interruption();
  // said when all of it has ended well
  const line = await withScope(async (scope): Promise<MeasureLine<MeasurementKind>> => {
    const parts = await DaemonParts.start(scope, { ...options, signal });
    const measure = MEASURES[kind] as (
      of: DaemonParts,
      what: typeof input,
    ) => Promise<Measurements[MeasurementKind]['output']>;
    const figures = await measure(parts, input);
    return { event: 'measured', node: process.versions.node, pagesKept: parts.pagesKept, figures };
  });
  process.stdout.write(`${JSON.stringify(line)}\n`);
}

main().catch((error: unknown) => {
  for (const reason of reasons(error)) process.stderr.write(`${reason}\n`);
  // whatever is still under way is not waited for
  process.exit(1);
});
