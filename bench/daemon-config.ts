/**
 * The daemon's configuration while it is measured. Pure. It names where things are and which agents there are;
 * everything else has its default, unless intervals are asked for.
 */
import { join } from 'node:path';
import { CONTROL_SOCKET } from '../src/shared/contracts/control.ts';

export interface BenchAgent {
  id: string;
  /** Program and arguments. */
  command: readonly [string, ...string[]];
  /** Left out: it does. One that does not would be started again after the timeout that is shipped. */
  sendsHeartbeats?: boolean;
}

export interface BenchConfig {
  /** Everything that the daemon writes goes in here. */
  folder: string;
  tlsFolder: string;
  managerPort: number;
  agents: readonly BenchAgent[];
  /** Of heartbeats and of all collectors; null: the defaults. */
  intervalMs: number | null;
  /** Further keys of these sections, as in the file. */
  keys?: { daemon?: Record<string, string>; manager?: Record<string, string> };
}

export const configFile = (folder: string): string => join(folder, 'daemon.yaml');
export const logFile = (folder: string): string => join(folder, 'daemon.log');
const workFolder = (folder: string): string => join(folder, 'work');
export const controlSocket = (folder: string): string => join(workFolder(folder), CONTROL_SOCKET);
/** Where the daemon keeps reports that wait. */
export const reportsFolder = (folder: string): string => join(workFolder(folder), 'reports');

/** Three agents that send a heartbeat as often as the default timeout of 90 s suggests. */
export function sampleAgents(bundles: string, node: string): BenchAgent[] {
  const program = join(bundles, 'sample-agent.js');
  return ['agent-1', 'agent-2', 'agent-3'].map((id) => ({
    id,
    command: [node, program, '--name', id, '--interval', '30s'],
  }));
}

/** JSON, which is YAML too. */
export function renderConfig(options: BenchConfig): string {
  const { folder, tlsFolder, managerPort, agents, intervalMs, keys = {} } = options;
  const interval = intervalMs === null ? {} : { interval: `${intervalMs}ms` };
  const config = {
    daemon: {
      log_file: logFile(folder),
      audit_log_file: '-',
      pid_file: join(folder, 'daemon.pid'),
      work_dir: workFolder(folder),
      ...keys.daemon,
    },
    manager: {
      address: `127.0.0.1:${managerPort}`,
      tls: {
        cert_file: join(tlsFolder, 'client.crt'),
        key_file: join(tlsFolder, 'client.key'),
        ca_file: join(tlsFolder, 'ca.crt'),
      },
      ...(intervalMs === null ? {} : { heartbeat_interval: `${intervalMs}ms` }),
      ...keys.manager,
    },
    agents: agents.map(({ id, command: [binary, ...args], sendsHeartbeats = true }) => ({
      ...{ id, type: 'custom', binary_path: binary, args },
      ...(sendsHeartbeats ? {} : { health_check: { heartbeat_timeout: '0s' } }),
    })),
    ...(intervalMs === null
      ? {}
      : { collectors: { cpu: interval, memory: interval, disk: interval, network: interval } }),
  };
  return `${JSON.stringify(config, null, 2)}\n`;
}
