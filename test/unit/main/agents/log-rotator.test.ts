import { execFileSync } from 'node:child_process';
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import type { LogLimits } from '../../../../src/main/agents/log-rotation.ts';
import { LogRotator, type LogTasks } from '../../../../src/main/agents/log-rotator.ts';
import { Pool } from '../../../../src/main/threads/pool.ts';
import type { PoolTaskKind, PoolTaskOptions, PoolTasks } from '../../../../src/shared/contracts/pool-tasks.ts';
import { compressFile } from '../../../../src/workers/pool/compress.ts';
import { type CutTools, systemTools } from '../../../../src/workers/pool/cut-tools.ts';
import { moveLogHead } from '../../../../src/workers/pool/move-head.ts';
import { FakeClock } from '../../../fakes/clock.ts';
import { FakeLog } from '../../../fakes/log.ts';
import { account, LogWriter, readBack } from '../../../support/log-writer.ts';
import { DIST } from '../../../support/manager-process.ts';
import { testFolder } from '../../../support/temp-folder.ts';
import { waitFor } from '../../../support/wait-until.ts';

const RETRY_MS = 5 * 60_000;

let folder: string;
let clock: FakeClock;
let log: FakeLog;

beforeEach(async () => {
  folder = await testFolder('log-rotator');
  clock = new FakeClock();
  log = new FakeLog();
});

/** The real tasks in this thread; each may be made to fail, or watched. */
class Tasks implements LogTasks {
  readonly ran: PoolTaskKind[] = [];
  before: (kind: PoolTaskKind, options: PoolTaskOptions) => void | Promise<void> = () => {};
  readonly #tools: CutTools;

  constructor(tools: CutTools = systemTools) {
    this.#tools = tools;
  }

  async run<K extends 'moveHead' | 'compress'>(
    kind: K,
    input: PoolTasks[K]['input'],
    options: PoolTaskOptions,
  ): Promise<PoolTasks[K]['output']> {
    this.ran.push(kind);
    await this.before(kind, options);
    const output =
      kind === 'compress'
        ? await compressFile(input as PoolTasks['compress']['input'])
        : moveLogHead(input as PoolTasks['moveHead']['input'], this.#tools);
    return output as PoolTasks[K]['output'];
  }
}

function rotator(tasks: LogTasks, limits: Partial<LogLimits> = {}, ids = ['a']): LogRotator {
  return new LogRotator({
    folder,
    limits: { maxBytes: 10_000, maxFiles: 3, maxAgeMs: 0, ...limits },
    agentIds: () => new Set(ids),
    tasks,
    clock,
    log,
  });
}
const lines = (from: number, count: number): string =>
  Array.from({ length: count }, (_, n) => `${String(from + n).padStart(12, '0')} ${'.'.repeat(50)}\n`).join('');
const names = (): string[] => readdirSync(folder).sort();

describe('LogRotator', () => {
  test('a log beyond its limit is rotated and compressed; every byte is there once', async () => {
    writeFileSync(join(folder, 'a.log'), lines(0, 1000));
    writeFileSync(join(folder, 'b.log'), lines(0, 10));
    await rotator(new Tasks()).check();
    const [archive = '', ...others] = names();
    expect(archive).toMatch(/^a\.\d{8}T\d{6}Z\.log\.gz$/);
    expect(others).toEqual(['a.log', 'b.log']);
    expect(statSync(join(folder, 'a.log')).size).toBeLessThan(10_000);
    expect(readBack(folder, 'a').toString()).toBe(lines(0, 1000));
    expect(log.events('agent-log-rotated')).toMatchObject([{ agentId: 'a', file: archive.replace('.gz', '') }]);
    expect(log.lines.filter(({ level }) => level === 'error' || level === 'warn')).toEqual([]);
  });

  test('keeps as many files as it is told, the newest', async () => {
    const rotate = rotator(new Tasks(), { maxFiles: 2 });
    for (let round = 0; round < 5; round++) {
      appendFileSync(join(folder, 'a.log'), lines(round * 1000, 1000));
      await rotate.check();
      await clock.advance(1000);
    }
    expect(names().filter((name) => name.endsWith('.gz'))).toHaveLength(2);
    expect(log.events('agent-log-removed')).toHaveLength(3);
    const kept = readBack(folder, 'a').toString();
    expect(kept.endsWith(lines(3100, 1900))).toBe(true);
    expect(lines(0, 5000).endsWith(kept)).toBe(true);
  });

  test('no folder yet: nothing to do, nothing to tell', async () => {
    rmSync(folder, { recursive: true });
    await rotator(new Tasks()).check();
    expect(log.lines).toEqual([]);
  });

  test('the folder cannot be listed: told once', async () => {
    rmSync(folder, { recursive: true });
    writeFileSync(folder, 'a file');
    const rotate = rotator(new Tasks());
    await rotate.check();
    await rotate.check();
    expect(log.lines).toMatchObject([{ level: 'error', event: 'agent-log-rotation-failed' }]);
    expect(log.lines[0]?.message).toContain(folder);
  });

  test('a log that is a link or a folder is left alone, told once, and another agent’s is rotated', async () => {
    const elsewhere = join(await testFolder('elsewhere'), 'precious');
    writeFileSync(elsewhere, lines(0, 1000));
    symlinkSync(elsewhere, join(folder, 'a.log'));
    mkdirSync(join(folder, 'b.log'));
    writeFileSync(join(folder, 'c.log'), lines(0, 1000));
    const rotate = rotator(new Tasks());
    await rotate.check();
    await rotate.check();
    expect(log.events('agent-log-left-alone')).toMatchObject([
      { level: 'warn', agentId: 'a', file: 'a.log', why: 'a symbolic link is not followed' },
      { level: 'warn', agentId: 'b', file: 'b.log', why: 'not a regular file' },
    ]);
    expect(readFileSync(elsewhere, 'utf8')).toBe(lines(0, 1000));
    expect(log.events('agent-log-rotated')).toMatchObject([{ agentId: 'c' }]);
  });

  test('files of agents that exist no more age out; the log of one that is quiet does not', async () => {
    const old = (clock.wallMs() - 3_600_000) / 1000;
    for (const name of ['a.log', 'gone.log', 'gone.20200101T000000Z.log.gz']) {
      writeFileSync(join(folder, name), 'x');
      utimesSync(join(folder, name), old, old);
    }
    await rotator(new Tasks(), { maxAgeMs: 60_000 }).check();
    expect(names()).toEqual(['a.log']);
  });

  test('one that fails is told with its agent, retried later, and keeps no other from its turn', async () => {
    for (const id of ['a', 'b']) writeFileSync(join(folder, `${id}.log`), lines(0, 1000));
    const tasks = new Tasks();
    let failing = true;
    tasks.before = (kind) => {
      if (failing && kind === 'moveHead' && tasks.ran.length === 1) throw new Error('the disk is full');
    };
    const rotate = rotator(tasks);
    await rotate.check();
    expect(log.events('agent-log-rotation-failed')).toMatchObject([{ level: 'error', agentId: 'a' }]);
    expect(log.events('agent-log-rotated')).toMatchObject([{ agentId: 'b' }]);
    expect(readFileSync(join(folder, 'a.log'), 'utf8')).toBe(lines(0, 1000));

    failing = false;
    await clock.advance(RETRY_MS - 1);
    await rotate.check();
    expect(log.events('agent-log-rotated')).toHaveLength(1);
    await clock.advance(1);
    await rotate.check();
    expect(log.events('agent-log-rotated')).toMatchObject([{ agentId: 'b' }, { agentId: 'a' }]);
    expect(log.events('agent-log-rotation-failed')).toHaveLength(1);
  });

  test('a failure that stays the same is told once, another one again', async () => {
    writeFileSync(join(folder, 'a.log'), lines(0, 1000));
    const tasks = new Tasks();
    let why = 'the disk is full';
    tasks.before = () => {
      throw new Error(why);
    };
    const rotate = rotator(tasks);
    for (let round = 0; round < 3; round++) {
      await rotate.check();
      await clock.advance(RETRY_MS);
    }
    expect(tasks.ran).toHaveLength(3);
    expect(log.events('agent-log-rotation-failed')).toHaveLength(1);
    why = 'the disk is gone';
    await rotate.check();
    expect(log.events('agent-log-rotation-failed')).toHaveLength(2);
  });
});

describe('rounds', () => {
  test('a second one does not begin before the first has ended', async () => {
    writeFileSync(join(folder, 'a.log'), lines(0, 1000));
    const tasks = new Tasks();
    let atOnce = 0;
    let most = 0;
    tasks.before = async () => {
      most = Math.max(most, ++atOnce);
      await new Promise((resolve) => setImmediate(resolve));
      atOnce--;
    };
    const rotate = rotator(tasks);
    await Promise.all([rotate.check(), rotate.check(), rotate.check()]);
    expect(most).toBe(1);
    expect(tasks.ran).toEqual(['moveHead', 'compress']);
  });

  test('close waits for the step under way and takes no further one', async () => {
    writeFileSync(join(folder, 'a.log'), lines(0, 1000));
    const tasks = new Tasks();
    let open = (): void => {};
    const opened = new Promise<void>((resolve) => {
      open = resolve;
    });
    tasks.before = () => opened;
    const rotate = rotator(tasks);
    const round = rotate.check();
    await waitFor(() => tasks.ran.length === 1, { what: 'the first step' });
    let closed = false;
    const closing = rotate.close().then(() => {
      closed = true;
    });
    await clock.advance(1000);
    expect(closed).toBe(false);
    open();
    await Promise.all([round, closing]);
    await rotate.check();
    expect(tasks.ran).toEqual(['moveHead']);
    expect(clock.timers).toBe(0);
  });

  test('close cuts a step short that takes too long, and that is no failure', async () => {
    writeFileSync(join(folder, 'a.log'), lines(0, 1000));
    const tasks = new Tasks();
    tasks.before = (_, { signal }) =>
      new Promise((_resolve, reject) => {
        signal?.addEventListener('abort', () => reject(signal.reason), { once: true });
      });
    const rotate = rotator(tasks);
    const round = rotate.check();
    await waitFor(() => tasks.ran.length === 1, { what: 'the first step' });
    const closing = rotate.close(2000);
    await clock.advance(2000);
    await Promise.all([round, closing]);
    expect(log.events('agent-log-rotation-failed')).toEqual([]);
    expect(readFileSync(join(folder, 'a.log'), 'utf8')).toBe(lines(0, 1000));
  });
});

describe('a round after one that was cut short at any point', () => {
  const STAMP = '20200101T000000Z';
  const archive = `a.${STAMP}.log`;
  const all = lines(0, 1000);
  const head = all.slice(0, 40_960);
  const tail = all.slice(40_960);
  /** File → content, and which file was being written. */
  test.each<[string, Record<string, string>]>([
    ['while copying', { 'a.log': all, [`${archive}.part`]: head.slice(0, 1000) }],
    ['copied', { 'a.log': all, [`${archive}.copied`]: head }],
    ['copied to the end, for emptying it', { 'a.log': all, [`${archive}.copied`]: all }],
    ['the head taken out', { 'a.log': tail, [`${archive}.copied`]: head }],
    ['emptied', { 'a.log': '', [`${archive}.copied`]: all }],
    ['renamed', { 'a.log': tail, [archive]: head }],
    ['while compressing', { 'a.log': tail, [archive]: head, [`${archive}.gz.part`]: 'half' }],
  ])('%s', async (_, files) => {
    for (const [name, content] of Object.entries(files)) writeFileSync(join(folder, name), content);
    await rotator(new Tasks()).check();
    await clock.advance(1000);
    await rotator(new Tasks()).check();
    expect(readBack(folder, 'a').toString()).toBe(all);
    expect(names().filter((name) => !/^a\.\d{8}T\d{6}Z\.log\.gz$/.test(name))).toEqual(['a.log']);
    expect(log.lines.filter(({ level }) => level === 'error')).toEqual([]);
  });
});

describe('on a full disk', () => {
  function smallDisk(): string {
    try {
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=256k', 'none', folder], { stdio: 'ignore' });
    } catch {
      return 'a file system of its own cannot be mounted here';
    }
    const mounted = folder;
    onTestFinished(() => {
      execFileSync('umount', [mounted]);
    });
    return '';
  }

  test('the log is left as it was, the error names the agent, and it is tried again', async ({ skip }) => {
    const unable = smallDisk();
    if (unable) skip(unable);
    const content = lines(0, 2500);
    writeFileSync(join(folder, 'a.log'), content);
    writeFileSync(join(folder, 'filler'), Buffer.alloc(60_000));
    const rotate = rotator(new Tasks());
    await rotate.check();
    expect(names()).toEqual(['a.log', 'filler']);
    expect(readFileSync(join(folder, 'a.log'), 'utf8')).toBe(content);
    const [failure] = log.events('agent-log-rotation-failed');
    expect(failure).toMatchObject({ agentId: 'a', err: { cause: { code: 'ENOSPC' } } });

    rmSync(join(folder, 'filler'));
    execFileSync('mount', ['-o', 'remount,size=1m', folder]);
    await clock.advance(RETRY_MS);
    await rotate.check();
    expect(log.events('agent-log-rotated')).toMatchObject([{ agentId: 'a', cut: 'truncate' }]);
    expect(readBack(folder, 'a').toString()).toBe(content);
  });
});

describe('with the built pool and an agent that writes on', () => {
  test('rotated again and again; no line is lost where the head can be taken out', async ({ skip }) => {
    const pool = new Pool({ bundles: DIST });
    const rotate = rotator(pool, { maxBytes: 500_000, maxFiles: 50 });
    const live = join(folder, 'a.log');
    const writer = new LogWriter(live, 20_000);
    let written: number;
    try {
      for (let round = 1; round <= 4; round++) {
        await waitFor(() => existsSync(live) && statSync(live).size > 500_000, { what: 'more lines' });
        await rotate.check();
        await clock.advance(1000);
      }
    } finally {
      written = await writer.stop();
      await rotate.close();
      await pool.close();
    }
    expect(log.events('agent-log-rotated')).toHaveLength(4);
    const fallback = log.events('agent-log-rotated').find(({ cut }) => cut !== 'collapse');
    const found = account(readBack(folder, 'a'), written);
    if (fallback) {
      expect(found.lost).toBeLessThan(written / 20);
      skip(`the head cannot be taken out here: ${fallback['why']}`);
    }
    expect(found).toEqual({ lost: 0, longestGap: 0, broken: 0 });
  });
});
