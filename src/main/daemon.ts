/**
 * The composition root: builds the parts, starts them in the order of the design document (3.1.1) and ends them in
 * reverse (3.1.2). The only file that sees every part. Agents run on when the daemon ends.
 */
import { mkdir } from 'node:fs/promises';
import { hostname } from 'node:os';
import type { Config } from '../shared/config/schema.ts';
import type { HostFacts } from '../shared/contracts/jobs.ts';
import type { Sample } from '../shared/contracts/metrics.ts';
import type { MetricData } from '../shared/gen/manager.ts';
import { Scope } from '../shared/lifecycle/scope.ts';
import { systemClock } from '../shared/platform/clock.ts';
import { VERSION } from '../shared/version.ts';
import { SystemProcesses } from './agents/launcher.ts';
import { AgentSupervisor } from './agents/supervisor.ts';
import { ManagerLink } from './link/manager-link.ts';
import { registration } from './link/node-info.ts';
import { toWireMetric } from './link/wire-values.ts';
import type { DaemonLog } from './logging/logger.ts';
import { Collection } from './metrics/collection.ts';
import { nodeId } from './node-id.ts';
import { Scheduler } from './schedule/scheduler.ts';
import { Runner } from './threads/runner.ts';

export interface DaemonOptions {
  config: Config;
  log: DaemonLog['log'];
  /** Folder of the bundles that threads are started from. */
  bundles: string;
}

export interface RunningDaemon {
  /** Settles when everything has ended; never throws twice. */
  stop(): Promise<void>;
}

const HOST_FACTS_MS = 5000;

export async function startDaemon({ config, log, bundles }: DaemonOptions): Promise<RunningDaemon> {
  const scope = new Scope();
  try {
    await start(config, log, bundles, scope);
  } catch (error) {
    await scope.close();
    throw error;
  }
  return { stop: () => scope.close() };
}

async function start(config: Config, log: DaemonLog['log'], bundles: string, scope: Scope): Promise<void> {
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
  const runner = new Runner({
    bundles,
    onOutput: (text) => log.debug({ event: 'thread-output', text }, 'a thread printed something'),
  });
  await scope.add(() => runner.close());

  let link: ManagerLink | null = null;
  const agents = new AgentSupervisor({
    agents: config.agents,
    workDir,
    environment: process.env,
    processes: new SystemProcesses(),
    clock,
    random,
    log,
    after,
    every,
    onChange: () => link?.statesChanged(),
  });
  await scope.add(() => agents.close());
  await agents.start();

  const host = hostFacts(runner, log);
  link = new ManagerLink({
    manager: config.manager,
    nodeId: id,
    registration: async (ip) => {
      const facts = { nodeId: id, ip, platform: process.platform, arch: process.arch, daemonVersion: VERSION };
      const { request, shortened } = registration({
        ...facts,
        hostname: hostname(),
        agents: agents.list(),
        host: await host,
      });
      if (shortened.length > 0)
        log.warn({ event: 'registration-shortened', fields: shortened }, 'longer than the Manager takes');
      return request;
    },
    agents: () => agents.list(),
    after,
    every,
    clock,
    random,
    log,
  });
  const theLink = link;
  await scope.add(() => theLink.close());
  link.start();

  const collection = new Collection({
    collectors: config.collectors,
    run: (tasks, options) => runner.run('collect', tasks, options),
    after,
    clock,
    random,
    onSamples: (samples) => theLink.report(wireMetrics(samples)),
    log,
  });
  await scope.add(() => collection.close());
  collection.start();
}

function wireMetrics(samples: Sample[]): MetricData[] {
  return samples.map(toWireMetric).filter((metric) => metric !== null);
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
