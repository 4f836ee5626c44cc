/**
 * Runs the peers that are installed here. A peer and its agents carry a mark in their environment, so that its own
 * processes are told from its agents, and that nothing of it is left when the scope ends, whatever it does itself.
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { delimiter, dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { DemoChild, describeExit, type Exit } from '../../src/demo/children.ts';
import { endAgents, findAgents } from '../../src/demo/leftover-agents.ts';
import { describe } from '../../src/shared/errors/daemon-error.ts';
import type { Scope } from '../../src/shared/lifecycle/scope.ts';
import { readProcFile } from '../../src/shared/platform/proc.ts';
import { within } from '../bounded.ts';
import { type BenchAgent, sampleAgents } from '../daemon-config.ts';
import { descendants, readProcessTree } from '../process-tree.ts';
import { findProgram, versionOf } from './find.ts';
import { PEERS, type PeerPlace, type PeerPlan } from './plans.ts';

const READY_MS = 20_000;
const POLL_MS = 50;
const STOP_MS = 10_000;
/** What endAgents() looks for, together with the folder. */
const MARK = 'DAEMON_AGENT_ID';
const FOLDER = 'BENCH_PEER';

export interface RunningPeer {
  plan: PeerPlan;
  version: string;
  /** Its own processes, at least one: neither those that they started nor the agents. */
  pids: number[];
  /** How it ended and what it said last, as far as that is known. */
  end(): string;
}

export interface Peers {
  running: RunningPeer[];
  /** Names of what is not on PATH. */
  missing: string[];
  /** Why what is there could not be run: `monit: …`. */
  failed: string[];
}

export interface PeersOptions {
  /** Exists; of this run's own. */
  folder: string;
  bundles: string;
  /** Where they are looked for. */
  path?: string;
  signal: AbortSignal;
}

/** As the daemon's, but for `env`, which hands the mark on past supervisors that hand on no environment. */
function markedAgents(bundles: string, folder: string): BenchAgent[] {
  const env = findProgram(['env']) ?? 'env';
  return sampleAgents(bundles, process.execPath).map(({ id, command }) => {
    return { id, command: [env, `${MARK}=${id}`, `${FOLDER}=${folder}`, ...command] };
  });
}

const isAgent = (pid: number): boolean => (readProcFile(`/proc/${pid}/cmdline`) ?? '').includes('sample-agent.js');

/** Whether a process that a peer started is one of the peer's own. */
export const isOfPeer = (pid: number): boolean => !isAgent(pid);

/** Those that live and that none of the others started: what these start comes and goes. */
function first(pids: readonly number[]): number[] {
  const tree = readProcessTree();
  const alive = new Set([...tree.values()].flat()); // one that was found a moment ago may have gone
  const started = new Set(pids.flatMap((pid) => descendants(tree, pid, () => true)));
  return pids.filter((pid) => alive.has(pid) && !started.has(pid));
}

/** Its own processes, as soon as there is one and all its agents run. */
async function ownProcesses({ folder, agents }: PeerPlace, { supervises }: PeerPlan, signal: AbortSignal) {
  for (;;) {
    const found = findAgents(folder, []).map(({ pid }) => pid);
    const own = found.filter(isOfPeer);
    const roots = first(own);
    if (roots.length > 0 && (!supervises || found.length - own.length === agents.length)) return roots;
    await sleep(POLL_MS, undefined, { signal });
  }
}

/** Waits for `ready` until the time is up; what it polls with ends then too. */
async function untilReady(
  name: string,
  ready: (signal: AbortSignal) => Promise<number[]>,
  signal: AbortSignal,
): Promise<number[]> {
  const giveUp = new AbortController();
  try {
    const polling = ready(AbortSignal.any([signal, giveUp.signal]));
    return await within(polling, { what: `${name} and its agents to run`, timeoutMs: READY_MS, signal });
  } finally {
    giveUp.abort();
  }
}

/** `program`: its file. What is started ends with the scope, when this fails too. */
async function runPeer(scope: Scope, plan: PeerPlan, program: string, options: PeersOptions): Promise<RunningPeer> {
  const { bundles, signal } = options;
  const folder = join(options.folder, plan.name);
  await mkdir(folder);
  const place = { folder, agents: markedAgents(bundles, folder) };
  const files = Object.entries(plan.files(place));
  for (const [name, text] of files) await writeFile(join(folder, name), text, { mode: 0o600 });
  // one that is a script for Node is to have that of the harness
  const path = [dirname(process.execPath), process.env['PATH'] ?? ''].join(delimiter);
  const env = { ...process.env, PATH: path, [MARK]: 'peer', [FOLDER]: folder, ...plan.env?.(place) };
  const run = (args: readonly string[]): DemoChild => new DemoChild(plan.name, args, { program, env });

  await scope.add(async () => void (await endAgents(folder, [])));
  const version = await versionOf(program, plan.versionArgs, env);
  const child = run(plan.args(place));
  await scope.add(() => child.stop(STOP_MS));
  const { endArgs } = plan;
  let exit: Exit | null = null;
  const noteExit = (ended: Exit): void => {
    exit = ended;
  };
  child.exited.then(noteExit, () => {}); // one that could not be started is told below
  if (endArgs) await scope.add(() => runToEnd(run(endArgs)));
  const ready = async (until: AbortSignal): Promise<number[]> => {
    const own = (): Promise<number[]> => ownProcesses(place, plan, until);
    const ended = child.exited.then((exit) => {
      if (endArgs && exit.code === 0) return own();
      throw new Error(lastWords(child, exit));
    });
    return endArgs ? ended : Promise.race([ended, own()]);
  };
  const pids = await untilReady(plan.name, ready, signal);
  // of one that has left its starter, nobody knows how it ends
  const end = (): string => (exit && !endArgs ? lastWords(child, exit) : 'it ended');
  return { plan, version, pids, end };
}

const lastWords = (child: DemoChild, exit: Exit): string => [`it ${describeExit(exit)}`, ...child.tail()].join('\n  ');

/** A command that ends a peer; one that hangs is ended itself, and what it was to end is looked for afterwards. */
async function runToEnd(command: DemoChild): Promise<void> {
  const late = setTimeout(() => void command.stop(0).catch(() => {}), STOP_MS); // its end is awaited here
  await command.exited.finally(() => clearTimeout(late));
}

/** One after another, as each start is work for the machine. One that fails is told, and is nobody else's failure. */
export async function startPeers(scope: Scope, options: PeersOptions): Promise<Peers> {
  const peers: Peers = { running: [], missing: [], failed: [] };
  for (const plan of PEERS) {
    const program = findProgram(plan.programs, options.path);
    if (program === null) {
      peers.missing.push(plan.name);
      continue;
    }
    try {
      peers.running.push(await runPeer(scope, plan, program, options));
    } catch (error) {
      options.signal.throwIfAborted();
      peers.failed.push(`${plan.name}: ${describe(error)}`);
    }
  }
  return peers;
}
