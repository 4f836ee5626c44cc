import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Runner } from '../../../../src/main/threads/runner.ts';
import type { CollectTask } from '../../../../src/shared/contracts/jobs.ts';
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

function threadsOfProcess(): number {
  return Number(/^Threads:\s+(\d+)/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1]);
}
