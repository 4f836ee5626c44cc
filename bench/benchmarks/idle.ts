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
import { isOfPeer, type Peers, type RunningPeer, startPeers } from '../peers/run.ts';
import { hasUserfaultfd, resetPeak } from '../process-figures.ts';
import { readProcessTree } from '../process-tree.ts';
import type { BenchContext, BenchReport } from '../report.ts';
import { startResting } from '../resting-daemon.ts';
import { below, type Subject, watch } from '../watch.ts';
import { type IdleFigures, idleFigures, idleTable, restGate, restVerdicts, rssSeries } from './idle-figures.ts';
import { type EndedPeer, FLOOR_PROGRAM, idleNotes, peersNotes } from './idle-notes.ts';
import { type PeerFigures, peersTable } from './peers-figures.ts';

const STOP_MS = 2000;

interface IdleMeasured {
  figures: IdleFigures;
  peers: Peers | null;
  /** Peers that are not in `all` and not in `series`. */
  ended: EndedPeer[];
  /** The daemon, the floor, the peers that ran to the end. */
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

/** A program in the window. One without a peer is to live. */
interface Program extends Subject {
  name: string;
  peer: RunningPeer | null;
}

const programOf = (peer: RunningPeer): Program => {
  const name = `${peer.plan.name} ${peer.version}`.trim();
  return { name, peer, pids: peer.pids, counts: isOfPeer, mayEnd: true };
};

/** Sets the kernel's peaks back. Gives whether that was allowed of those that are to live. */
function resetPeaks(programs: readonly Program[]): boolean {
  const tree = readProcessTree();
  const allowed = programs.map((one) => [...one.pids, ...below(one, tree)].map((pid) => resetPeak(pid)).every(Boolean));
  return allowed.every((one, at) => one || programs[at]?.peer);
}

async function measure(scope: Scope, context: BenchContext, withPeers: boolean): Promise<IdleMeasured> {
  const { node, settings, signal } = context;
  const { intervalMs, warmUpMs, windowMs } = settings.idle;
  const peers = withPeers ? await startAllPeers(scope, context) : null;
  const floor = await startFloor(scope, node);
  const daemon = await startResting(scope, context, intervalMs);
  const ended = Promise.race([daemon.ended, floor.ended]);
  await Promise.race([sleep(warmUpMs, undefined, { signal }), ended]);

  const programs: Program[] = [
    { name: `daemon, Node ${node.version}`, peer: null, pids: [daemon.pid] },
    { name: `empty node ${node.version}`, peer: null, pids: [floor.pid] },
    ...(peers?.running ?? []).map(programOf),
  ];
  const peaksAreOfWindow = resetPeaks(programs);
  const closeWindow = daemon.openWindow(windowMs, intervalMs);
  const watched = await Promise.race([watch(programs, { windowMs, signal }), ended]);
  const work = closeWindow();

  const watchedPrograms = watched.flatMap((one, at) => (programs[at] ? { ...one, ...programs[at] } : []));
  const stayed = watchedPrograms.filter(({ endedAtMs }) => endedAtMs === null);
  const all = stayed.map((one) => ({ name: one.name, processes: one.processes, figures: idleFigures(one) }));
  const [ofDaemon, ofFloor] = all;
  if (!ofDaemon || !ofFloor) throw new Error('at least two processes were to be watched');
  return {
    figures: {
      ...{ daemon: ofDaemon.figures, floor: ofFloor.figures, peaksAreOfWindow, work },
      ...{ cgroup: readOwnCgroup(daemon.pid), userfaultfd: hasUserfaultfd(daemon.pid) },
    },
    peers,
    ended: watchedPrograms.flatMap(({ peer, endedAtMs }) =>
      peer && endedAtMs !== null ? { peer, atMs: endedAtMs } : [],
    ),
    all,
    series: stayed.map((one) => rssSeries(one.name, one)),
  };
}

function idleReport({ settings }: BenchContext, { figures, series }: IdleMeasured): BenchReport {
  const verdicts = restVerdicts(figures.daemon, figures.peaksAreOfWindow);
  return {
    name: 'idle',
    title: 'the daemon at rest, with three agents',
    table: idleTable(figures, verdicts),
    notes: idleNotes(settings.idle, figures),
    verdicts: Object.values(verdicts),
    gate: restGate(figures.daemon),
    series,
    figures: { ...figures },
  };
}

function peersReport({ settings }: BenchContext, { peers, ended, all, series }: IdleMeasured): BenchReport {
  if (!peers) throw new Error('peers were to be run');
  return {
    name: 'peers',
    title: 'the daemon beside other programs at rest, memory in MB',
    table: peersTable(all),
    notes: peersNotes(settings.idle, peers, ended),
    verdicts: [],
    series,
    figures: {
      ...{ programs: all, missing: peers.missing, failed: peers.failed },
      ended: ended.map(({ peer, atMs }) => ({ name: peer.plan.name, atMs })),
    },
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
