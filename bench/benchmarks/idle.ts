/**
 * The built daemon at rest, as shipped: two agents, mutual TLS to a Manager in its own process. Read from the kernel
 * by this process, which does nothing else meanwhile, side by side with a `node` that does nothing at all.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { DemoChild, describeExit } from '../../src/demo/children.ts';
import type { Scope } from '../../src/shared/lifecycle/scope.ts';
import { within, withScope } from '../bounded.ts';
import { sampleAgents } from '../daemon-config.ts';
import { BenchHost } from '../host.ts';
import { resetPeak } from '../process-figures.ts';
import type { BenchContext, BenchReport } from '../report.ts';
import type { Settings } from '../settings.ts';
import { watch } from '../watch.ts';
import { type IdleFigures, idleFigures, idleTable, idleVerdicts } from './idle-figures.ts';

const READY_MS = 30_000;
const COLLECTORS = ['cpu', 'memory', 'disk', 'network'];
const STOP_MS = 2000;

async function startFloor(scope: Scope): Promise<{ pid: number; ended: Promise<never> }> {
  const child = new DemoChild('empty node', ['-e', 'setInterval(() => {}, 1e9)']);
  await scope.add(() => child.stop(STOP_MS));
  const ended = child.exited.then((exit) => {
    throw new Error(`the empty node ${describeExit(exit)}`);
  });
  ended.catch(() => {}); // for whoever waits for it
  return { pid: child.pid, ended };
}

async function measure(scope: Scope, { bundles, settings, signal }: BenchContext): Promise<IdleFigures> {
  const { intervalMs, warmUpMs, windowMs } = settings.idle;
  const agents = sampleAgents(bundles, process.execPath);
  const host = await BenchHost.start(scope, { bundles, signal });
  const reported = new Set<string>();
  const ready = Promise.all([
    host.event('registered', ({ accepted }) => accepted),
    host.event('report', ({ metrics }) => {
      for (const { type } of metrics) reported.add(type);
      return COLLECTORS.every((name) => reported.has(name));
    }),
    host.event('states', ({ states }) => states.filter((s) => s.status === 'running').length === agents.length),
  ]);
  const daemon = await host.startDaemon(agents, intervalMs);
  const floor = await startFloor(scope);
  const ended = Promise.race([daemon.ended, floor.ended]);
  await within(Promise.race([ready, ended]), {
    what: 'the registration, a report of each collector and the agents to run',
    timeoutMs: READY_MS,
    signal,
  });
  await Promise.race([sleep(warmUpMs, undefined, { signal }), ended]);
  const pids = [daemon.pid, floor.pid] as const;
  const peaksAreOfWindow = pids.map((pid) => resetPeak(pid)).every(Boolean);
  const watched = await Promise.race([watch(pids, { windowMs, signal }), ended]);
  const [ofDaemon, ofFloor] = watched.map(idleFigures);
  if (!ofDaemon || !ofFloor) throw new Error('two processes were to be watched');
  return { daemon: ofDaemon, floor: ofFloor, peaksAreOfWindow };
}

function notes({ intervalMs, warmUpMs, windowMs }: Settings['idle'], figures: IdleFigures): string[] {
  const intervals =
    intervalMs === null
      ? 'All intervals as shipped: heartbeats and collectors each 60 s.'
      : `SHORTENED for --quick: heartbeats and collectors each ${intervalMs / 1000} s, not 60 s, and a window of ` +
        `${windowMs / 1000} s, not 180 s: more work a minute than as shipped.`;
  return [
    intervals,
    `Memory in MB of 10^6 bytes, a sample each 100 ms over ${windowMs / 1000} s, from ${warmUpMs / 1000} s after the first report on.`,
    'File-backed is RSS less anonymous; shared memory counts in it, here ' +
      `${(figures.daemon.sharedMemoryBytes / 1e6).toFixed(1)} MB.`,
    figures.peaksAreOfWindow
      ? 'The peak is the kernel’s own (VmHWM), set back after the warm-up.'
      : 'The peak is the kernel’s own (VmHWM) SINCE THE START: setting it back (clear_refs) is not allowed here.',
    'CPU is that of one core over the whole window, ended children included; the kernel tells it in steps of 10 ms.',
    'Floor: `node -e "setInterval(() => {}, 1e9)"`, sampled at the same moments. The ratio is that of the medians.',
  ];
}

export function idle(context: BenchContext): Promise<BenchReport> {
  return withScope(async (scope) => {
    const figures = await measure(scope, context);
    const verdicts = idleVerdicts(figures);
    return {
      name: 'idle',
      title: 'the daemon at rest, with two agents',
      table: idleTable(figures, verdicts),
      notes: notes(context.settings.idle, figures),
      verdicts: Object.values(verdicts),
      figures: { ...figures },
    };
  });
}
