/**
 * What a round of health checks costs with many agents: the round in the worker from the call to its answer, and how
 * long the calling thread was held up meanwhile. The agents are real processes, each in a group of its own.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { Runner } from '../../src/main/threads/runner.ts';
import type { HealthFinding, HealthTarget } from '../../src/shared/contracts/health.ts';
import { readStat } from '../../src/shared/platform/proc.ts';
import { checkHealth } from '../../src/workers/health/check.ts';
import type { BenchContext, BenchReport } from '../report.ts';
import { type Summary, summarise } from '../statistics.ts';
import { left, milliseconds, right } from '../table.ts';

const COUNTS = [1, 10, 50, 200];
const DEADLINE_MS = 30_000;
const LINGER_MS = 600_000;

type Check = (targets: HealthTarget[]) => Promise<HealthFinding[]>;

/** Milliseconds of each round; every process must be found. */
async function rounds(count: number, targets: HealthTarget[], check: Check, signal: AbortSignal): Promise<Summary> {
  const took: number[] = [];
  let next = targets;
  for (let round = 0; round <= count; round++) {
    signal.throwIfAborted();
    const startedMs = performance.now();
    const findings = await check(next);
    // the first one warms up, and has no interval to measure CPU over
    if (round > 0) took.push(performance.now() - startedMs);
    const lost = findings.find(({ usage }) => usage === null);
    if (lost) throw new Error(`process ${lost.pid} was not found`);
    next = next.map((target, index) => ({ ...target, previous: findings[index]?.counters ?? null }));
  }
  return summarise(took);
}

function target(child: ChildProcess): HealthTarget {
  const pid = child.pid ?? 0;
  const startTicks = readStat(pid)?.startTicks ?? 0;
  return { id: `agent-${pid}`, pid, startTicks, previous: null, http: null };
}

export async function health({ bundles, settings, signal }: BenchContext): Promise<BenchReport> {
  const children: ChildProcess[] = [];
  const runner = new Runner({ bundles });
  const measured: { agents: number; thread: Summary; reading: Summary; heldUpMs: number }[] = [];
  try {
    for (const agents of COUNTS) {
      while (children.length < agents) children.push(spawn('sleep', ['3600'], { detached: true, stdio: 'ignore' }));
      const targets = children.map(target);
      const delay = monitorEventLoopDelay({ resolution: 1 });
      const inThread: Check = (list) =>
        runner.run('health', list, { deadlineMs: DEADLINE_MS, lingerMs: LINGER_MS, signal });
      await inThread(targets); // starts it
      delay.enable();
      const thread = await rounds(settings.health.rounds, targets, inThread, signal);
      delay.disable();
      const reading = await rounds(settings.health.rounds, targets, (list) => checkHealth(list), signal);
      measured.push({ agents, thread, reading, heldUpMs: delay.max / 1e6 });
    }
  } finally {
    for (const child of children) child.kill('SIGKILL');
    await runner.close();
  }
  return {
    name: 'health',
    title: 'one round of health checks, in milliseconds',
    table: {
      columns: [right('agents'), ...['n', 'median', 'p95', 'max', 'reading', 'held up'].map(right), left('')],
      rows: measured.map(({ agents, thread: { n, median, p95, max }, reading, heldUpMs }) => [
        String(agents),
        String(n),
        ...[median, p95, max, reading.median, heldUpMs].map(milliseconds),
        '',
      ]),
    },
    notes: [
      'From the call to the answer through a worker thread that is there. Reading: the median in this process.',
      'Held up: the longest delay of the calling thread’s event loop during those rounds, its resolution of 1 ms included.',
    ],
    verdicts: [],
    figures: { unit: 'ms', runs: measured },
  };
}
