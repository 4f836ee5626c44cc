/**
 * Starts the hand-over helper outside of this process: as a transient unit where systemd runs the daemon, so that it
 * lives outside the daemon's cgroup and is started again when it fails; as a detached process elsewhere. Arguments are
 * lists throughout: no shell sees a path.
 */
import { execFile, spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { DaemonError } from '../../shared/errors/daemon-error.ts';
import { handoverFiles } from './handover-files.ts';
import { HALT_VARIABLE } from './journal.ts';
import type { DaemonJournal } from './journal-format.ts';

export interface HelperStart {
  /** Folder of the bundles. */
  bundles: string;
  /** The updates' folder. */
  folder: string;
  environment: NodeJS.ProcessEnv;
}

const TO_UNIT = ['PATH', 'HOME', 'LANG', 'TZ', 'XDG_RUNTIME_DIR', 'DBUS_SESSION_BUS_ADDRESS'];
/** A channel to whoever started the daemon: it is not there for the helper. */
const NOT_INHERITED = ['NODE_CHANNEL_FD', 'NODE_CHANNEL_SERIALIZATION_MODE', 'NODE_UNIQUE_ID'];
const SYSTEMD_MS = 30_000;

/**
 * What the helper gets of the environment: where it may have to start a daemon itself, everything that this one has. A
 * test's halt only where it is the first helper.
 */
function environmentOf({ environment }: HelperStart, { service, helpers }: DaemonJournal): Record<string, string> {
  const fits = (name: string): boolean => {
    if (name === HALT_VARIABLE) return helpers === 0;
    return service.kind === 'signal' ? !NOT_INHERITED.includes(name) : TO_UNIT.includes(name);
  };
  return Object.fromEntries(
    Object.entries(environment).flatMap(([name, value]) => (value !== undefined && fits(name) ? [[name, value]] : [])),
  );
}

/** systemd puts in variables of its own at `$NAME`, in arguments but not in the program's path. */
function withoutVariables([program = '', ...args]: readonly string[]): string[] {
  return [program, ...args.map((argument) => argument.replaceAll('$', '$$$$'))];
}

/** Throws D4003 where it could not be started; that it watches is to be seen in the journal. */
export async function startHelper(journal: DaemonJournal, start: HelperStart): Promise<void> {
  const { service, id, helpers } = journal;
  const command = [process.execPath, join(start.bundles, 'handover.js'), start.folder];
  const env = environmentOf(start, journal);
  try {
    if (service.kind === 'systemd') {
      const options = [
        ...(service.user ? ['--user'] : []),
        '--quiet',
        '--collect',
        `--unit=daemon-update-${id}-${helpers}`,
        '--description=Hand-over of the host daemon to another version',
        '--property=Restart=on-failure',
        '--property=RestartSec=1',
        ...Object.entries(env).map(([name, value]) => `--setenv=${name}=${value}`),
      ];
      await promisify(execFile)('systemd-run', [...options, '--', ...withoutVariables(command)], {
        timeout: SYSTEMD_MS,
        env: start.environment,
      });
      return;
    }
    const log = openSync(handoverFiles(start.folder).log, 'a', 0o640);
    const [program = '', ...args] = command;
    try {
      const child = spawn(program, args, { detached: true, stdio: ['ignore', log, log], env, cwd: '/' });
      await new Promise<void>((resolve, reject) => {
        child.once('spawn', resolve);
        child.once('error', reject);
      });
      child.unref();
    } finally {
      closeSync(log);
    }
  } catch (cause) {
    throw new DaemonError('D4003', 'the hand-over helper could not be started', { cause });
  }
}
