/**
 * The daemon's command line: arguments, signals, exit code. Signals are taken before anything else is done, since
 * one that comes earlier would end the process as if by plan.
 */
import { dirname, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import type { Config } from '../shared/config/schema.ts';
import type { ConfigOrigin } from '../shared/contracts/control.ts';
import { describe } from '../shared/errors/daemon-error.ts';
import { systemClock } from '../shared/platform/clock.ts';
import { AlreadyRunningError, takePidFile } from '../shared/platform/pid-file.ts';
import { VERSION } from '../shared/version.ts';
import { planReload } from './agents/reload-plan.ts';
import { ConfigSource, type LoadedConfig, type Reloaded } from './config-source.ts';
import { type ReloadOutcome, startDaemon } from './daemon.ts';
import { compile } from './footprint/own-process.ts';
import { refusedEvent, reloadedEvent } from './history/events.ts';
import { closeInheritedDescriptors } from './inherited-descriptors.ts';
import { type DaemonLog, openLog } from './logging/logger.ts';
import { notifySocket } from './service/notify-socket.ts';
import { Service } from './service/service.ts';
import { type ServiceSettings, takeServiceSettings } from './service/settings.ts';

const EXIT = { ok: 0, failed: 1, usage: 2, alreadyRunning: 3, fault: 70 } as const;
/** How long running work may take once the daemon is to end (design document 3.1.2). */
const GRACE_MS = 30_000;
/** How often the configuration file is looked at. */
const LOOK_MS = 3000;

const HELP = `Usage: node daemon.js [--config FILE] [--check]

  --config FILE  configuration (default /etc/daemon/daemon.yaml)
  --check        say what is wrong with the configuration and end: 0 when it can be used,
                 warnings included, 1 otherwise
  --version      print the version
  --help         print this

Signals: SIGTERM, SIGINT end it and leave the agents running (a second one ends it at once);
         SIGHUP opens the log file anew and takes over a changed configuration, as a change of
         the file does by itself.
Exit codes: 0 ended as asked, 1 configuration or start failed, 2 wrong arguments,
            3 another instance runs, 70 internal fault, 128+N second signal N.
`;

type Signal = 'SIGTERM' | 'SIGINT';
const SIGNAL_NUMBERS: Record<Signal, number> = { SIGINT: 2, SIGTERM: 15 };

function fail(text: string, code: number): never {
  process.stderr.write(text.endsWith('\n') ? text : `${text}\n`);
  process.exit(code);
}

function parse(): { config: string; check: boolean } {
  try {
    const { values } = parseArgs({
      options: {
        config: { type: 'string', default: '/etc/daemon/daemon.yaml' },
        check: { type: 'boolean', default: false },
        version: { type: 'boolean', default: false },
        help: { type: 'boolean', default: false },
      },
    });
    if (values.help || values.version) {
      process.stdout.write(values.help ? HELP : `${VERSION}\n`);
      process.exit(EXIT.ok);
    }
    return { config: resolve(values.config), check: values.check };
  } catch (error) {
    return fail(`${describe(error)}\n\n${HELP}`, EXIT.usage);
  }
}

/** What a configuration needs is loaded for this only, and let go with the bundle that it came in. */
async function load(path: string, withHost = false): Promise<LoadedConfig> {
  const { checkHost, loadConfigFile, renderDiagnostics } = await import('../shared/config/load.ts');
  const { config, diagnostics, places } = loadConfigFile(path);
  const all = withHost && config ? [...diagnostics, ...checkHost(config, places)] : diagnostics;
  const problems = all.length > 0 ? renderDiagnostics(all) : '';
  forget('config.js');
  const code = all.find(({ severity }) => severity === 'error')?.code ?? 'D1002';
  return { config, problems, code };
}

async function effective(config: Config): Promise<object> {
  const { effectiveConfig } = await import('../shared/config/load.ts');
  const plain = effectiveConfig(config);
  forget('config.js');
  return plain;
}

async function origins(config: Config, path: string): Promise<ConfigOrigin[]> {
  const { configOrigins } = await import('../shared/config/load.ts');
  const found = configOrigins(config, path);
  forget('config.js');
  return found;
}

/** The configuration to start with; ends the process where there is none, or where it was only to be checked. */
async function firstConfig(path: string, check: boolean): Promise<Config> {
  const { config, problems } = await load(path, check);
  process.stderr.write(problems);
  if (!config) process.exit(EXIT.failed);
  if (check) {
    process.stdout.write(`${path} is valid\n`);
    process.exit(EXIT.ok);
  }
  return config;
}

/**
 * Takes a bundle that has done its work out of the module cache, and off the list of what this one has loaded, so that
 * its memory can be reused: either would keep 0.5 MB with each reload of the configuration.
 */
function forget(bundle: string): void {
  for (const [name, loaded] of Object.entries(require.cache)) {
    if (!name.endsWith(`/${bundle}`)) continue;
    delete require.cache[name];
    module.children = module.children.filter((child) => child !== loaded);
  }
}

function startService({ address, watchdogMs }: ServiceSettings, bundles: string, log: DaemonLog['log']): Service {
  return new Service({ socket: notifySocket(address, bundles, process.env), watchdogMs, clock: systemClock, log });
}

async function main(): Promise<void> {
  let onSignal: (signal: Signal) => void = (signal) => process.exit(128 + SIGNAL_NUMBERS[signal]);
  let onHangUp: () => void = () => {};
  process.on('SIGTERM', () => onSignal('SIGTERM'));
  process.on('SIGINT', () => onSignal('SIGINT'));
  process.on('SIGHUP', () => onHangUp());

  closeInheritedDescriptors();
  compile(false); // until the configuration says otherwise
  const serviceSettings = takeServiceSettings(process.env, process.pid);
  const { config: path, check } = parse();
  const config = await firstConfig(path, check);
  let release: () => void;
  try {
    release = takePidFile(config.daemon.pidFile);
  } catch (error) {
    const already = error instanceof AlreadyRunningError;
    return fail(`the daemon cannot start: ${describe(error)}`, already ? EXIT.alreadyRunning : EXIT.failed);
  }
  let daemonLog: DaemonLog;
  try {
    daemonLog = openLog(config.daemon);
  } catch (error) {
    release();
    return fail(`the log cannot be opened: ${describe(error)}`, EXIT.failed);
  }
  const { log } = daemonLog;
  const fault = (err: unknown): void => {
    log.fatal({ event: 'fault', err }, 'internal fault: the daemon ends, agents run on');
    process.exit(EXIT.fault);
  };
  process.on('uncaughtException', fault);
  process.on('unhandledRejection', fault);
  process.on('exit', release);
  onHangUp = () => {
    try {
      daemonLog.reopen();
      log.info({ event: 'log-reopened' }, 'log file opened anew');
    } catch (err) {
      log.error({ event: 'log-reopened', err }, 'the log file could not be opened anew');
    }
  };

  log.info({ event: 'starting', version: VERSION, pid: process.pid, config: path }, `daemon ${VERSION} starts`);
  const ending = new Promise<Signal>((resolve) => {
    onSignal = (signal) => {
      onSignal = (second) => {
        log.warn({ event: 'stopping', signal: second }, 'second signal: ending at once');
        process.exit(128 + SIGNAL_NUMBERS[second]);
      };
      resolve(signal);
    };
  });
  const bundles = dirname(process.argv[1] ?? '.');
  const service = serviceSettings && startService(serviceSettings, bundles, log);
  const onChange = (): void => service?.changed();
  const notNow = (how: string) => () =>
    Promise.reject(new Error(`the daemon is ${how}: no configuration is taken over`));
  let reloadNow: () => Promise<Reloaded<ReloadOutcome>> = notNow('starting');
  let daemon: Awaited<ReturnType<typeof startDaemon>>;
  try {
    daemon = await startDaemon({
      ...{ config, configFile: path, log, bundles, effectiveConfig: effective, configOrigins: origins, onChange },
      reload: () => reloadNow(),
    });
  } catch (err) {
    log.fatal({ event: 'start-failed', err }, 'the daemon cannot start');
    return fail(`the daemon cannot start: ${describe(err)}`, EXIT.failed);
  }
  log.info({ event: 'started' }, 'daemon started');
  service?.ready(daemon);
  const source = new ConfigSource<ReloadOutcome>({
    path,
    config,
    load,
    onRefused: (problems, code) => {
      log.error({ event: 'reload-refused', code, problems }, 'the changed configuration is invalid and not taken over');
      daemon.record(refusedEvent(problems));
    },
    onReload: async (next, previous) => {
      const plan = planReload(previous, next);
      await daemon.apply(plan, next);
      const { changes, needsRestart } = plan;
      if (needsRestart.length > 0) {
        log.warn({ event: 'reload-incomplete', keys: needsRestart }, 'takes effect when the daemon is started again');
      }
      log.info({ event: 'reloaded', changes }, `configuration taken over, ${changes.length} changes`);
      if (changes.length > 0) daemon.record(reloadedEvent(changes, needsRestart));
      return { changes, needsRestart };
    },
  });
  const reload = (how: () => Promise<unknown>): void => {
    how().catch((err: unknown) =>
      log.error({ event: 'reload-failed', err }, 'the configuration could not be taken over'),
    );
  };
  const reopen = onHangUp;
  reloadNow = () => {
    reopen();
    const anew = (): Promise<Reloaded<ReloadOutcome>> => source.reload().finally(() => daemon.lookAtFiles());
    return service ? service.reloading(anew) : anew();
  };
  onHangUp = () => reload(reloadNow);
  reload(() => source.look());
  const looking = setInterval(() => reload(() => source.look()), LOOK_MS);
  const signal = await ending;
  clearInterval(looking);
  onHangUp = reopen;
  reloadNow = notNow('ending');
  service?.stopping();
  log.info({ event: 'stopping', signal }, `${signal}: the daemon ends, agents run on`);
  const late = setTimeout(() => {
    log.error({ event: 'stop-late' }, `work did not end within ${GRACE_MS / 1000} s, ending without it`);
    process.exit(EXIT.failed);
  }, GRACE_MS);
  try {
    await daemon.stop(signal);
  } catch (err) {
    log.error({ event: 'stop-failed', err }, 'some parts did not end cleanly');
    process.exitCode = EXIT.failed;
  }
  clearTimeout(late);
  log.info({ event: 'stopped' }, 'daemon ended');
  daemonLog.close();
  // whatever handle is left must not keep an ended daemon alive
  process.exit();
}

void main();
