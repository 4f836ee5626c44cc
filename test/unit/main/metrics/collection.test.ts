import { beforeEach, describe, expect, test } from 'vitest';
import { Collection, type CollectionOptions } from '../../../../src/main/metrics/collection.ts';
import type { CollectorsConfig } from '../../../../src/shared/config/schema.ts';
import type { CollectOutcome, CollectTask } from '../../../../src/shared/contracts/jobs.ts';
import type { Sample } from '../../../../src/shared/contracts/metrics.ts';
import { DaemonError } from '../../../../src/shared/errors/daemon-error.ts';
import { toWire } from '../../../../src/shared/errors/wire.ts';
import { FakeClock } from '../../../fakes/clock.ts';
import { FakeLog } from '../../../fakes/log.ts';

type Run = CollectionOptions['run'];
type RunOptions = Parameters<Run>[1];

const each = { enabled: true, intervalMs: 60_000 };
const CONFIG: CollectorsConfig = {
  cpu: each,
  memory: each,
  disk: { ...each, mountPoints: ['/data'] },
  network: { ...each, enabled: false, interfaces: [] },
  plugins: {},
};
const PLUGIN = { module: '/p.mjs', enabled: true, intervalMs: 60_000, timeoutMs: 2000, options: { x: 1 } };

let clock: FakeClock;
let log: FakeLog;
let runs: { tasks: CollectTask[]; options: RunOptions }[];
let samples: Sample[][];
let answer: (task: CollectTask) => Partial<CollectOutcome>;
let run: Run;

beforeEach(() => {
  clock = new FakeClock();
  log = new FakeLog();
  runs = [];
  samples = [];
  answer = () => ({});
  run = (tasks, options) => {
    runs.push({ tasks, options });
    return Promise.resolve(
      tasks.map((task) => ({
        name: task.name,
        state: Number(task.state ?? 0) + 1,
        sample: { collector: task.name, timestampMs: clock.wallMs(), durationMs: 1, values: { v: 1 } },
        error: null,
        durationMs: 1,
        ...answer(task),
      })),
    );
  };
});

function collection(collectors: CollectorsConfig = CONFIG): Collection {
  return new Collection({
    collectors,
    run: (tasks, options) => run(tasks, options),
    after: (delayMs, _name, callback) => clock.after(delayMs, callback),
    clock,
    random: () => 0.5,
    onSamples: (list) => samples.push(list),
    log,
  });
}
const names = (list: Sample[] = []): string[] => list.map(({ collector }) => collector);

describe('Collection', () => {
  test('takes the starting counters, reports a second later, then by interval, in one run for all', async () => {
    collection().start();
    await clock.advance(0);
    expect(runs.map(({ tasks }) => tasks.map(({ name }) => name))).toEqual([['cpu', 'memory', 'disk']]);
    expect(samples).toEqual([]);
    await clock.advance(1000);
    expect(samples.map(names)).toEqual([['cpu', 'memory', 'disk']]);
    await clock.advance(5 * 60_000);
    expect(runs).toHaveLength(7);
    expect(runs.at(-1)?.tasks.map(({ state }) => state)).toEqual([6, 6, 6]);
    expect(runs[0]?.tasks[2]).toEqual({ name: 'disk', mountPoints: ['/data'], state: null });
  });

  test('keeps the thread for the first report, and between runs only where they are close', async () => {
    collection().start();
    await clock.advance(61_000);
    expect(runs.map(({ options }) => options.lingerMs > 0)).toEqual([true, false, false]);
    runs = [];
    const fast = { enabled: true, intervalMs: 2000 };
    collection({ ...CONFIG, cpu: fast, memory: fast, disk: { ...fast, mountPoints: [] } }).start();
    await clock.advance(5000);
    expect(runs.map(({ options }) => options.lingerMs > 0)).toEqual([true, true, true, true]);
  });

  test('one failing collector is told once, keeps its state, and touches no other', async () => {
    const failed = toWire(new DaemonError('D5001', 'collector cpu failed', { cause: new Error('torn') }));
    answer = ({ name, state }) => (name === 'cpu' ? { sample: null, state, error: failed } : {});
    collection().start();
    await clock.advance(181_000);
    expect(samples.map(names)).toEqual([
      ['memory', 'disk'],
      ['memory', 'disk'],
      ['memory', 'disk'],
      ['memory', 'disk'],
    ]);
    expect(log.events('collect-failed')).toMatchObject([{ collector: 'cpu', code: 'D5001' }]);
    answer = () => ({});
    await clock.advance(60_000);
    expect(log.events('collect-recovered')).toMatchObject([{ collector: 'cpu' }]);
    expect(names(samples.at(-1))).toContain('cpu');
  });

  test('a partial failure is told and its sample reported all the same', async () => {
    const partial = toWire(new DaemonError('D5001', 'one mount does not answer'));
    answer = ({ name }) => (name === 'disk' ? { error: partial } : {});
    collection().start();
    await clock.advance(1000);
    expect(names(samples[0])).toContain('disk');
    expect(log.events('collect-failed')).toHaveLength(1);
  });

  test('a thread that dies fails its collectors for that run only', async () => {
    const working = run;
    run = () => Promise.reject(new Error('the thread ended'));
    collection().start();
    await clock.advance(0);
    expect(log.events('collect-failed').map(({ collector }) => collector)).toEqual(['cpu', 'memory', 'disk']);
    run = working;
    await clock.advance(61_000);
    expect(names(samples[0])).toEqual(['cpu', 'memory', 'disk']);
  });

  test('a plugin has a thread and a deadline of its own, and reports at once', async () => {
    collection({ ...CONFIG, plugins: { mine: PLUGIN, off: { ...PLUGIN, enabled: false } } }).start();
    await clock.advance(0);
    expect(runs.map(({ options }) => [options.isolated, options.deadlineMs])).toEqual([
      [false, 30_000],
      [true, 2000],
    ]);
    expect(runs[1]?.tasks).toEqual([{ name: 'mine', plugin: { module: '/p.mjs', options: { x: 1 } }, state: null }]);
    expect(samples.map(names)).toEqual([['mine']]);
  });

  test('a collector that takes longer than its interval never overlaps itself', async () => {
    let finish: () => void = () => {};
    const working = run;
    run = async (tasks, options) => {
      const outcome = working(tasks, options);
      await new Promise<void>((resolve) => {
        finish = resolve;
      });
      return outcome;
    };
    collection().start();
    await clock.advance(10 * 60_000);
    expect(runs).toHaveLength(1);
    finish();
    await clock.advance(1000);
    expect(runs).toHaveLength(2);
  });

  test('after close nothing is handed on and nothing waits', async () => {
    const made = collection();
    made.start();
    const closed = made.close();
    await clock.advance(10 * 60_000);
    await closed;
    expect(samples).toEqual([]);
    expect(runs).toHaveLength(1);
    expect(runs[0]?.options.signal.aborted).toBe(true);
    expect(clock.timers).toBe(0);
  });
});

describe('for those who look', () => {
  test('the last samples, when they were taken, and what fails', async () => {
    const made = collection();
    expect(made.last()).toEqual({ atMs: 0, samples: [], errors: [] });
    made.start();
    await clock.advance(1000);
    const { atMs, samples: shown, errors } = made.last();
    expect([names(shown), errors]).toEqual([['cpu', 'memory', 'disk'], []]);
    expect(atMs).toBe(shown[0]?.timestampMs);
    const failed = toWire(new DaemonError('D5001', 'collector cpu failed', { cause: new Error('torn') }));
    answer = ({ name }) => (name === 'cpu' ? { sample: null, error: failed } : {});
    await clock.advance(60_000);
    expect(made.last().errors).toEqual(['cpu: collector cpu failed: torn']);
    expect(made.last().samples.find(({ collector }) => collector === 'cpu')?.timestampMs).toBe(atMs);
  });

  test('a look now disturbs neither the schedule nor what is remembered, and reports nothing', async () => {
    const made = collection({ ...CONFIG, plugins: { queue: PLUGIN } });
    made.start();
    await clock.advance(1000);
    const [reported, before] = [samples.length, runs.length];
    await clock.advance(30_000);
    const fresh = await made.fresh();
    expect(names(fresh.samples)).toEqual(expect.arrayContaining(['cpu', 'disk', 'memory']));
    expect(fresh.atMs).toBe(clock.wallMs());
    expect(runs.slice(before).map(({ options }) => [options.isolated, options.deadlineMs, options.lingerMs])).toEqual([
      [false, 30_000, 0],
    ]);
    expect(samples).toHaveLength(reported);
    await clock.advance(30_000);
    expect(samples).toHaveLength(reported + 2);
    // counted from the regular runs only
    expect(runs.at(-1)?.tasks[0]).toMatchObject({ name: 'cpu', state: 2 });
    expect(made.last().atMs).toBeGreaterThan(fresh.atMs);
  });

  test('of a plugin it is the last sample: it does not run once more', async () => {
    const made = collection({ ...CONFIG, plugins: { queue: PLUGIN } });
    made.start();
    await clock.advance(1000);
    const reported = samples.flat().find(({ collector }) => collector === 'queue');
    const before = runs.length;
    await clock.advance(5000);
    expect((await made.fresh()).samples).toContainEqual(reported);
    expect(
      runs.slice(before).map(({ tasks }) => names(tasks.map(({ name }) => ({ collector: name }) as Sample))),
    ).toEqual([['cpu', 'memory', 'disk']]);
  });

  test('what it finds to hang is not asked again by the next run, whose counters are its own', async () => {
    let quarantine: object = {};
    let counted = 0;
    answer = ({ name }) => (name === 'disk' ? { state: { counted: ++counted, quarantine } } : {});
    const made = collection();
    made.start();
    await clock.advance(1000);
    quarantine = { '/mnt/dead': { silent: 1 } };
    const kept = counted;
    await made.fresh();
    await clock.advance(60_000);
    const disk = runs.at(-1)?.tasks.find(({ name }) => name === 'disk');
    expect(disk?.state).toEqual({ counted: kept, quarantine });
  });

  test('two at once share one run; one that fails is an error of its collectors', async () => {
    const made = collection();
    run = () => Promise.reject(new Error('no thread'));
    const [one, other] = await Promise.all([made.fresh(), made.fresh()]);
    expect(one).toBe(other);
    expect(one.samples).toEqual([]);
    expect(one.errors).toHaveLength(3);
    expect(one.errors[0]).toBe('cpu: collector cpu failed: no thread');
  });

  test('the end of the daemon ends it', async () => {
    const made = collection();
    run = (_, { signal }) =>
      new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
    const fresh = expect(made.fresh()).rejects.toThrow('the daemon is ending');
    await made.close();
    await fresh;
  });
});
