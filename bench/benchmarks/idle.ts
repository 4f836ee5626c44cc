/**
 * The built daemon at rest, as shipped: three agents, mutual TLS to a Manager in its own process. Read from the kernel
 * by this process, which does nothing else meanwhile, side by side with a `node` that does nothing at all, and where
 * they are asked for with other programs of its kind.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { DemoChild, describeExit } from '../../src/demo/children.ts';
import type { Scope } from '../../src/shared/lifecycle/scope.ts';
import { withScope } from '../bounded.ts';
import { readOwnCgroup } from '../cgroup.ts';
import type { Series } from '../chart.ts';
import type { NodeBinary } from '../node-binary.ts';
import { type Peers, startPeers } from '../peers/run.ts';
import { hasUserfaultfd, resetPeak } from '../process-figures.ts';
import type { BenchContext, BenchReport } from '../report.ts';
import { requireHeartbeats, startResting } from '../resting-daemon.ts';
import { summed, type Watched, watch } from '../watch.ts';
import { type IdleFigures, idleFigures, idleGate, idleTable, idleVerdicts, rssSeries } from './idle-figures.ts';
import { FLOOR_PROGRAM, idleNotes, peersNotes } from './idle-notes.ts';
import { type PeerFigures, peersTable } from './peers-figures.ts';

const STOP_MS = 2000;

interface IdleMeasured {
  figures: IdleFigures;
  peers: Peers | null;
  /** The daemon, the floor, the peers that ran. */
  all: PeerFigures[];
  series: Series[];
}

async function startFloor(scope: Scope, { path }: NodeBinary): Promise<{ pid: number; ended: Promise<never> }> {
  const child = new DemoChild('empty node', ['-e', FLOOR_PROGRAM], { program: path });
  await scope.add(() => child.stop(STOP_MS));
  const ended = child.exited.then((exit) => {
    throw new Error(`the empty node ${describeExit(exit)}`);
  });
  ended.catch(() => {}); // for whoever waits for it
  return { pid: child.pid, ended };
}

async function startAllPeers(scope: Scope, { bundles, signal }: BenchContext): Promise<Peers> {
  const folder = await mkdtemp(join(tmpdir(), 'host-daemon-peers-'));
  await scope.add(() => rm(folder, { recursive: true, force: true, maxRetries: 5 }));
  return startPeers(scope, { folder, bundles, signal });
}

function together(watched: readonly Watched[]): Watched {
  const [first, ...others] = watched;
  if (!first) throw new Error('at least one process was to be watched');
  return summed([first, ...others]);
}

async function measure(scope: Scope, context: BenchContext, withPeers: boolean): Promise<IdleMeasured> {
  const { node, settings, signal } = context;
  const { intervalMs, warmUpMs, windowMs } = settings.idle;
  const peers = withPeers ? await startAllPeers(scope, context) : null;
  const floor = await startFloor(scope, node);
  const daemon = await startResting(scope, context, intervalMs);
  const ended = Promise.race([daemon.ended, floor.ended]);
  await Promise.race([sleep(warmUpMs, undefined, { signal }), ended]);

  const subjects = [
    { name: `daemon, Node ${node.version}`, pids: [daemon.pid] },
    { name: `empty node ${node.version}`, pids: [floor.pid] },
    ...(peers?.running ?? []).map(({ plan, version, pids }) => ({ name: `${plan.name} ${version}`.trim(), pids })),
  ];
  const pids = subjects.flatMap((subject) => subject.pids);
  const peaksAreOfWindow = pids.map((pid) => resetPeak(pid)).every(Boolean);
  const before = daemon.heartbeats();
  const watched = await Promise.race([watch(pids, { windowMs, signal }), ended]);
  const heartbeats = daemon.heartbeats() - before;
  requireHeartbeats(heartbeats, windowMs, intervalMs);

  const merged = subjects.map(({ name, pids: own }) => ({
    name,
    processes: own.length,
    watched: together(own.flatMap((pid) => watched[pids.indexOf(pid)] ?? [])),
  }));
  const all = merged.map((one) => ({ ...one, figures: idleFigures(one.watched) }));
  const [ofDaemon, ofFloor] = all;
  if (!ofDaemon || !ofFloor) throw new Error('at least two processes were to be watched');
  return {
    figures: {
      ...{ daemon: ofDaemon.figures, floor: ofFloor.figures, peaksAreOfWindow, heartbeats },
      ...{ cgroup: readOwnCgroup(daemon.pid), userfaultfd: hasUserfaultfd(daemon.pid) },
    },
    peers,
    all: all.map(({ name, processes, figures }) => ({ name, processes, figures })),
    series: merged.map((one) => rssSeries(one.name, one.watched)),
  };
}

function idleReport({ settings }: BenchContext, { figures, series }: IdleMeasured): BenchReport {
  const verdicts = idleVerdicts(figures);
  return {
    name: 'idle',
    title: 'the daemon at rest, with three agents',
    table: idleTable(figures, verdicts),
    notes: idleNotes(settings.idle, figures),
    verdicts: Object.values(verdicts),
    gate: idleGate(figures),
    series,
    figures: { ...figures },
  };
}

function peersReport({ settings }: BenchContext, { peers, all, series }: IdleMeasured): BenchReport {
  if (!peers) throw new Error('peers were to be run');
  return {
    name: 'peers',
    title: 'the daemon beside other programs at rest, memory in MB',
    table: peersTable(all),
    notes: peersNotes(settings.idle, peers),
    verdicts: [],
    series,
    figures: { programs: all, missing: peers.missing, failed: peers.failed },
  };
}

export function idle(context: BenchContext): Promise<BenchReport> {
  return withScope(async (scope) => idleReport(context, await measure(scope, context, false)));
}

export function peers(context: BenchContext): Promise<BenchReport> {
  return withScope(async (scope) => peersReport(context, await measure(scope, context, true)));
}

/** Both of one window. */
export function idleAndPeers(context: BenchContext): Promise<BenchReport[]> {
  return withScope(async (scope) => {
    const measured = await measure(scope, context, true);
    return [idleReport(context, measured), peersReport(context, measured)];
  });
}
