/** Collections as the daemon makes them, through threads of its Runner; see WAYS for what is measured. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Runner } from '../../src/main/threads/runner.ts';
import { type Collect, type Collected, collected } from '../collections.ts';
import { type Summary, summarise } from '../statistics.ts';
import type { DaemonParts } from './daemon-parts.ts';
import type { Collections, Measurements } from './order.ts';
import { threadMsOf } from './timed.ts';

type Input = Measurements['collect']['input'];

const DEADLINE_MS = 30_000;
/** A thread is kept for as long as it is needed: the Runner's end ends it. */
const LINGER_MS = 600_000;

const tookMs = (run: Collected): number => run.tookMs;
const readingMs = ({ outcomes }: Collected): number => threadMsOf(outcomes);

/** One set of collectors. */
class Subject {
  readonly #names: readonly string[];
  readonly #parts: DaemonParts;
  readonly #input: Input;
  readonly #states = new Map<string, unknown>();

  constructor(names: readonly string[], parts: DaemonParts, input: Input) {
    this.#names = names;
    this.#parts = parts;
    this.#input = input;
  }

  async measure(): Promise<Collections['ways']> {
    const { coldRuns, warmRuns, readings } = this.#input;
    const [plain, timed] = [() => this.#parts.runner(), () => this.#parts.timedRunner()];
    await this.#cold(plain); // the starting counters
    return {
      'cold thread': await this.#repeat(coldRuns, async () => tookMs(await this.#cold(plain))),
      'warm thread': await this.#warm(plain(), warmRuns, tookMs),
      'reading, cold': await this.#repeat(coldRuns, async () => readingMs(await this.#cold(timed))),
      'reading, warm': await this.#warm(timed(), readings, readingMs),
    };
  }

  /** By a thread that is started for it. Its end is not counted, and what it leaves is given back before the next. */
  async #cold(open: () => Runner): Promise<Collected> {
    const runner = open();
    try {
      return await collected(this.#names, this.#states, this.#through(runner));
    } finally {
      await runner.close();
      await sleep(this.#input.pauseMs);
    }
  }

  /** By a thread that is there. */
  async #warm(runner: Runner, runs: number, figure: (run: Collected) => number): Promise<Summary> {
    try {
      const once = (): Promise<Collected> => collected(this.#names, this.#states, this.#through(runner));
      await once(); // starts it
      return await this.#repeat(runs, async () => figure(await once()));
    } finally {
      await runner.close();
    }
  }

  #through(runner: Runner): Collect {
    const { signal } = this.#parts;
    return (tasks) => runner.run('collect', tasks, { deadlineMs: DEADLINE_MS, lingerMs: LINGER_MS, signal });
  }

  async #repeat(runs: number, run: () => Promise<number>): Promise<Summary> {
    const figures: number[] = [];
    for (let n = 0; n < runs; n++) {
      this.#parts.signal.throwIfAborted();
      figures.push(await run());
    }
    return summarise(figures);
  }
}

export async function measureCollections(parts: DaemonParts, input: Input): Promise<Collections[]> {
  const measured: Collections[] = [];
  for (const names of input.sets) measured.push({ names, ways: await new Subject(names, parts, input).measure() });
  return measured;
}
