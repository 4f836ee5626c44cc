/**
 * The steps of an agent's update: each takes the journal that says it is to be taken, does it, and gives the journal
 * of the next. Each can be taken again after a crash in the middle of it. What is decided (where to go after a failure,
 * whether the new version has proven itself) is decided elsewhere, in pure functions.
 */
import { link, lstat, realpath, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { Config } from '../../shared/config/schema.ts';
import type { AgentSnapshot } from '../../shared/contracts/agent.ts';
import type { CheckResult } from '../../shared/contracts/health.ts';
import type { UpdateRequest } from '../../shared/contracts/update.ts';
import { DaemonError } from '../../shared/errors/daemon-error.ts';
import type { Clock } from '../../shared/platform/clock.ts';
import { fsyncFolder, unlessAbsent } from '../../shared/platform/files.ts';
import { judgeAgent, openGate } from './agent-gate.ts';
import type { Backups } from './backups.ts';
import type { AgentJournal, ProcessName } from './journal-format.ts';
import { type Obtain, type UpdateTasks, unpackLimits, verifyMsOf } from './obtain.ts';
import { programIn } from './program-in.ts';
import { isSameVersion } from './versions.ts';

/** What an update needs of the agents. */
export interface UpdatableAgents {
  find(id: string): {
    config: Config['agents'][number];
    snapshot: AgentSnapshot;
    process: ProcessName | null;
    wanted: boolean;
  } | null;
  checks(id: string): Promise<{ pid: number; results: readonly CheckResult[] }>;
  startAgent(id: string): Promise<void>;
  stopAgent(id: string, reason: string): Promise<void>;
  /** Null: there is no way to ask. */
  versionOf(id: string, program: string): Promise<string | null>;
}

export interface AgentUpdateDeps {
  agents: UpdatableAgents;
  tasks: UpdateTasks;
  backups: Backups;
  update: Config['update'];
  clock: Clock;
  signal: AbortSignal;
  /** Brings the package and checks it; absent where the update goes on after a restart, or is a manual rollback. */
  obtain: Obtain | null;
  /** Waits; rejects when the daemon ends. */
  wait(delayMs: number): Promise<void>;
}

const TASK_MS = 30 * 60_000;
const RESERVE_BYTES = 1024 * 1024;
const GATE_INTERVAL_MS = 1000;
/** How long an agent may be in between before its update goes on all the same. */
const SETTLE_MS = 10_000;

/** The files of an update beside the program that it replaces: hidden, and named for it. */
export function besideTarget(target: string, id: string): { staged: string; former: string } {
  const beside = (what: string): string => join(dirname(target), `.${basename(target)}.${id}.${what}`);
  return { staged: beside('new'), former: beside('former') };
}

export async function takeAgentStep(journal: AgentJournal, deps: AgentUpdateDeps): Promise<AgentJournal> {
  switch (journal.step) {
    case 'accepted':
      return { ...journal, step: 'downloading' };
    case 'downloading':
      await deps.obtain?.fetch();
      return { ...journal, step: 'verifying' };
    case 'verifying': {
      const verified = await deps.obtain?.verify();
      return { ...journal, step: 'staging', sha256: verified?.sha256 ?? journal.sha256 };
    }
    case 'staging':
      return stage(journal, deps);
    case 'backing-up':
      return backUp(journal, deps);
    case 'stopping':
      await deps.agents.stopAgent(journal.agentId, `it is being updated to ${journal.newVersion}`);
      return { ...journal, step: 'switching', switched: true };
    case 'switching':
      await putInPlace(journal.staged, journal.target);
      return { ...journal, step: journal.wanted ? 'starting' : 'committed' };
    case 'starting':
      if (await isOff(journal, deps)) return { ...journal, step: 'committed' };
      await deps.agents.startAgent(journal.agentId);
      return { ...journal, step: 'proving' };
    case 'proving':
      await prove(journal, deps);
      return { ...journal, step: 'committed' };
    case 'restoring':
      await restore(journal, deps);
      return { ...journal, step: 'restarting-old' };
    case 'restarting-old':
      // an agent that the configuration has lost meanwhile needs no start
      if (journal.wanted && deps.agents.find(journal.agentId)?.config.enabled)
        await deps.agents.startAgent(journal.agentId);
      return { ...journal, step: 'rolled-back' };
    case 'committed':
    case 'rolled-back':
    case 'abandoned':
      return journal;
  }
}

/** Puts the new program beside the old one, with its mode and owner, and runs it once. */
async function stage(journal: AgentJournal, deps: AgentUpdateDeps): Promise<AgentJournal> {
  const { agents, tasks, update, signal } = deps;
  const { agentId, target, staged, package: path } = journal;
  const options = { deadlineMs: TASK_MS, signal };
  const form = await tasks.run('inspect', { path }, options);
  if (form.form === 'program' && form.arch !== null && form.arch !== process.arch) {
    throw new DaemonError('D4002', `the program is for ${form.arch}, this host is ${process.arch} (check: arch)`);
  }
  let program = path;
  let sha256 = journal.sha256;
  if (form.form === 'tar.gz') {
    const folder = `${path}.unpacked`;
    const limits = unpackLimits(update);
    await tasks.run('unpack', { archive: path, sha256, to: folder, limits, reserveBytes: RESERVE_BYTES }, options);
    program = await programIn(folder, basename(target));
    sha256 = '';
  }
  const { mode, uid, gid } = await stat(target);
  await rm(staged, { force: true });
  const input = { from: program, to: staged, mode: mode & 0o777, uid, gid, sha256, reserveBytes: RESERVE_BYTES };
  await tasks.run('place', input, options);
  const { sha256: newSha256 } = await tasks.run('hashKept', { path: staged }, options);
  await requireVersion(agents, agentId, staged, journal.newVersion);
  return { ...journal, step: 'backing-up', newSha256 };
}

/** What does not run here, or is another version than it was said to be, shows before anything is touched. */
async function requireVersion(agents: UpdatableAgents, id: string, program: string, wanted: string): Promise<void> {
  let told: string | null;
  try {
    told = await agents.versionOf(id, program);
  } catch (cause) {
    throw new DaemonError('D4002', 'the new program does not run on this host (check: program)', { cause });
  }
  if (told === null) return; // a program that nobody knows how to ask: its health is what counts
  if (told === '' && wanted !== '')
    throw new DaemonError('D4002', 'the new program does not tell its version (check: program)');
  if (wanted !== '' && !isSameVersion(told, wanted)) {
    throw new DaemonError('D4002', `the new program says that it is ${told}, not ${wanted} (check: version)`);
  }
}

async function backUp(journal: AgentJournal, deps: AgentUpdateDeps): Promise<AgentJournal> {
  const { agents, backups, tasks, clock, signal } = deps;
  const { agentId, target, former } = journal;
  const found = await settled(agentId, deps);
  const { results } = await agents.checks(agentId);
  if (!found) throw new DaemonError('D4003', `agent ${agentId} is no longer configured`);
  const { status } = found.snapshot;
  // one that has a process, and is kept from counting as started by a check that fails, runs as well
  const ran = status === 'running' || (status === 'starting' && results.some(failing));
  const ill = results.filter(failing).map(({ check }) => check);
  const well = results.filter(({ state }) => state === 'ok').map(({ check }) => check);
  const about = { component: 'agent', agentId, version: journal.oldVersion, createdMs: clock.wallMs() } as const;
  const kept = await backups.keep(target, { ...about, good: ran && !results.some(failing) }, signal);
  await rm(former, { force: true });
  await secondName(target, former, kept.sha256, tasks, signal);
  // one that was stopped, by whomever, stays so; one that failed is to run: the new version may be what mends it
  const wanted = found.wanted && found.config.enabled && status !== 'stopped';
  const present = { wanted, ran, ill, well, backup: kept.path };
  return { ...journal, ...present, oldSha256: kept.sha256, step: 'stopping' };
}

/** How it is once it is neither starting nor ending, or after a while all the same. */
async function settled(
  id: string,
  { agents, clock, wait }: AgentUpdateDeps,
): Promise<ReturnType<UpdatableAgents['find']>> {
  const limitMs = (agents.find(id)?.config.startMs ?? 0) + SETTLE_MS;
  for (const until = clock.nowMs() + limitMs; ; await wait(GATE_INTERVAL_MS)) {
    const found = agents.find(id);
    const moving = found?.snapshot.status === 'starting' || found?.snapshot.status === 'stopping';
    if (!moving || clock.nowMs() >= until) return found;
  }
}

const failing = ({ state }: CheckResult): boolean => state === 'failing';

/** What going back needs: there, checked and on the same file system before anything is touched. */
async function secondName(
  target: string,
  former: string,
  sha256: string,
  tasks: UpdateTasks,
  signal: AbortSignal,
): Promise<void> {
  try {
    await link(target, former);
    await fsyncFolder(dirname(former));
  } catch {
    // a file system without hard links: a copy does as well, and says why where that fails too
    const { mode, uid, gid } = await stat(target);
    const input = { from: target, to: former, mode: mode & 0o7777, uid, gid, sha256, reserveBytes: RESERVE_BYTES };
    await tasks.run('place', input, { deadlineMs: TASK_MS, signal });
  }
}

async function exists(path: string): Promise<boolean> {
  return (await unlessAbsent(lstat(path), null)) !== null;
}

async function putInPlace(from: string, target: string): Promise<void> {
  try {
    await rename(from, target);
    await fsyncFolder(dirname(target));
  } catch (cause) {
    throw new DaemonError('D4003', `${target} could not be replaced`, { cause });
  }
}

/** Whether the configuration has switched it off meanwhile. Throws D4003 where it is another program's agent by now. */
async function isOff({ agentId, target }: AgentJournal, { agents }: AgentUpdateDeps): Promise<boolean> {
  const config = agents.find(agentId)?.config;
  if (!config) throw new DaemonError('D4003', `agent ${agentId} is no longer configured`);
  if ((await realpath(config.binaryPath).catch(() => '')) !== target) {
    throw new DaemonError('D4003', `agent ${agentId} now has the program ${config.binaryPath} and not ${target}`);
  }
  return !config.enabled;
}

async function prove(journal: AgentJournal, deps: AgentUpdateDeps): Promise<void> {
  const { agents, update, clock, wait } = deps;
  const { agentId, target, newVersion, ran, ill, well = [] } = journal;
  const { verifyTimeoutMs } = update;
  const verifyMs = verifyMsOf(update);
  await requireVersion(agents, agentId, target, newVersion);
  let memory = openGate(clock.nowMs());
  let begunWith: Config['agents'][number] | null = null;
  for (;;) {
    if (await isOff(journal, deps)) return;
    // one look that fails says nothing of the version
    const { pid, results } = await agents.checks(agentId).catch(() => ({ pid: 0, results: [] }));
    const found = agents.find(agentId);
    if (!found) throw new DaemonError('D4003', `agent ${agentId} is no longer configured`);
    const { snapshot, config } = found;
    // replaced because its configuration changed: it begins anew
    if (memory.pid !== 0 && snapshot.pid !== memory.pid && config !== begunWith)
      memory = { ...memory, pid: 0, goodSinceMs: null };
    if (memory.pid === 0) begunWith = config;
    const checks = pid === snapshot.pid ? results : [];
    const { status, reason } = snapshot;
    const facts = { nowMs: clock.nowMs(), status, reason, pid: snapshot.pid, checks };
    const verdict = judgeAgent(memory, facts, { verifyMs, verifyTimeoutMs, ran, ill, well });
    if (verdict.kind === 'proven') return;
    if (verdict.kind === 'failed') {
      throw new DaemonError('D4003', `version ${newVersion} of agent ${agentId} is no good: ${verdict.reason}`);
    }
    memory = verdict.memory;
    await wait(GATE_INTERVAL_MS);
  }
}

/** The old program is what `target` is afterwards. Neither room nor network is needed, but where somebody cleared up. */
async function restore(journal: AgentJournal, { agents, tasks, signal }: AgentUpdateDeps): Promise<void> {
  const { agentId, target, former, staged, backup, oldSha256 } = journal;
  // where going back fails, this is what its state says for good
  const reason = `${journal.newVersion || 'its new program'} is taken back`;
  if (agents.find(agentId)) await agents.stopAgent(agentId, reason);
  if (await exists(former)) return putInPlace(former, target);
  const options = { deadlineMs: TASK_MS, signal };
  if ((await exists(target)) && (await tasks.run('hashKept', { path: target }, options)).sha256 === oldSha256) return;
  const { mode, uid, gid } = await stat(backup);
  await rm(staged, { force: true });
  const input = { from: backup, to: staged, mode: mode & 0o777, uid, gid, sha256: oldSha256, reserveBytes: 0 };
  await tasks.run('place', input, options);
  await putInPlace(staged, target);
}

/** What the request and the agent say of an update before its first step. */
export function agentJournal(
  request: Pick<UpdateRequest, 'agentId' | 'version'>,
  facts: { id: string; startedMs: number; oldVersion: string; target: string; package: string; sha256: string },
): AgentJournal {
  const { id, startedMs, oldVersion, target, sha256 } = facts;
  const { staged, former } = besideTarget(target, id);
  return {
    format: 1,
    kind: 'agent',
    step: 'accepted',
    id,
    startedMs,
    agentId: request.agentId,
    oldVersion,
    newVersion: request.version,
    sha256,
    package: facts.package,
    temporary: [facts.package, `${facts.package}.unpacked`, staged, former],
    backup: '',
    failure: null,
    target,
    staged,
    former,
    oldSha256: '',
    newSha256: '',
    switched: false,
    wanted: false,
    ran: false,
    ill: [],
    well: [],
  };
}
