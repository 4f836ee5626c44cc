/** The daemon of a release that is installed into a folder, run from there. */
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { stringify } from 'yaml';
import { isAlive, readStat } from '../../src/shared/platform/proc.ts';
import { sampleAgent } from './daemon-process.ts';
import { killProcessesWith, processesWith } from './processes.ts';
import { ReleaseRoot, Supervisor } from './release-root.ts';
import { waitFor } from './wait-until.ts';

export interface InstalledDaemon {
  /** Pids of its live agents. */
  agents(): number[];
  supervisor: Supervisor;
}

/**
 * Inside a test: with one agent, by somebody who starts it again whenever it ends. `over`: sections of the configuration
 * that are others; there is no Manager unless one is given.
 */
export async function runInstalled(root: string, over: Record<string, unknown> = {}): Promise<InstalledDaemon> {
  const below = (path: string): string => join(root, path);
  const config = {
    daemon: {
      log_file: below('var/log/daemon/daemon.log'),
      audit_log_file: below('var/log/daemon/audit.log'),
      pid_file: below('var/lib/daemon/daemon.pid'),
      work_dir: below('var/lib/daemon'),
      grpc_port: 0,
    },
    manager: { address: '127.0.0.1:1', tls: 'off' },
    agents: [sampleAgent('one')],
    update: {
      download_dir: below('var/lib/daemon/downloads'),
      backup_dir: below('var/lib/daemon/backups'),
      public_key_file: below('etc/daemon/keys/update.pub'),
      verify_seconds: '1s',
      verify_timeout: '30s',
    },
    ...over,
  };
  writeFileSync(below('etc/daemon/daemon.yaml'), stringify(config));
  const supervisor = new Supervisor(new ReleaseRoot(below('opt/daemon')), below('etc/daemon/daemon.yaml'));
  onTestFinished(async () => {
    await supervisor.stop('SIGKILL');
    killProcessesWith(root);
  });
  supervisor.start();
  const agents = (): number[] =>
    processesWith(`DAEMON_AGENT_OWNER=${config.daemon.work_dir}`).filter((pid) => isAlive(readStat(pid)));
  await waitFor(() => agents().length > 0 && existsSync(below('var/lib/daemon/control.sock')), {
    what: 'the daemon and its agent',
    timeoutMs: 20_000,
  });
  return { agents, supervisor };
}
