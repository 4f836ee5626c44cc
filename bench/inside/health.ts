/**
 * Rounds of health checks as the daemon has them made, in a thread that is there. The agents are real processes, each in
 * a group of its own, and children of this process, as those of the daemon are.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import type { Runner } from '../../src/main/threads/runner.ts';
import type { HealthFinding, HealthTarget } from '../../src/shared/contracts/health.ts';
import { readStat } from '../../src/shared/platform/proc.ts';
import { type Summary, summarise } from '../statistics.ts';
import type { DaemonParts } from './daemon-parts.ts';
import type { HealthRounds, Measurements } from './order.ts';
import { threadMsOf } from './timed.ts';

const DEADLINE_MS = 30_000;
const LINGER_MS = 600_000;
/** Longer than all of it takes. */
const SLEEP_SECONDS = 900;

interface Round {
  tookMs: number;
  findings: HealthFinding[];
}

/** Of each round; every process must be found. */
async function rounds(
  count: number,
  targets: HealthTarget[],
  check: (targets: HealthTarget[]) => Promise<HealthFinding[]>,
  figure: (round: Round) => number,
): Promise<Summary> {
  const figures: number[] = [];
  let next = targets;
  for (let round = 0; round <= count; round++) {
    const startedMs = performance.now();
    const findings = await check(next);
    const tookMs = performance.now() - startedMs;
    // the first one warms up, and has no interval to measure CPU over
    if (round > 0) figures.push(figure({ tookMs, findings }));
    const lost = findings.find(({ usage }) => usage === null);
    if (lost) throw new Error(`process ${lost.pid} was not found`);
    next = next.map((target, index) => ({ ...target, previous: findings[index]?.counters ?? null }));
  }
  return summarise(figures);
}

function target(child: ChildProcess): HealthTarget {
  const pid = child.pid ?? 0;
  const startTicks = readStat(pid)?.startTicks ?? 0;
  return { id: `agent-${pid}`, pid, startTicks, previous: null, http: null };
}

async function measure(targets: HealthTarget[], parts: DaemonParts, count: number): Promise<HealthRounds> {
  const { signal } = parts;
  const [runner, timedRunner] = [parts.runner(), parts.timedRunner()];
  const by = (through: Runner) => (list: HealthTarget[]) =>
    through.run('health', list, { deadlineMs: DEADLINE_MS, lingerMs: LINGER_MS, signal });
  const delay = monitorEventLoopDelay({ resolution: 1 });
  try {
    await by(runner)(targets); // starts it
    delay.enable();
    const thread = await rounds(count, targets, by(runner), ({ tookMs }) => tookMs);
    delay.disable();
    await runner.close();
    await by(timedRunner)(targets);
    const reading = await rounds(count, targets, by(timedRunner), ({ findings }) => threadMsOf(findings));
    return { agents: targets.length, thread, reading, heldUpMs: delay.max / 1e6 };
  } finally {
    delay.disable();
    await Promise.all([runner.close(), timedRunner.close()]);
  }
}

export async function measureHealth(
  parts: DaemonParts,
  { counts, rounds: count }: Measurements['health']['input'],
): Promise<HealthRounds[]> {
  const children: ChildProcess[] = [];
  const measured: HealthRounds[] = [];
  try {
    for (const agents of counts) {
      while (children.length < agents) {
        children.push(spawn('sleep', [String(SLEEP_SECONDS)], { detached: true, stdio: 'ignore' }));
      }
      measured.push(await measure(children.map(target), parts, count));
    }
  } finally {
    for (const child of children) child.kill('SIGKILL');
  }
  return measured;
}
