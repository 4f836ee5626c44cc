/**
 * How long a collection takes: each collector alone and all four, through a thread that has to be started, through
 * one that is there, and the reading itself within the thread. Counters of an earlier run go in, as they do in the
 * daemon. Measured under the daemon's conditions, in a process of its own (bench/inside).
 */
import { withScope } from '../bounded.ts';
import { COLLECTORS } from '../collectors.ts';
import { tempFolder } from '../host.ts';
import { WAYS, type Way } from '../inside/order.ts';
import { measureInside } from '../inside/run.ts';
import type { BenchContext, BenchReport } from '../report.ts';
import type { Summary } from '../statistics.ts';
import { left, milliseconds, right } from '../table.ts';
import { inWords, judge, type Verdict } from '../targets.ts';

const ALL_FOUR = 'all four';
const SETS: readonly { title: string; names: readonly string[] }[] = [
  ...COLLECTORS.map((name) => ({ title: name, names: [name] })),
  { title: ALL_FOUR, names: COLLECTORS },
];

interface Measured {
  title: string;
  way: Way;
  figures: Summary;
  verdict: Verdict;
}

/** Medians of all four collectors together, in milliseconds. */
function allFour(measured: readonly Measured[]): Record<Way, number> {
  const median = (way: Way): number => {
    const found = measured.find((one) => one.title === ALL_FOUR && one.way === way);
    if (!found) throw new Error(`${ALL_FOUR}, ${way}, was to be measured`);
    return found.figures.median;
  };
  return Object.fromEntries(WAYS.map((way) => [way, median(way)])) as Record<Way, number>;
}

export async function collect(context: BenchContext): Promise<BenchReport> {
  const input = { ...context.settings.collect, sets: SETS.map(({ names }) => names) };
  const { figures: sets, notes } = await withScope(async (scope) => {
    return measureInside(scope, context, await tempFolder(scope), 'collect', input);
  });
  const measured = sets.flatMap(({ ways }, at) => {
    const title = SETS[at]?.title ?? '';
    return WAYS.map((way): Measured => {
      const figures = ways[way];
      return { title, way, figures, verdict: judge('collection', `${title}, ${way}, maximum`, figures.max) };
    });
  });
  const medians = allFour(measured);
  const endToEndMs = { cold: medians['cold thread'], warm: medians['warm thread'] };
  const readingMs = { reading: medians['reading, warm'], readingCold: medians['reading, cold'] };
  return {
    name: 'collect',
    title: 'one collection, in milliseconds',
    table: {
      columns: [
        left('collector'),
        left('through'),
        ...['n', 'median', 'p95', 'max'].map(right),
        left('target of the design document'),
      ],
      rows: measured.map(({ title, way, figures: { n, median, p95, max }, verdict }) => [
        title,
        way,
        String(n),
        ...[median, p95, max].map(milliseconds),
        inWords(verdict),
      ]),
    },
    notes: [
      'Cold thread: from the order to start a worker thread to its answer, as the daemon does it once a minute.',
      'Warm thread: the same through a thread that is there.',
      'Reading: the call itself, by the thread’s own clock. Cold: the first one of a thread, as the daemon’s are, with the ' +
        'code that it loads; warm: a later one, the reading alone.',
      ...notes,
    ],
    verdicts: measured.map(({ verdict }) => verdict),
    gate: [
      { figure: 'collectionCold', value: endToEndMs.cold },
      { figure: 'collectionWarm', value: endToEndMs.warm },
      { figure: 'collectionReading', value: readingMs.reading },
    ],
    figures: {
      unit: 'ms',
      allFourMedians: { ...endToEndMs, ...readingMs },
      runs: measured.map(({ title, way, figures }) => ({ collectors: title, way, ...figures })),
    },
  };
}
