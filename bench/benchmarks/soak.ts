/**
 * The daemon as `idle` has it, for long: whether memory, descriptors or threads grow, and whether it is still as small as
 * `idle` asks for. A sample each second.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { withScope } from '../bounded.ts';
import { hasUserfaultfd, resetPeak } from '../process-figures.ts';
import type { BenchContext, BenchReport } from '../report.ts';
import { startResting } from '../resting-daemon.ts';
import { watch } from '../watch.ts';
import { restVerdicts, rssSeries } from './idle-figures.ts';
import { peakNote, userfaultfdNote, workNote } from './idle-notes.ts';
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
    const peakIsOfWindow = resetPeak(daemon.pid);
    const closeWindow = daemon.openWindow(windowMs, null);
    const watching = watch([{ pids: [daemon.pid] }], { windowMs, signal, sampleMs: SAMPLE_MS });
    const [watched] = await Promise.race([watching, daemon.ended]);
    if (!watched) throw new Error('a process was to be watched');
    const work = closeWindow();
    const figures = soakFigures(watched);
    const verdicts = restVerdicts(figures.daemon, peakIsOfWindow);
    const userfaultfd = hasUserfaultfd(daemon.pid);
    const blockMinutes = BLOCK_MS / 60_000;
    return {
      name: 'soak',
      title: `the daemon at rest for ${(windowMs / 60_000).toFixed(0)} minutes, with three agents`,
      table: soakTable(figures, verdicts),
      notes: [
        'A sample a second, all intervals as shipped. Before it, ' +
          `${paced.forMs / 60_000} minutes with intervals of ${paced.intervalMs / 1000} s, and ` +
          `${warmUpMs / 60_000} as shipped.`,
        workNote(work),
        `First and last are the least of the first and of the last ${blockMinutes} minutes; all else is of all samples.`,
        peakNote(peakIsOfWindow),
        'The slope is that of a straight line by least squares through the least of each of ' +
          `${figures.rss.points} times ${blockMinutes} minutes. ` +
          'It counts as growth above two standard errors and 100 KB an hour; of descriptors and threads, one more does.',
        userfaultfdNote(userfaultfd),
      ],
      verdicts: Object.values(verdicts),
      gate: soakGate(figures),
      series: [rssSeries(`daemon, Node ${node.version}, soak`, watched)],
      figures: { ...figures, peakIsOfWindow, work, userfaultfd },
    };
  });
}
