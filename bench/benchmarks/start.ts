/** From starting the daemon's process to the Manager having its registration, and the CPU time spent by then. */
import { within, withScope } from '../bounded.ts';
import { BenchHost } from '../host.ts';
import { readCpuTicks } from '../process-figures.ts';
import type { BenchContext, BenchReport } from '../report.ts';
import { type Summary, summarise, ticksToMs } from '../statistics.ts';
import { left, milliseconds, right } from '../table.ts';

const READY_MS = 30_000;

async function startOnce(host: BenchHost, signal: AbortSignal): Promise<{ wallMs: number; cpuMs: number }> {
  const registered = host.event('registered', ({ accepted }) => accepted);
  const daemon = await host.startDaemon([], null);
  const bound = { what: 'the registration', timeoutMs: READY_MS, signal };
  await within(Promise.race([registered, daemon.ended]), bound);
  const wallMs = performance.now() - daemon.startedMs;
  const ticks = readCpuTicks(daemon.pid);
  await daemon.stop();
  if (ticks === null) throw new Error('the daemon ended right after it had registered');
  return { wallMs, cpuMs: ticksToMs(ticks) };
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
    const row = (title: string, { n, median, max }: Summary): string[] => [
      title,
      String(n),
      ...[median, max].map(milliseconds),
    ];
    return {
      name: 'start',
      title: 'from exec to the registration, in milliseconds',
      table: {
        columns: [left('time'), ...['n', 'median', 'max'].map(right)],
        rows: [row('elapsed', wall), row('CPU spent by then', cpu)],
      },
      notes: [
        'A daemon without agents that has never run on its host before; certificates and Manager are there.',
        'Until the Manager’s line is read here. The CPU time comes in steps of 10 ms.',
      ],
      verdicts: [],
      gate: [{ figure: 'start', value: wall.median }],
      figures: { unit: 'ms', elapsed: wall, cpu },
    };
  });
}
