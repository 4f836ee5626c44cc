import { copyFileSync, existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { build } from 'esbuild';
import { beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import { Pool, type PoolOptions } from '../../../../src/main/threads/pool.ts';
import { describe as inWords } from '../../../../src/shared/errors/daemon-error.ts';
import { DIST } from '../../../support/manager-process.ts';
import { Child } from '../../../support/processes.ts';
import { testFolder } from '../../../support/temp-folder.ts';
import { waitFor } from '../../../support/wait-until.ts';

const LIMIT = { deadlineMs: 20_000 };
const TASK = { from: '/nowhere/a', temporary: '/nowhere/b', to: '/nowhere/c' };
const require = createRequire(import.meta.url);

let folder: string;

beforeEach(async () => {
  folder = await testFolder('pool');
});

/** The library's own bundle, as the daemon has it. */
const builtLibrary: NonNullable<PoolOptions['load']> = async () => require(join(DIST, 'piscina.js'));

function pool(over: Partial<PoolOptions> = {}): Pool {
  const made = new Pool({ bundles: DIST, load: builtLibrary, ...over });
  onTestFinished(() => made.close());
  return made;
}

/** A pool whose task is the given source. */
function poolOf(source: string, over: Partial<PoolOptions> = {}): Pool {
  writeFileSync(join(folder, 'package.json'), '{"type":"commonjs"}');
  writeFileSync(join(folder, 'pool.js'), source);
  return pool({ bundles: folder, ...over });
}

const SPINS = 'exports.compress = ({ input: { from } }) => { require("node:fs").writeFileSync(from, ""); for (;;); };';
const kernelThreads = (): number => readdirSync('/proc/self/task').length;
const rejection = async (run: Promise<unknown>): Promise<string> =>
  run.then(
    () => expect.unreachable('it should have been rejected'),
    (error: unknown) => inWords(error),
  );

describe('Pool', () => {
  test('runs a task of the built bundle in a thread that ends soon after it', async () => {
    const from = join(folder, 'x.log');
    writeFileSync(from, 'some lines\n'.repeat(1000));
    const threads = kernelThreads();
    const tasks = pool({ idleMs: 50 });
    expect(tasks.threads).toBe(0);
    const running = tasks.run('compress', { from, temporary: `${from}.part`, to: `${from}.gz` }, LIMIT);
    await waitFor(() => tasks.threads === 1, { what: 'a thread' });
    const { bytes } = await running;
    expect(readFileSync(`${from}.gz`)).toHaveLength(bytes);
    expect(gunzipSync(readFileSync(`${from}.gz`)).toString()).toBe('some lines\n'.repeat(1000));
    await waitFor(() => tasks.threads === 0, { what: 'the end of the thread' });
    await waitFor(() => kernelThreads() <= threads, { what: 'the kernel to have let it go' });
  });

  test('a second task while the thread waits uses the same one', async () => {
    const source =
      'const { threadId } = require("node:worker_threads"); exports.compress = () => ({ output: { bytes: threadId } });';
    const tasks = poolOf(source, { idleMs: 60_000 });
    const first = await tasks.run('compress', TASK, LIMIT);
    expect(await tasks.run('compress', TASK, LIMIT)).toEqual(first);
  });

  test('tells of each thread that it has started and that it has ended', async () => {
    const events: string[] = [];
    const source = 'exports.compress = () => ({ output: { bytes: 1 } });';
    const note = (event: string) => (): void => void events.push(event);
    const tasks = poolOf(source, { idleMs: 50, onStarted: note('started'), onEnded: note('ended') });
    for (let round = 1; round <= 2; round++) {
      await tasks.run('compress', TASK, LIMIT);
      expect(events.slice(2 * round - 2)[0]).toBe('started');
      await waitFor(() => events.length === 2 * round, { what: 'the end of the thread' });
    }
    expect(events).toEqual(['started', 'ended', 'started', 'ended']);
  });

  test('tells of a thread that is ended by an abort or by the end of the pool, once', async () => {
    const events: string[] = [];
    const note = (event: string) => (): void => void events.push(event);
    const tasks = poolOf(SPINS, { onStarted: note('started'), onEnded: note('ended') });
    const from = join(folder, 'begun');
    const controller = new AbortController();
    const first = rejection(tasks.run('compress', { ...TASK, from }, { ...LIMIT, signal: controller.signal }));
    await waitFor(() => existsSync(from), { what: 'the task’s beginning' });
    controller.abort(new Error('enough'));
    await first;
    await waitFor(() => events.length === 2, { what: 'both events' });
    rmSync(from);
    const second = rejection(tasks.run('compress', { ...TASK, from }, LIMIT));
    await waitFor(() => existsSync(from), { what: 'the second task’s beginning' });
    await tasks.close();
    await second;
    await waitFor(() => events.length === 4, { what: 'those of the second thread' });
    expect(events).toEqual(['started', 'ended', 'started', 'ended']);
  });

  test('tells nothing of a thread that never came to be', async () => {
    const events: string[] = [];
    copyFileSync(join(DIST, 'piscina.js'), join(folder, 'piscina.js'));
    writeFileSync(join(folder, 'package.json'), '{"type":"commonjs"}');
    const tasks = pool({
      load: async () => require(join(folder, 'piscina.js')),
      onStarted: () => events.push('started'),
      onEnded: () => events.push('ended'),
    });
    expect(await rejection(tasks.run('compress', TASK, LIMIT))).toContain('Cannot find module');
    await tasks.close();
    expect(events).toEqual([]);
  });

  test.each([
    ['neither is set', {}, {}],
    ['Node’s own is', { NODE_EXTRA_CA_CERTS: '/a.pem' }, { DAEMON_EXTRA_CA_CERTS: '/a.pem' }],
    ['the launcher has put it aside', { DAEMON_EXTRA_CA_CERTS: '/b.pem' }, { DAEMON_EXTRA_CA_CERTS: '/b.pem' }],
    [
      'both are',
      { NODE_EXTRA_CA_CERTS: '/a.pem', DAEMON_EXTRA_CA_CERTS: '/b.pem' },
      { DAEMON_EXTRA_CA_CERTS: '/b.pem' },
    ],
    ['they are empty', { NODE_EXTRA_CA_CERTS: '', DAEMON_EXTRA_CA_CERTS: '' }, {}],
  ])('a thread knows of further authorities and of nothing else but PATH, where %s', async (_, set, expected) => {
    for (const name of ['NODE_EXTRA_CA_CERTS', 'DAEMON_EXTRA_CA_CERTS']) vi.stubEnv(name, undefined);
    for (const [name, value] of Object.entries({ ...set, SECRET_OF_THE_DAEMON: 'x' })) vi.stubEnv(name, value);
    onTestFinished(() => void vi.unstubAllEnvs());
    const tasks = poolOf('exports.compress = () => ({ output: { bytes: { ...process.env } } });');
    const { bytes } = await tasks.run('compress', TASK, LIMIT);
    expect(bytes).toEqual({ PATH: process.env['PATH'], ...expected });
  });

  test('an error of a task keeps its code, and the pool goes on', async () => {
    const tasks = pool();
    await expect(tasks.run('compress', TASK, LIMIT)).rejects.toMatchObject({ cause: { code: 'ENOENT' } });
    expect(await rejection(tasks.run('compress', TASK, LIMIT))).toContain('ENOENT');
  });

  test('an abort ends a task in the middle of a spin, and its thread', async () => {
    const threads = kernelThreads();
    const tasks = poolOf(SPINS);
    const from = join(folder, 'begun');
    const controller = new AbortController();
    const run = rejection(tasks.run('compress', { ...TASK, from }, { ...LIMIT, signal: controller.signal }));
    await waitFor(() => readdirSync(folder).includes('begun'), { what: 'the task’s beginning' });
    controller.abort(new Error('not wanted any more'));
    expect(await run).toBe('the compress task was cancelled: not wanted any more');
    await waitFor(() => kernelThreads() <= threads, { what: 'the end of the thread' });
  });

  test('a deadline does the same', async () => {
    const tasks = poolOf(SPINS);
    const run = tasks.run('compress', { ...TASK, from: join(folder, 'begun') }, { deadlineMs: 300 });
    expect(await rejection(run)).toBe('the compress task did not end within 300 ms');
    expect(tasks.threads).toBe(0);
  });

  test('an abort that came before: nothing is started', async () => {
    const tasks = pool({ load: () => expect.unreachable('the library is not needed') });
    const run = tasks.run('compress', TASK, { ...LIMIT, signal: AbortSignal.abort(new Error('too late')) });
    expect(await rejection(run)).toBe('the compress task was cancelled: too late');
  });

  test('a task that fills its memory is rejected, and the next one runs', async () => {
    const source = `exports.compress = ({ input: { from } }) => {
      if (from !== 'fill') return { output: { bytes: 7 } };
      const all = []; for (;;) all.push(new Array(1e5).fill(all.length));
    };`;
    const tasks = poolOf(source);
    expect(await rejection(tasks.run('compress', { ...TASK, from: 'fill' }, LIMIT))).toContain('memory limit');
    expect(await tasks.run('compress', TASK, LIMIT)).toEqual({ bytes: 7 });
  });

  test.each<[string, () => Partial<PoolOptions>]>([
    ['the pool’s bundle', () => ({ bundles: folder })],
    [
      'the library’s worker.js',
      () => {
        copyFileSync(join(DIST, 'piscina.js'), join(folder, 'piscina.js'));
        writeFileSync(join(folder, 'package.json'), '{"type":"commonjs"}');
        return { load: async () => require(join(folder, 'piscina.js')) };
      },
    ],
  ])('without %s a task is rejected long before its deadline, each time', async (_, options) => {
    const tasks = pool(options());
    for (let round = 0; round < 2; round++) {
      expect(await rejection(tasks.run('compress', TASK, LIMIT))).toMatch(
        /(no thread of the pool.*|the compress task failed): Cannot find module/,
      );
    }
  });

  test('the library cannot be loaded: rejected, and tried again by the next task', async () => {
    let times = 0;
    const tasks = pool({
      load: () => {
        times++;
        throw new Error('not installed');
      },
    });
    for (let round = 0; round < 2; round++) {
      expect(await rejection(tasks.run('compress', TASK, LIMIT))).toBe('the compress task failed: not installed');
    }
    expect(times).toBe(2);
  });

  test('close rejects what is under way and ends its thread; later tasks are refused', async () => {
    const threads = kernelThreads();
    const tasks = poolOf(SPINS);
    const run = rejection(tasks.run('compress', { ...TASK, from: join(folder, 'begun') }, LIMIT));
    await waitFor(() => readdirSync(folder).includes('begun'), { what: 'the task’s beginning' });
    await tasks.close();
    expect(await run).toBe('the daemon is ending');
    expect(kernelThreads()).toBeLessThanOrEqual(threads);
    expect(await rejection(tasks.run('compress', TASK, LIMIT))).toContain('the daemon is ending');
  });

  test('close while the library is loaded: no thread is started after it', async () => {
    const threads = kernelThreads();
    const tasks = pool();
    const run = rejection(tasks.run('compress', TASK, LIMIT));
    await tasks.close();
    expect(await run).toBe('the daemon is ending');
    expect(tasks.threads).toBe(0);
    expect(kernelThreads()).toBeLessThanOrEqual(threads);
  });

  test('a process that has run a task ends by itself', async () => {
    const from = join(folder, 'x.log');
    writeFileSync(from, 'a line\n');
    const program = join(folder, 'program.cjs');
    const library = join(DIST, 'piscina.js');
    await build({
      stdin: {
        contents: `import { Pool } from ${JSON.stringify(join(import.meta.dirname, '../../../../src/main/threads/pool.ts'))};
          const pool = new Pool({ bundles: ${JSON.stringify(DIST)}, idleMs: 60_000 });
          console.log(Object.keys(require.cache).length);
          pool.run('compress', ${JSON.stringify({ from, temporary: `${from}.part`, to: `${from}.gz` })}, { deadlineMs: 20_000 })
            .then(({ bytes }) => console.log('bytes', bytes, 'threads', pool.threads));`,
        loader: 'ts',
        resolveDir: folder,
      },
      outfile: program,
      bundle: true,
      platform: 'node',
      format: 'cjs',
      supported: { 'dynamic-import': false },
      alias: { piscina: library },
      external: [library],
    });
    const child = new Child([program]);
    expect(await child.ended()).toEqual({ code: 0, signal: null });
    // the program alone is loaded before the first task: nothing of the library
    expect(child.stdout).toEqual(['1', `bytes ${readFileSync(`${from}.gz`).length} threads 1`]);
  });
});
