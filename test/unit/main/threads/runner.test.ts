import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { Runner } from '../../../../src/main/threads/runner.ts';
import type { CollectTask } from '../../../../src/shared/contracts/jobs.ts';
import { readStat } from '../../../../src/shared/platform/proc.ts';
import { DIST } from '../../../support/manager-process.ts';
import { waitFor } from '../../../support/wait-until.ts';

let folder: string;
let runner: Runner;
let output: string[];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'runner-'));
  output = [];
  runner = new Runner({ bundles: DIST, onOutput: (text) => output.push(text) });
});
afterEach(async () => {
  await runner.close();
  rmSync(folder, { recursive: true });
});

function plugin(name: string, source: string): CollectTask {
  const module = join(folder, `${name}.mjs`);
  writeFileSync(module, source);
  return { name, state: null, plugin: { module, options: {} } };
}
const MEMORY: CollectTask = { name: 'memory', state: null };
const LIMIT = { deadlineMs: 20_000 };
const ISOLATED = { deadlineMs: 20_000, isolated: true };

describe('Runner', () => {
  test('runs a job in a thread that ends after it', async () => {
    const [outcome] = await runner.run('collect', [MEMORY], LIMIT);
    expect(outcome?.sample?.values['total']).toBeGreaterThan(1e6);
    await waitFor(() => runner.threads === 0, { what: 'the end of the thread' });
  });

  test('the built thread checks health: a process, what it uses, its endpoint', async () => {
    const server = createServer((_, response) => response.writeHead(503).end());
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => void server.close());
    const { port } = server.address() as AddressInfo;
    const own = { pid: process.pid, startTicks: readStat(process.pid)?.startTicks ?? 0, previous: null };
    const http = { url: `http://127.0.0.1:${port}/`, timeoutMs: 20_000 };
    const findings = await runner.run(
      'health',
      [
        { id: 'asked', ...own, http },
        { id: 'not-asked', ...own, http: null },
      ],
      LIMIT,
    );
    expect(findings).toMatchObject([
      { id: 'asked', process: { alive: true }, http: { ok: false, status: 503, reason: 'status 503' } },
      { id: 'not-asked', process: { alive: true }, http: null },
    ]);
    expect(findings[0]?.usage?.rssBytes).toBeGreaterThan(10e6);
  });

  test('keeps a thread for the next run where asked, and ends it after that', async () => {
    const ids = plugin(
      'ids',
      'import { threadId } from "node:worker_threads"; export const collect = () => ({ values: { threadId } });',
    );
    const threadOf = async (options: object): Promise<unknown> => {
      const [outcome] = await runner.run('collect', [ids], { ...LIMIT, ...options });
      return outcome?.sample?.values['threadId'];
    };
    const first = await threadOf({ lingerMs: 60_000 });
    expect(await threadOf({ lingerMs: 60_000 })).toBe(first);
    expect(await threadOf({ isolated: true })).not.toBe(first);
    expect(runner.threads).toBe(1);
    expect(await threadOf({ lingerMs: 1 })).toBe(first);
    await waitFor(() => runner.threads === 0, { what: 'the end of the kept thread' });
  });

  test('a run that never ends is ended at its deadline, in the middle of a spin', async () => {
    const spins = plugin('spins', 'export const collect = () => { for (;;); };');
    await expect(runner.run('collect', [spins], { deadlineMs: 200, isolated: true })).rejects.toThrow(/within 200 ms/);
    expect(runner.threads).toBe(0);
  });

  test('an abort ends a run at once', async () => {
    const waits = plugin('waits', 'export const collect = () => new Promise(() => setInterval(() => {}, 1e6));');
    const abort = new AbortController();
    const run = runner.run('collect', [waits], { ...LIMIT, signal: abort.signal });
    abort.abort(new Error('enough'));
    await expect(run).rejects.toMatchObject({ message: 'the collect run was cancelled', cause: { message: 'enough' } });
    await expect(runner.run('collect', [waits], { ...LIMIT, signal: abort.signal })).rejects.toThrow(/cancelled/);
  });

  test.each([
    ['exits', 'export const collect = () => process.exit(3);', /ended with 3/],
    [
      'throws-later',
      'export const collect = () => new Promise(() => setImmediate(() => { throw new Error("late"); }));',
      /failed/,
    ],
    [
      'fills-memory',
      'export const collect = () => { const a = []; for (;;) a.push(new Array(1e5).fill(1)); };',
      /failed/,
    ],
  ])('a thread that dies (%s) rejects its run and nothing else', async (name, source, reason) => {
    const other = runner.run('collect', [MEMORY], LIMIT);
    await expect(runner.run('collect', [plugin(name, source)], ISOLATED)).rejects.toThrow(reason);
    expect((await other)[0]?.error).toBeNull();
    expect((await runner.run('collect', [MEMORY], LIMIT))[0]?.error).toBeNull();
  });

  test('a thread sees none of the daemon’s environment but PATH, and its output comes to us', async () => {
    process.env['SECRET_OF_THE_DAEMON'] = 'x';
    const looks = plugin(
      'looks',
      'export const collect = () => { console.log("hello"); return { values: { names: Object.keys(process.env).join() } }; };',
    );
    const [outcome] = await runner.run('collect', [looks], { ...LIMIT, lingerMs: 60_000 });
    delete process.env['SECRET_OF_THE_DAEMON'];
    expect(outcome?.sample?.values['names']).toBe('PATH');
    await waitFor(() => output.includes('hello'), { what: "the plugin's output" });
  });

  test('close ends every thread and refuses further runs', async () => {
    await runner.run('collect', [MEMORY], { ...LIMIT, lingerMs: 60_000 });
    const waits = plugin('waits', 'export const collect = () => new Promise(() => setInterval(() => {}, 1e6));');
    const run = expect(runner.run('collect', [waits], ISOLATED)).rejects.toThrow(/ended with/);
    const before = threadsOfProcess();
    await runner.close();
    await run;
    await waitFor(() => threadsOfProcess() < before, { what: 'fewer threads of the process' });
    await expect(runner.run('collect', [MEMORY], LIMIT)).rejects.toThrow(/ending/);
  });
});

describe('a thread’s life', () => {
  /** A runner that notes what it tells, the second run being due in so many milliseconds. */
  function noting(nextRunInMs?: () => number): { made: Runner; events: string[] } {
    const events: string[] = [];
    const note = (event: string) => (): void => void events.push(event);
    const made = new Runner({
      ...{ bundles: DIST, onStarted: note('started'), onEnding: note('ending'), onEnded: note('ended') },
      ...(nextRunInMs ? { nextRunInMs } : {}),
    });
    onTestFinished(() => made.close());
    return { made, events };
  }
  const WHOLE = ['started', 'ending', 'ended'];

  test('is told in order, and a run that ends it settles only then', async () => {
    const { made, events } = noting();
    for (let round = 1; round <= 2; round++) {
      const before = threadsOfProcess();
      const run = made.run('collect', [MEMORY], LIMIT).then(() => [...events, 'settled']);
      expect(events).toEqual([
        ...Array(round - 1)
          .fill(WHOLE)
          .flat(),
        'started',
      ]);
      expect(await run).toEqual([...Array(round).fill(WHOLE).flat(), 'settled']);
      expect(made.threads).toBe(0);
      await waitFor(() => threadsOfProcess() <= before, { what: 'the kernel to have let it go' });
    }
  });

  test('a run that fails settles only then too', async () => {
    const { made, events } = noting();
    const throws = plugin('dies', 'export const collect = () => { for (;;); };');
    await expect(made.run('collect', [throws], { deadlineMs: 300, isolated: true })).rejects.toThrow(/within 300 ms/);
    expect(events).toEqual(WHOLE);
  });

  test('of a thread that dies by itself, the end is told once', async () => {
    const { made, events } = noting();
    const exits = plugin('exits', 'export const collect = () => process.exit(3);');
    await expect(made.run('collect', [exits], ISOLATED)).rejects.toThrow(/ended with 3/);
    expect(events.filter((event) => event !== 'ending')).toEqual(['started', 'ended']);
  });

  test('goes on for a run that is due soon, and ends where that does not come', async () => {
    const { made, events } = noting(() => 499);
    await made.run('collect', [MEMORY], LIMIT);
    expect({ events, threads: made.threads }).toEqual({ events: ['started'], threads: 1 });
    await made.run('collect', [MEMORY], LIMIT);
    expect({ events, threads: made.threads }).toEqual({ events: ['started'], threads: 1 });
    await waitFor(() => events.includes('ended'), { what: 'the end of the kept thread' });
    expect({ events, threads: made.threads }).toEqual({ events: WHOLE, threads: 0 });
  });

  test.each([
    ['due now', 0],
    ['overdue', -50],
  ])('goes on for one that is %s', async (_, dueInMs) => {
    const { made, events } = noting(() => dueInMs);
    await made.run('collect', [MEMORY], LIMIT);
    expect(events).toEqual(['started']);
    await waitFor(() => made.threads === 0, { what: 'the end of the kept thread' });
  });

  test.each([
    ['due later', 500],
    ['never due', Number.POSITIVE_INFINITY],
  ])('does not for one that is %s', async (_, dueInMs) => {
    const { made, events } = noting(() => dueInMs);
    await made.run('collect', [MEMORY], LIMIT);
    expect({ events, threads: made.threads }).toEqual({ events: WHOLE, threads: 0 });
  });

  test('what a caller asks for counts where that is longer, and an isolated one is never kept', async () => {
    const { made, events } = noting(() => 100);
    await made.run('collect', [MEMORY], ISOLATED);
    expect(events).toEqual(WHOLE);
    const later = noting(() => 60_000);
    await later.made.run('collect', [MEMORY], { ...LIMIT, lingerMs: 60_000 });
    expect(later.events).toEqual(['started']);
    await later.made.close();
    expect(later.events).toEqual(WHOLE);
  });
});

describe('runs that fall together', () => {
  /** A collector that tells its thread's number, and ends when its file is there. */
  const holds = (name: string): { task: CollectTask; entered(): Promise<unknown>; release(): void } => {
    const [entered, released] = [join(folder, `${name}.entered`), join(folder, `${name}.released`)];
    const task = plugin(
      name,
      `import { existsSync, writeFileSync } from 'node:fs';
      import { threadId } from 'node:worker_threads';
      export const collect = async () => {
        writeFileSync(${JSON.stringify(entered)}, '');
        while (!existsSync(${JSON.stringify(released)})) await new Promise((resolve) => setTimeout(resolve, 5));
        return { values: { threadId } };
      };`,
    );
    return {
      task,
      entered: () => waitFor(() => existsSync(entered), { what: `${name} to run` }),
      release: () => writeFileSync(released, ''),
    };
  };
  const run = async (task: CollectTask, options: object = {}): Promise<unknown> => {
    const [outcome] = await runner.run('collect', [task], { ...LIMIT, ...options });
    return outcome?.sample?.values['threadId'];
  };
  const health = (options: object = {}) => {
    const own = { id: 'own', pid: process.pid, startTicks: -1, previous: null, http: null };
    return runner.run('health', [own], { ...LIMIT, ...options });
  };

  test('share one thread, which ends with the last of them', async () => {
    const [one, two] = [holds('one'), holds('two')];
    const first = run(one.task);
    await one.entered();
    const second = run(two.task);
    await two.entered();
    expect(runner.threads).toBe(1);
    const [finding] = await health();
    expect(finding).toMatchObject({ id: 'own', process: { alive: false } });
    one.release();
    const threadId = await first;
    expect(runner.threads).toBe(1);
    two.release();
    expect(await second).toBe(threadId);
    await waitFor(() => runner.threads === 0, { what: 'the end of the thread' });
  });

  test('keep it as long as the one that wants it longest, whichever ends last', async () => {
    const one = holds('one');
    const first = run(one.task, { lingerMs: 0 });
    await one.entered();
    await health({ lingerMs: 60_000 });
    one.release();
    const threadId = await first;
    expect(runner.threads).toBe(1);
    const two = holds('two');
    two.release();
    expect(await run(two.task)).toBe(threadId);
    await waitFor(() => runner.threads === 0, { what: 'the end of the thread' });
  });

  test('an isolated one is shared with nobody', async () => {
    const [one, two, three] = [holds('one'), holds('two'), holds('three')];
    const runs = [run(one.task, { isolated: true })];
    await one.entered();
    runs.push(run(two.task));
    await two.entered();
    runs.push(run(three.task, { isolated: true }));
    await three.entered();
    expect(runner.threads).toBe(3);
    for (const held of [one, two, three]) held.release();
    expect(new Set(await Promise.all(runs)).size).toBe(3);
  });

  test('have deadlines of their own: the others get their answer, the next run another thread', async () => {
    const [one, two, three] = [holds('one'), holds('two'), holds('three')];
    const first = run(one.task);
    await one.entered();
    await expect(run(two.task, { deadlineMs: 100 })).rejects.toThrow(/within 100 ms/);
    expect(runner.threads).toBe(1);
    const third = run(three.task);
    await three.entered();
    expect(runner.threads).toBe(2);
    one.release();
    three.release();
    expect(await first).not.toBe(await third);
    await waitFor(() => runner.threads === 0, { what: 'the end of both threads' });
  });

  test('are cancelled one by one', async () => {
    const [one, two] = [holds('one'), holds('two')];
    const abort = new AbortController();
    const first = run(one.task);
    const second = run(two.task, { signal: abort.signal });
    await Promise.all([one.entered(), two.entered()]);
    abort.abort(new Error('enough'));
    await expect(second).rejects.toThrow(/cancelled/);
    // one that is cancelled before it began does not touch the thread
    await expect(health({ signal: abort.signal })).rejects.toThrow(/cancelled/);
    one.release();
    expect(await first).toBeTypeOf('number');
    await waitFor(() => runner.threads === 0, { what: 'the end of the thread' });
  });

  test('are all rejected when the thread dies', async () => {
    const one = holds('one');
    const first = run(one.task);
    const rejected = expect(first).rejects.toThrow(/ended with 3/);
    await one.entered();
    await expect(run(plugin('exits', 'export const collect = () => process.exit(3);'))).rejects.toThrow(/ended with 3/);
    await rejected;
    expect(runner.threads).toBe(0);
    expect(await health()).toHaveLength(1);
  });
});

function threadsOfProcess(): number {
  return Number(/^Threads:\s+(\d+)/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1]);
}
