/**
 * What a round of health checks costs with many agents: the round in the worker from the call to its answer, and how
 * long the calling thread was held up meanwhile. Measured under the daemon's conditions, in a process of its own
 * (bench/inside).
 */
import { withScope } from '../bounded.ts';
import { tempFolder } from '../host.ts';
import { measureInside } from '../inside/run.ts';
import type { BenchContext, BenchReport } from '../report.ts';
import { left, milliseconds, right } from '../table.ts';

export async function health(context: BenchContext): Promise<BenchReport> {
  const { figures: measured, notes } = await withScope(async (scope) => {
    return measureInside(scope, context, await tempFolder(scope), 'health', context.settings.health);
  });
  return {
    name: 'health',
    title: 'one round of health checks, in milliseconds',
    table: {
      columns: [right('agents'), ...['n', 'median', 'p95', 'max', 'reading', 'held up'].map(right), left('')],
      rows: measured.map(({ agents, thread: { n, median, p95, max }, reading, heldUpMs }) => [
        String(agents),
        String(n),
        ...[median, p95, max, reading.median, heldUpMs].map(milliseconds),
        '',
      ]),
    },
    notes: [
      'From the call to the answer through a worker thread that is there. Reading: the median by the thread’s own clock.',
      'Held up: the longest delay of the calling thread’s event loop during those rounds, its resolution of 1 ms included.',
      ...notes,
    ],
    verdicts: [],
    figures: { unit: 'ms', runs: measured },
  };
}
