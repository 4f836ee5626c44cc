/**
 * From starting the daemon's process to the Manager having its registration, and the CPU time spent by then; and how
 * long somebody who asks it by daemonctl waits.
 */
import { within, withScope } from '../bounded.ts';
import { BenchHost, type RunningDaemon } from '../host.ts';
import { readCpuTicks } from '../process-figures.ts';
import type { BenchContext, BenchReport } from '../report.ts';
import { type Summary, summarise, ticksToMs } from '../statistics.ts';
import { left, milliseconds, right } from '../table.ts';
import { inWords, judge } from '../targets.ts';

const READY_MS = 30_000;

async function startRegistered(host: BenchHost, signal: AbortSignal): Promise<RunningDaemon> {
  const registered = host.event('registered', ({ accepted }) => accepted);
  const daemon = await host.startDaemon([], null);
  const bound = { what: 'the registration', timeoutMs: READY_MS, signal };
  await within(Promise.race([registered, daemon.ended]), bound);
  return daemon;
}

async function startOnce(host: BenchHost, signal: AbortSignal): Promise<{ wallMs: number; cpuMs: number }> {
  const daemon = await startRegistered(host, signal);
  const wallMs = performance.now() - daemon.startedMs;
  const ticks = readCpuTicks(daemon.pid);
  await daemon.stop();
  if (ticks === null) throw new Error('the daemon ended right after it had registered');
  return { wallMs, cpuMs: ticksToMs(ticks) };
}

/** One daemon, asked as often as others are started. Milliseconds. */
async function askOften(host: BenchHost, runs: number, signal: AbortSignal): Promise<number[]> {
  const daemon = await startRegistered(host, signal);
  const took: number[] = [];
  for (let n = 0; n < runs; n++) took.push(await host.askStatus(daemon));
  await daemon.stop();
  return took;
}

export function start(context: BenchContext): Promise<BenchReport> {
  return withScope(async (scope) => {
    const { settings, signal } = context;
    const host = await BenchHost.start(scope, context);
    const runs: { wallMs: number; cpuMs: number }[] = [];
    for (let n = 0; n < settings.start.runs; n++) {
      signal.throwIfAborted();
      runs.push(await startOnce(host, signal));
    }
    const wall = summarise(runs.map(({ wallMs }) => wallMs));
    const cpu = summarise(runs.map(({ cpuMs }) => cpuMs));
    const ctl = summarise(await askOften(host, settings.start.runs, signal));
    const verdict = judge('ctl', 'daemonctl status, median', ctl.median);
    const row = (title: string, { n, median, max }: Summary, target = ''): string[] => [
      title,
      String(n),
      ...[median, max].map(milliseconds),
      target,
    ];
    return {
      name: 'start',
      title: 'from exec to the registration, in milliseconds',
      table: {
        columns: [left('time'), ...['n', 'median', 'max'].map(right), left('target, of the median')],
        rows: [row('elapsed', wall), row('CPU spent by then', cpu), row('daemonctl status', ctl, inWords(verdict))],
      },
      notes: [
        'A daemon without agents that has never run on its host before; certificates and Manager are there.',
        'Until the Manager’s line is read here. The CPU time comes in steps of 10 ms.',
        'daemonctl, by its launcher, asks one daemon that runs: until it has ended with the answer.',
      ],
      verdicts: [verdict],
      gate: [{ figure: 'start', value: wall.median }],
      figures: { unit: 'ms', elapsed: wall, cpu, daemonctl: ctl },
    };
  });
}
