/** What a collection costs: through a thread that must be started, through one that is there, and the reading alone. */
import { Runner } from '../src/main/threads/runner.ts';
import type { CollectOutcome, CollectTask } from '../src/shared/contracts/jobs.ts';
import { collect as collectHere } from '../src/workers/collect/collect.ts';
import { type Figure, type Result, spread } from './figures.ts';

const NAMES = ['cpu', 'memory', 'disk', 'network'];
const TARGET_MS = 500;

type Collect = (tasks: CollectTask[]) => Promise<CollectOutcome[]>;

async function timed(names: readonly string[], rounds: number, run: Collect): Promise<number[]> {
  let states = new Map<string, unknown>();
  const times: number[] = [];
  for (let round = 0; round <= rounds; round++) {
    const startedMs = performance.now();
    const outcomes = await run(names.map((name) => ({ name, state: states.get(name) ?? null })));
    // the first round takes the starting counters and warms up
    if (round > 0) times.push(performance.now() - startedMs);
    const failed = outcomes.find(({ error }) => error !== null);
    if (failed) throw new Error(`collector ${failed.name} failed: ${failed.error?.message}`);
    states = new Map(outcomes.map(({ name, state }) => [name, state]));
  }
  return times;
}

export async function collect(dist: string, quick: boolean): Promise<Result> {
  const runner = new Runner({ bundles: dist });
  const rounds = quick ? 8 : 40;
  const through =
    (lingerMs: number): Collect =>
    (tasks) =>
      runner.run('collect', tasks, { deadlineMs: 30_000, lingerMs });
  try {
    const figures: Figure[] = [];
    const cold = spread(await timed(NAMES, rounds, through(0)));
    const target = { text: `< ${TARGET_MS} ms`, holds: cold.median < TARGET_MS };
    figures.push({ name: 'all four, thread started', unit: 'ms', spread: cold, target });
    figures.push({
      name: 'all four, thread there',
      unit: 'ms',
      spread: spread(await timed(NAMES, rounds * 5, through(60_000))),
    });
    for (const names of [NAMES, ...NAMES.map((name) => [name])]) {
      const name = `${names.length > 1 ? 'all four' : names[0]}, the reading alone`;
      figures.push({ name, unit: 'ms', spread: spread(await timed(names, rounds * 10, collectHere)) });
    }
    return {
      benchmark: 'collect',
      notes: ['end to end from the call to its answer, the thread’s start included where it says so'],
      figures,
    };
  } finally {
    await runner.close();
  }
}
