/**
 * The composition root: builds the parts, starts them in the order of the design document (3.1.1) and ends them in
 * reverse (3.1.2). The only file that sees every part. Agents run on when the daemon ends.
 */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Config } from '../shared/config/schema.ts';
import { CONTROL_SOCKET, type ControlHandlers } from '../shared/contracts/control.ts';
import type { HostFacts } from '../shared/contracts/jobs.ts';
import { Scope } from '../shared/lifecycle/scope.ts';
import { systemClock } from '../shared/platform/clock.ts';
import { VERSION } from '../shared/version.ts';
import { Agents } from './agents/agents.ts';
import { HEALTH_JOB } from './agents/health-monitor.ts';
import { SystemProcesses } from './agents/launcher.ts';
import type { ReloadPlan } from './agents/reload-plan.ts';
import { ControlServer } from './control/control-server.ts';
import { rollbackInput, targetInput, updateInput } from './control/update-input.ts';
import { Footprint } from './footprint/footprint.ts';
import { ownProcess } from './footprint/own-process.ts';
import { alertEvent } from './link/host-events.ts';
import type { DaemonLog } from './logging/logger.ts';
import { ManagerSide } from './manager-side.ts';
import { COLLECT_JOB, Collection } from './metrics/collection.ts';
import { nodeId } from './node-id.ts';
import { Scheduler } from './schedule/scheduler.ts';
import { Pool } from './threads/pool.ts';
import { Runner } from './threads/runner.ts';
import { Updates } from './update/updates.ts';

export interface DaemonOptions {
  config: Config;
  /** Path of the file that it came from. */
  configFile: string;
  log: DaemonLog['log'];
  /** The configuration in the file's own keys, without secrets. */
  effectiveConfig(config: Config): Promise<object>;
  /** Folder of the bundles that threads are started from. */
  bundles: string;
}

export interface RunningDaemon {
  /** Applies a changed configuration; what cannot be changed while the daemon runs is left as it was. */
  apply(plan: ReloadPlan, next: Config): Promise<void>;
  /** Somebody says that files were replaced: certificates and logs are looked at anew. */
  lookAtFiles(): Promise<void>;
  /** Settles when everything has ended; never throws twice. */
  stop(): Promise<void>;
}

const HOST_FACTS_MS = 5000;

export async function startDaemon(options: DaemonOptions): Promise<RunningDaemon> {
  const scope = new Scope();
  try {
    const parts = await start(options, scope);
    return { ...parts, stop: () => scope.close() };
  } catch (error) {
    await scope.close();
    throw error;
  }
}

async function start(options: DaemonOptions, scope: Scope): Promise<Omit<RunningDaemon, 'stop'>> {
  const { config, configFile, log, bundles } = options;
  let present = config;
  const clock = systemClock;
  const random = Math.random;
  const { workDir } = config.daemon;
  await mkdir(workDir, { recursive: true, mode: 0o750 });
  const id = await nodeId(config.daemon.id, workDir);

  const scheduler = new Scheduler({
    clock,
    random,
    onError: (err, name) => log.error({ event: 'job-failed', job: name, err }, `${name} failed`),
  });
  await scope.add(() => scheduler.close());
  const after = scheduler.after.bind(scheduler);
  const every = scheduler.every.bind(scheduler);
  const footprint = new Footprint({
    mode: config.daemon.footprint,
    process: ownProcess(bundles),
    after,
    clock,
    heartbeatInMs: () => scheduler.dueInMs('heartbeat'),
    log,
  });
  await scope.add(() => footprint.close());
  await footprint.start();
  const threads = { onStarted: () => footprint.threadStarted(), onEnded: () => footprint.threadEnded() };
  const runner = new Runner({
    ...threads,
    onEnding: () => footprint.threadEnding(),
    nextRunInMs: () => Math.min(scheduler.dueInMs(HEALTH_JOB), scheduler.dueInMs(COLLECT_JOB)),
    bundles,
    onOutput: (text) => log.debug({ event: 'thread-output', text }, 'a thread printed something'),
  });
  await scope.add(() => runner.close());
  const pool = new Pool({ ...threads, bundles });
  await scope.add(() => pool.close());

  const host = hostFacts(runner, log);
  let side: ManagerSide | null = null;
  const agents = new Agents({
    config,
    environment: process.env,
    processes: new SystemProcesses(),
    clock,
    random,
    log,
    after,
    every,
    checkHealth: (targets, options) => runner.run('health', targets, options),
    logTasks: pool,
    onChange: () => side?.statesChanged(),
    onAlert: (alert) => {
      side?.statesChanged();
      side?.event(alertEvent(alert));
    },
    onEvent: (event) => side?.event(event),
  });
  await scope.add(() => agents.close());
  await agents.start();

  const updates = new Updates({
    version: VERSION,
    bundles,
    configFile,
    folder: join(workDir, 'updates'),
    config: () => present,
    tasks: pool,
    agents,
    link: () => side?.linkReport ?? { connected: false, busy: false, reason: '' },
    clock,
    after,
    log,
    environment: process.env,
    onResult: () => side?.resultsWaiting(),
  });
  await scope.add(() => updates.close());
  // agents are worth more than updates: whoever asks for one next hears what is wrong
  await updates
    .start()
    .catch((err: unknown) => log.error({ event: 'update-resume', err }, 'updates cannot be taken up'));

  const managerSide = await ManagerSide.open(
    {
      config: () => present,
      nodeId: id,
      agents,
      updates,
      host,
      effectiveConfig: () => options.effectiveConfig(present),
      environment: process.env,
      after,
      every,
      clock,
      random,
      log,
    },
    scope,
  );
  side = managerSide;
  const control = await ControlServer.listen({
    path: join(workDir, CONTROL_SOCKET),
    handlers: controlHandlers(updates, managerSide),
    log,
  });
  await scope.add(() => control.close());
  managerSide.start();

  const collect = (collectors: Config['collectors']): Collection =>
    new Collection({
      collectors,
      run: (tasks, options) => runner.run('collect', tasks, options),
      after,
      clock,
      random,
      onSamples: (samples) => managerSide.report(samples),
      log,
    });
  let collection = collect(config.collectors);
  await scope.add(() => collection.close());
  collection.start();

  const apply = async (plan: ReloadPlan, next: Config): Promise<void> => {
    present = next;
    if (plan.log) log.level = next.daemon.logLevel;
    if (plan.collectors.length > 0) {
      await collection.close();
      collection = collect(next.collectors);
      collection.start();
    }
    // agents do not wait for what the Manager still has to answer
    const applied = await Promise.allSettled([managerSide.apply(plan.link), agents.apply(plan, next)]);
    for (const part of applied) if (part.status === 'rejected') throw part.reason;
  };
  return { apply, lookAtFiles: () => managerSide.lookAtFiles() };
}

function controlHandlers(updates: Updates, side: ManagerSide): ControlHandlers {
  return {
    link: async () => side.view(),
    update: async (input) => updates.request(updateInput(input)),
    updateStatus: () => updates.status(),
    updateAcknowledge: async () => {
      await updates.acknowledge();
      return {};
    },
    backups: async (input) => {
      const { component, agentId } = targetInput(input);
      return updates.backups(component, agentId);
    },
    rollback: async (input) => {
      const { component, agentId, backup } = rollbackInput(input);
      return updates.rollback(component, agentId, backup);
    },
  };
}

/** Null where they cannot be had: the registration then goes without them. */
async function hostFacts(runner: Runner, log: DaemonLog['log']): Promise<HostFacts | null> {
  try {
    return await runner.run('hostFacts', {}, { deadlineMs: HOST_FACTS_MS, lingerMs: 1000 });
  } catch (err) {
    log.warn({ event: 'host-facts', err }, 'facts about the host could not be read');
    return null;
  }
}
