/**
 * How long a collection takes: each collector alone and all four, through a thread that has to be started, through
 * one that is there, and the reading itself. Counters of an earlier run go in, as they do in the daemon.
 */
import { Runner } from '../../src/main/threads/runner.ts';
import type { CollectOutcome, CollectTask } from '../../src/shared/contracts/jobs.ts';
import { fromWire } from '../../src/shared/errors/wire.ts';
import { collect as readCounters } from '../../src/workers/collect/collect.ts';
import type { BenchContext, BenchReport } from '../report.ts';
import { type Summary, summarise } from '../statistics.ts';
import { left, milliseconds, right } from '../table.ts';
import { inWords, judge, type Verdict } from '../targets.ts';

export const COLLECTORS = ['cpu', 'memory', 'disk', 'network'];
const ALL_FOUR = 'all four';
const SETS: readonly { title: string; names: readonly string[] }[] = [
  ...COLLECTORS.map((name) => ({ title: name, names: [name] })),
  { title: ALL_FOUR, names: COLLECTORS },
];
const DEADLINE_MS = 30_000;
/** A thread is kept for as long as its benchmark needs it: the Runner's end ends it. */
const LINGER_MS = 600_000;

type Way = 'cold thread' | 'warm thread' | 'reading';
interface Measured {
  title: string;
  way: Way;
  figures: Summary;
  verdict: Verdict;
}

type Collect = (tasks: CollectTask[]) => Promise<CollectOutcome[]>;

/** Milliseconds of one run. Gives back each collector's counters for the next one. */
export async function timed(names: readonly string[], states: Map<string, unknown>, run: Collect): Promise<number> {
  const tasks = names.map((name) => ({ name, state: states.get(name) ?? null }));
  const startedMs = performance.now();
  const outcomes = await run(tasks);
  const tookMs = performance.now() - startedMs;
  for (const { name, state, sample, error } of outcomes) {
    if (error && !sample) throw new Error(`collector ${name} failed`, { cause: fromWire(error) });
    states.set(name, state);
  }
  return tookMs;
}

/** From the order to start the thread to the answer; the thread's end is not counted. */
async function coldRun({ bundles, signal }: BenchContext, names: readonly string[], states: Map<string, unknown>) {
  const runner = new Runner({ bundles });
  try {
    return await timed(names, states, (tasks) =>
      runner.run('collect', tasks, { deadlineMs: DEADLINE_MS, lingerMs: LINGER_MS, signal }),
    );
  } finally {
    await runner.close();
  }
}

async function repeat(runs: number, { signal }: BenchContext, run: () => Promise<number>): Promise<Summary> {
  const took: number[] = [];
  for (let n = 0; n < runs; n++) {
    signal.throwIfAborted();
    took.push(await run());
  }
  return summarise(took);
}

async function measure(context: BenchContext, names: readonly string[]): Promise<Record<Way, Summary>> {
  const { bundles, settings, signal } = context;
  const { coldRuns, warmRuns, readings } = settings.collect;
  const states = new Map<string, unknown>();
  await timed(names, states, readCounters); // the starting counters
  const cold = await repeat(coldRuns, context, () => coldRun(context, names, states));
  const runner = new Runner({ bundles });
  const inThread: Collect = (tasks) =>
    runner.run('collect', tasks, { deadlineMs: DEADLINE_MS, lingerMs: LINGER_MS, signal });
  try {
    await timed(names, states, inThread); // starts it
    const warm = await repeat(warmRuns, context, () => timed(names, states, inThread));
    const reading = await repeat(readings, context, () => timed(names, states, readCounters));
    return { 'cold thread': cold, 'warm thread': warm, reading };
  } finally {
    await runner.close();
  }
}

/** Medians of all four collectors together, in milliseconds. */
function allFour(measured: readonly Measured[]): Record<Way, number> {
  const median = (way: Way): number => {
    const found = measured.find((one) => one.title === ALL_FOUR && one.way === way);
    if (!found) throw new Error(`${ALL_FOUR}, ${way}, was to be measured`);
    return found.figures.median;
  };
  return { 'cold thread': median('cold thread'), 'warm thread': median('warm thread'), reading: median('reading') };
}

export async function collect(context: BenchContext): Promise<BenchReport> {
  const measured: Measured[] = [];
  for (const { title, names } of SETS) {
    const ways = await measure(context, names);
    for (const way of ['cold thread', 'warm thread', 'reading'] as const) {
      const figures = ways[way];
      const verdict = judge('collection', `${title}, ${way}, maximum`, figures.max);
      measured.push({ title, way, figures, verdict });
    }
  }
  const medians = allFour(measured);
  const endToEndMs = { cold: medians['cold thread'], warm: medians['warm thread'] };
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
      'Warm thread: the same through a thread that is there. Reading: the call itself, in this process.',
    ],
    verdicts: measured.map(({ verdict }) => verdict),
    gate: [
      { figure: 'collectionCold', value: endToEndMs.cold },
      { figure: 'collectionWarm', value: endToEndMs.warm },
      { figure: 'collectionReading', value: medians.reading },
    ],
    figures: {
      unit: 'ms',
      allFourMedians: { ...endToEndMs, reading: medians.reading },
      runs: measured.map(({ title, way, figures }) => ({ collectors: title, way, ...figures })),
    },
  };
}
