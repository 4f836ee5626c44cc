/**
 * The composition root: builds the parts, starts them in the order of the design document (3.1.1) and ends them in
 * reverse (3.1.2). The only file that sees every part. Agents run on when the daemon ends.
 */
import { mkdir } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import type { Config } from '../shared/config/schema.ts';
import { CONTROL_SOCKET, type ConfigOrigin, type ControlVerbs } from '../shared/contracts/control.ts';
import { type HostEvent, isForManager } from '../shared/contracts/host-event.ts';
import type { HostFacts } from '../shared/contracts/jobs.ts';
import { describe } from '../shared/errors/daemon-error.ts';
import { Scope } from '../shared/lifecycle/scope.ts';
import { systemClock } from '../shared/platform/clock.ts';
import { scrub } from '../shared/secrets/rules.ts';
import { VERSION } from '../shared/version.ts';
import { AgentGroups } from './agents/agent-groups.ts';
import { Agents } from './agents/agents.ts';
import { HEALTH_JOB } from './agents/health-monitor.ts';
import { SystemProcesses } from './agents/launcher.ts';
import type { ReloadPlan } from './agents/reload-plan.ts';
import type { Reloaded } from './config-source.ts';
import { ControlServer } from './control/control-server.ts';
import { controlHandlers } from './control/handlers.ts';
import { Footprint } from './footprint/footprint.ts';
import { ownProcess } from './footprint/own-process.ts';
import { begunEvent, resultEvent, stoppingEvent } from './history/events.ts';
import { History } from './history/history.ts';
import { alertEvent } from './link/host-events.ts';
import type { DaemonLog } from './logging/logger.ts';
import { ManagerSide } from './manager-side.ts';
import { COLLECT_JOB, Collection } from './metrics/collection.ts';
import { nodeId } from './node-id.ts';
import { Scheduler } from './schedule/scheduler.ts';
import { statusLine } from './service/status-line.ts';
import { StatusPage } from './status/status-page.ts';
import { Pool } from './threads/pool.ts';
import { Runner } from './threads/runner.ts';
import { Updates } from './update/updates.ts';

export type ReloadOutcome = ControlVerbs['reload']['output'];

export interface DaemonOptions {
  config: Config;
  /** Path of the file that it came from. */
  configFile: string;
  log: DaemonLog['log'];
  /** The configuration in the file's own keys, without secrets. */
  effectiveConfig(config: Config): Promise<object>;
  /** Where each value of it comes from. */
  configOrigins(config: Config, path: string): Promise<ConfigOrigin[]>;
  /** Loads the configuration file anew and applies it, as SIGHUP does. */
  reload(): Promise<Reloaded<ReloadOutcome>>;
  /** Folder of the bundles that threads are started from. */
  bundles: string;
  /** How the agents are may be another now. */
  onChange(): void;
}

export interface RunningDaemon {
  /** Applies a changed configuration; what cannot be changed while the daemon runs is left as it was. */
  apply(plan: ReloadPlan, next: Config): Promise<void>;
  /** Somebody says that files were replaced: certificates and logs are looked at anew. */
  lookAtFiles(): Promise<void>;
  /** How it is, in a line. */
  status(): string;
  /** What is latest in the schedule; null where nothing is late. */
  overdue(): { name: string; lateMs: number } | null;
  /** Something happened that the daemon's parts do not see. */
  record(event: HostEvent): void;
  /** Settles when everything has ended; never throws twice. `why`: as it is remembered. */
  stop(why: string): Promise<void>;
}

const HOST_FACTS_MS = 5000;

export async function startDaemon(options: DaemonOptions): Promise<RunningDaemon> {
  const { log } = options;
  const { workDir } = options.config.daemon;
  await mkdir(workDir, { recursive: true, mode: 0o750 });
  const processes = new SystemProcesses(new AgentGroups({ environment: process.env }));
  const history = new History({
    folder: join(workDir, 'history'),
    bootId: processes.bootId,
    wallMs: systemClock.wallMs,
    scrub,
    readStored: async (folder) => (await import('./on-demand.ts')).readStoredEvents(folder),
    log,
  });
  history.started(VERSION, process.pid);
  const scope = new Scope();
  await scope.add(() => history.close());
  const record = (event: HostEvent): void => history.record(event);
  try {
    const parts = await start({ ...options, history, processes }, scope);
    const stop = (why: string): Promise<void> => {
      record(stoppingEvent(why));
      return scope.close();
    };
    return { ...parts, record, stop };
  } catch (error) {
    record(stoppingEvent(`it could not start: ${describe(error)}`));
    await scope.close();
    throw error;
  }
}

interface StartOptions extends DaemonOptions {
  history: History;
  processes: SystemProcesses;
}

async function start(options: StartOptions, scope: Scope): Promise<Omit<RunningDaemon, 'record' | 'stop'>> {
  const { config, configFile, log, bundles, history } = options;
  let present = config;
  const clock = systemClock;
  const random = Math.random;
  const { workDir } = config.daemon;
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
    heartbeatInMs: () => (scheduler.isRunning('heartbeat') ? 0 : scheduler.dueInMs('heartbeat')),
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
  const happened = (event: HostEvent): void => {
    history.record(event);
    if (isForManager(event)) side?.event(event);
  };
  const agents = new Agents({
    config,
    environment: process.env,
    processes: options.processes,
    clock,
    random,
    log,
    after,
    every,
    checkHealth: (targets, options) => runner.run('health', targets, options),
    logTasks: pool,
    onChange: () => {
      side?.statesChanged();
      options.onChange();
    },
    onAlert: (alert) => {
      side?.statesChanged();
      happened(alertEvent(alert));
    },
    onEvent: happened,
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
    onBegun: (begun) => happened(begunEvent(begun)),
    onResult: (result) => {
      happened(resultEvent(result));
      side?.resultsWaiting();
    },
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
      record: (event) => history.record(event),
      onPieceDone: () => footprint.pieceDone(),
      clock,
      random,
      log,
    },
    scope,
  );
  side = managerSide;
  const collect = (collectors: Config['collectors']): Collection =>
    new Collection({
      collectors,
      run: (tasks, options) => runner.run('collect', tasks, options),
      after,
      clock,
      random,
      onSamples: (samples) => {
        managerSide.report(samples);
        statusPage.samples(samples);
      },
      log,
    });
  let collection = collect(config.collectors);
  await scope.add(() => collection.close());
  const { logFile } = config.daemon;
  const handlers = controlHandlers({
    identity: {
      ...{ version: VERSION, pid: process.pid, nodeId: id, hostName: hostname(), configFile, workDir, logFile },
      startedMs: Math.round(Date.now() - process.uptime() * 1000),
    },
    footprint: () => ({ mode: config.daemon.footprint, givesPagesBack: footprint.givesPagesBack }),
    rssBytes: () => process.memoryUsage.rss(),
    agents,
    collection: () => collection,
    link: () => managerSide.view(),
    events: (reading) => history.read(reading),
    operations: managerSide.local,
    updates,
    agentLines: async (agentId, wanted) => (await import('./on-demand.ts')).agentLines(workDir, agentId, wanted),
    daemonLines: async (wanted) => (await import('./on-demand.ts')).daemonLines(logFile, wanted),
    reload: options.reload,
    effectiveConfig: () => options.effectiveConfig(present),
    configOrigins: () => options.configOrigins(present, configFile),
  });
  const control = await ControlServer.listen({ path: join(workDir, CONTROL_SOCKET), handlers, log });
  await scope.add(() => control.close());
  const statusPage = new StatusPage({ sources: handlers, config: () => present, clock, after, log });
  await scope.add(() => statusPage.close());
  await statusPage.apply();
  managerSide.start();
  collection.start();

  const apply = async (plan: ReloadPlan, next: Config): Promise<void> => {
    present = next;
    if (plan.log) log.level = next.daemon.logLevel;
    if (plan.collectors.length > 0) {
      await collection.close();
      collection = collect(next.collectors);
      collection.start();
    }
    await statusPage.apply();
    // agents do not wait for what the Manager still has to answer
    const applied = await Promise.allSettled([managerSide.apply(plan.link), agents.apply(plan, next)]);
    for (const part of applied) if (part.status === 'rejected') throw part.reason;
  };
  const status = (): string => {
    const statuses = agents.list().map((agent) => agent.status);
    return statusLine(statuses, managerSide.view().state);
  };
  return { apply, lookAtFiles: () => managerSide.lookAtFiles(), status, overdue: () => scheduler.overdue() };
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
