/**
 * Runs the peers that are installed here. A peer and its agents carry a mark in their environment, so that its own
 * processes are told from its agents, and that nothing of it is left when the scope ends, whatever it does itself.
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { delimiter, dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { DemoChild, describeExit } from '../../src/demo/children.ts';
import { endAgents, findAgents } from '../../src/demo/leftover-agents.ts';
import { describe } from '../../src/shared/errors/daemon-error.ts';
import type { Scope } from '../../src/shared/lifecycle/scope.ts';
import { readProcFile } from '../../src/shared/platform/proc.ts';
import { within } from '../bounded.ts';
import { type BenchAgent, sampleAgents } from '../daemon-config.ts';
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
  /** Its own processes, at least one, without those of the agents. */
  pids: number[];
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

/** Its own processes, as soon as there is one and all its agents run. */
async function ownProcesses({ folder, agents }: PeerPlace, { supervises }: PeerPlan, signal: AbortSignal) {
  for (;;) {
    const found = findAgents(folder, []).map(({ pid }) => pid);
    const own = found.filter((pid) => !isAgent(pid));
    if (own.length > 0 && (!supervises || found.length - own.length === agents.length)) return own;
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
  if (endArgs) await scope.add(() => runToEnd(run(endArgs)));
  const ready = async (until: AbortSignal): Promise<number[]> => {
    const own = (): Promise<number[]> => ownProcesses(place, plan, until);
    const ended = child.exited.then((exit) => {
      if (endArgs && exit.code === 0) return own();
      throw new Error([`it ${describeExit(exit)}`, ...child.tail()].join('\n  '));
    });
    return endArgs ? ended : Promise.race([ended, own()]);
  };
  return { plan, version, pids: await untilReady(plan.name, ready, signal) };
}

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
