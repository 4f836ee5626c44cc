/** The daemon as `idle` has it, for long: whether memory, descriptors or threads grow. A sample each second. */
import { setTimeout as sleep } from 'node:timers/promises';
import { withScope } from '../bounded.ts';
import type { BenchContext, BenchReport } from '../report.ts';
import { requireHeartbeats, startResting } from '../resting-daemon.ts';
import { watch } from '../watch.ts';
import { rssSeries } from './idle-figures.ts';
import { BLOCK_MS, soakFigures, soakGate, soakTable } from './soak-figures.ts';

const SAMPLE_MS = 1000;

export function soak(context: BenchContext): Promise<BenchReport> {
  const { node, settings, signal } = context;
  const { paced, warmUpMs, windowMs } = settings.soak;
  return withScope(async (scope) => {
    const daemon = await startResting(scope, context, paced.intervalMs);
    await Promise.race([sleep(paced.forMs, undefined, { signal }), daemon.ended]);
    await daemon.setIntervals(null);
    await Promise.race([sleep(warmUpMs, undefined, { signal }), daemon.ended]);
    const before = daemon.heartbeats();
    const watching = watch([daemon.pid], { windowMs, signal, sampleMs: SAMPLE_MS });
    const [watched] = await Promise.race([watching, daemon.ended]);
    if (!watched) throw new Error('a process was to be watched');
    const heartbeats = daemon.heartbeats() - before;
    requireHeartbeats(heartbeats, windowMs, null);
    const figures = soakFigures(watched);
    const blockMinutes = BLOCK_MS / 60_000;
    return {
      name: 'soak',
      title: `the daemon at rest for ${(windowMs / 60_000).toFixed(0)} minutes, with three agents`,
      table: soakTable(figures),
      notes: [
        `A sample a second, all intervals as shipped; ${heartbeats} heartbeats were answered. Before it, ` +
          `${paced.forMs / 60_000} minutes with intervals of ${paced.intervalMs / 1000} s, and ` +
          `${warmUpMs / 60_000} as shipped.`,
        `First and last are the least of the first and of the last ${blockMinutes} minutes; max is the most of all.`,
        'The slope is that of a straight line by least squares through the least of each of ' +
          `${figures.rss.points} times ${blockMinutes} minutes. ` +
          'It counts as growth above two standard errors and 100 KB an hour.',
      ],
      verdicts: [],
      gate: soakGate(figures),
      series: [rssSeries(`daemon, Node ${node.version}, soak`, watched)],
      figures: { ...figures, heartbeats },
    };
  });
}
