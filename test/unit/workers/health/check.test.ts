import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import pidusage from 'pidusage';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { HealthTarget, HttpFinding } from '../../../../src/shared/contracts/health.ts';
import { isAlive, readStat } from '../../../../src/shared/platform/proc.ts';
import { checkHealth, type HealthContext, hostContext } from '../../../../src/workers/health/check.ts';
import { testFolder } from '../../../support/temp-folder.ts';
import { waitFor } from '../../../support/wait-until.ts';
import { FakeProc } from './fake-proc.ts';

function target(pid: number, more: Partial<HealthTarget> = {}): HealthTarget {
  return { id: `agent-${pid}`, pid, startTicks: 100, previous: null, http: null, ...more };
}
const HTTP = { url: 'http://x/', timeoutMs: 5000 };
const WELL: HttpFinding = { ok: true, status: 200, reason: '', durationMs: 1 };

async function fakeHost(overrides: Partial<HealthContext> = {}): Promise<{ proc: FakeProc; context: HealthContext }> {
  const proc = new FakeProc(await testFolder('proc'));
  const context = { procRoot: proc.root, nowMs: () => 5000, pageBytes: 4096, cores: 2, ask: async () => WELL };
  return { proc, context: { ...context, ...overrides } };
}

describe('with a /proc of our own', () => {
  test('one finding a target, in order, each about its own', async () => {
    const { proc, context } = await fakeHost();
    proc.put({ pid: 7, rssPages: 3 });
    proc.put({ pid: 8, rssPages: 5, startTicks: 999 });
    proc.put({ pid: 9, rssPages: 7, ticks: 40 });
    const findings = await checkHealth([target(9, { http: HTTP }), target(8), target(6), target(7)], context);
    expect(findings.map(({ id, process, usage }) => [id, process.alive, usage?.rssBytes])).toEqual([
      ['agent-9', true, 7 * 4096],
      ['agent-8', false, undefined],
      ['agent-6', false, undefined],
      ['agent-7', true, 3 * 4096],
    ]);
    expect(findings[0]).toMatchObject({
      pid: 9,
      startTicks: 100,
      http: WELL,
      counters: { atMs: 5000, members: { '9:100': { own: 40, waited: 0 } } },
    });
    expect(findings[1]).toMatchObject({ counters: null, http: null });
  });

  test('counters that go out and come in again give the share of the interval', async () => {
    let nowMs = 1000;
    const { proc, context } = await fakeHost({ nowMs: () => nowMs });
    proc.put({ pid: 7, ticks: 500 });
    const [first] = await checkHealth([target(7)], context);
    nowMs = 3000;
    proc.put({ pid: 7, ticks: 600 });
    const previous = structuredClone(first?.counters ?? null);
    const [second] = await checkHealth([target(7, { previous })], context);
    expect([first?.usage?.cpuPercent, second?.usage?.cpuPercent]).toEqual([null, 50]);
  });

  test('asks the endpoint of a living process only', async () => {
    const asked: string[] = [];
    const { proc, context } = await fakeHost({
      ask: async ({ url }) => {
        asked.push(url);
        return WELL;
      },
    });
    proc.put({ pid: 7 });
    proc.put({ pid: 8, state: 'Z' });
    const http = (url: string) => ({ http: { url, timeoutMs: 1 } });
    await checkHealth([target(7, http('a')), target(8, http('b')), target(9, http('c')), target(7)], context);
    expect(asked).toEqual(['a']);
  });

  test('endpoints are asked side by side: a slow one holds up no other question', async () => {
    let answerAll: () => void = () => {};
    const all = new Promise<void>((resolve) => {
      answerAll = resolve;
    });
    let asked = 0;
    const { proc, context } = await fakeHost({
      ask: async () => {
        if (++asked === 3) answerAll();
        await all;
        return WELL;
      },
    });
    for (const pid of [7, 8, 9]) proc.put({ pid });
    const findings = await checkHealth(
      [7, 8, 9].map((pid) => target(pid, { http: HTTP })),
      context,
    );
    expect(findings.map(({ http }) => http)).toEqual([WELL, WELL, WELL]);
  });

  test('where the process table cannot be listed nobody is taken for gone, and counters are kept', async () => {
    const { context } = await fakeHost({ procRoot: '/nonexistent' });
    const previous = { atMs: 1, members: {}, disk: null };
    const [finding] = await checkHealth([target(7, { previous, http: HTTP })], context);
    expect(finding).toMatchObject({ process: { alive: null }, usage: null, counters: previous, http: WELL });
    expect(finding?.process.reason).toContain('ENOENT');
  });

  test('no targets, no findings', async () => {
    const { context } = await fakeHost();
    expect(await checkHealth([], context)).toEqual([]);
  });
});

/** A program in a group of its own, as agents are; its group is killed with the test. Gives the lines that it prints. */
function start(program: string, args: string[]): { child: ChildProcess; pid: number; lines: string[] } {
  const child = spawn(program, args, { detached: true, stdio: ['ignore', 'pipe', 'inherit'] });
  const { pid } = child;
  if (pid === undefined) throw new Error(`${program} did not start`);
  const lines: string[] = [];
  createInterface({ input: child.stdout }).on('line', (line) => lines.push(line));
  onTestFinished(() => {
    try {
      process.kill(-pid, 'SIGKILL');
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error;
    }
  });
  return { child, pid, lines };
}

function realTarget(pid: number, previous: HealthTarget['previous'] = null): HealthTarget {
  const stat = readStat(pid);
  if (!stat) throw new Error(`there is no process ${pid}`);
  return target(pid, { startTicks: stat.startTicks, previous });
}

async function findReal(one: HealthTarget) {
  const [finding] = await checkHealth([one]);
  if (!finding) throw new Error('no finding');
  return finding;
}

const SPIN = 'const kept = Buffer.alloc(64e6, 1); console.log("ready"); for (;;) kept[0]++;';

describe('with real processes', () => {
  test('a busy one: CPU and memory agree with pidusage', { timeout: 60_000 }, async () => {
    const { pid, lines } = start(process.execPath, ['-e', SPIN]);
    await waitFor(() => lines.includes('ready'), { what: 'the busy child' });
    const first = await findReal(realTarget(pid));
    await pidusage(pid);
    const before = readStat(pid)?.cpuTicks ?? 0;
    await waitFor(() => (readStat(pid)?.cpuTicks ?? 0) >= before + 60, { what: '0.6 s of CPU', timeoutMs: 40_000 });
    const [other, second] = await Promise.all([pidusage(pid), findReal(realTarget(pid, first.counters))]);
    pidusage.clear();
    const { cpuPercent, rssBytes } = second.usage ?? {};
    expect((cpuPercent ?? 0) / other.cpu).toBeGreaterThan(0.7);
    expect((cpuPercent ?? 0) / other.cpu).toBeLessThan(1.4);
    expect(rssBytes).toBeGreaterThan(64e6);
    expect((rssBytes ?? 0) / other.memory).toBeGreaterThan(0.9);
    expect((rssBytes ?? 0) / other.memory).toBeLessThan(1.1);
    expect(second.usage?.threads).toBeGreaterThan(1);
    expect(second.usage?.openFiles).toBeGreaterThan(2);
    expect(second.usage?.vmsBytes).toBeGreaterThan(rssBytes ?? 0);
  });

  test('a quiet one with a busy child: the group counts', { timeout: 60_000 }, async () => {
    const { pid, lines } = start('/bin/sh', ['-c', `"$0" -e '${SPIN}' & echo "child $!"; wait`, process.execPath]);
    await waitFor(() => lines.includes('ready'), { what: 'the busy child' });
    const child = Number(lines.find((line) => line.startsWith('child'))?.slice(6));
    const first = await findReal(realTarget(pid));
    await waitFor(() => (readStat(child)?.cpuTicks ?? 0) >= 80, { what: '0.8 s of CPU', timeoutMs: 40_000 });
    const { usage } = await findReal(realTarget(pid, first.counters));
    expect(readStat(pid)?.cpuTicks).toBeLessThan(20);
    expect(usage?.cpuPercent).toBeGreaterThan(10);
    expect(usage?.rssBytes).toBeGreaterThan(64e6);
  });

  test('short-lived children show in the shell that waits for them', { timeout: 60_000 }, async () => {
    const burn = 'i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done';
    const { pid, lines } = start('/bin/sh', ['-c', `while :; do sh -c '${burn}'; echo done; done`]);
    await waitFor(() => lines.length >= 1, { what: 'the first child' });
    const first = await findReal(realTarget(pid));
    const enough = lines.length + 5;
    await waitFor(() => lines.length >= enough, { what: 'five more children', timeoutMs: 40_000 });
    const { usage } = await findReal(realTarget(pid, first.counters));
    expect(usage?.cpuPercent).toBeGreaterThan(10);
    expect(usage?.cpuPercent).toBeLessThanOrEqual(100 * hostContext().cores);
  });

  test('one that is stopped lives and uses nothing', async () => {
    const { pid } = start('sleep', ['1000']);
    process.kill(pid, 'SIGSTOP');
    await waitFor(() => readStat(pid)?.state === 'T', { what: 'the stop' });
    const first = await findReal(realTarget(pid));
    expect(first.process).toEqual({ alive: true, state: 'T', reason: 'stopped by a signal' });
    const second = await findReal(realTarget(pid, first.counters));
    expect(second.usage?.cpuPercent).toBe(0);
  });

  test('a zombie has gone', async () => {
    // the shell becomes a program that waits for nobody, and only then the child ends: a shell may take it away
    const { pid, lines } = start('/bin/sh', ['-c', 'sleep 1000 & echo $!; exec sleep 1000']);
    const child = Number(await waitFor(() => lines[0], { what: 'the pid of the child' }));
    await waitFor(() => readFileSync(`/proc/${pid}/comm`, 'utf8') === 'sleep\n', { what: 'the program in its place' });
    process.kill(child, 'SIGKILL');
    const stat = await waitFor(() => (readStat(child)?.state === 'Z' ? readStat(child) : null), { what: 'the zombie' });
    expect(isAlive(stat)).toBe(false);
    const finding = await findReal(target(child, { startTicks: stat.startTicks }));
    expect(finding).toMatchObject({ process: { alive: false, state: 'Z' }, usage: null, counters: null });
  });

  test('one that has ended, and one whose pid is another’s', async () => {
    const { child, pid } = start('sleep', ['1000']);
    const known = realTarget(pid);
    expect((await findReal({ ...known, startTicks: known.startTicks - 1 })).process).toEqual({
      alive: false,
      state: '',
      reason: `pid ${pid} is another process now`,
    });
    const ended = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGKILL');
    await ended;
    expect((await findReal(known)).process).toEqual({ alive: false, state: '', reason: `pid ${pid} has ended` });
  });
});
