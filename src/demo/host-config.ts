/** The daemon.yaml that the demo writes. Pure. What it does not name has the default of the design document. */
import { join } from 'node:path';

export interface DemoAgent {
  id: string;
  type: 'node_exporter' | 'custom';
  binaryPath: string;
  args: string[];
  /** Empty: not asked. */
  httpEndpoint: string;
  /** Whether it sends heartbeats. */
  sendsHeartbeats: boolean;
}

export interface HostConfig {
  /** Everything of the daemon's goes in here; client.crt, client.key and ca.crt are here. */
  folder: string;
  managerPort: number;
  agents: DemoAgent[];
  fast: boolean;
}

export const FAST_SECONDS = 2;

/** Where the daemon keeps what. */
export const hostPaths = (folder: string) => ({
  config: join(folder, 'daemon.yaml'),
  log: join(folder, 'daemon.log'),
  pidFile: join(folder, 'daemon.pid'),
  workDir: join(folder, 'work'),
});

/** JSON's texts and lists are YAML's too. */
const quoted = (value: string | string[]): string => JSON.stringify(value);

function agentLines(agent: DemoAgent, fast: boolean): string[] {
  const checks = [
    ...(fast ? [`interval: ${FAST_SECONDS}s`] : []),
    ...(agent.sendsHeartbeats ? [] : ['heartbeat_timeout: 0s']),
    ...(agent.httpEndpoint ? [`http_endpoint: ${quoted(agent.httpEndpoint)}`] : []),
  ];
  return [
    `  - id: ${quoted(agent.id)}`,
    `    type: ${agent.type}`,
    `    binary_path: ${quoted(agent.binaryPath)}`,
    `    args: ${quoted(agent.args)}`,
    ...(checks.length > 0 ? ['    health_check:', ...checks.map((line) => `      ${line}`)] : []),
  ];
}

export function renderHostConfig({ folder, managerPort, agents, fast }: HostConfig): string {
  const { log, pidFile, workDir } = hostPaths(folder);
  const collectors = ['cpu', 'memory', 'disk', 'network'];
  return [
    'daemon:',
    '  log_level: debug',
    `  log_file: ${quoted(log)}`,
    `  pid_file: ${quoted(pidFile)}`,
    `  work_dir: ${quoted(workDir)}`,
    '  grpc_port: 0',
    'manager:',
    `  address: 127.0.0.1:${managerPort}`,
    ...(fast ? [`  heartbeat_interval: ${FAST_SECONDS}s`, '  reconnect_interval: 1s'] : []),
    '  tls:',
    `    cert_file: ${quoted(join(folder, 'client.crt'))}`,
    `    key_file: ${quoted(join(folder, 'client.key'))}`,
    `    ca_file: ${quoted(join(folder, 'ca.crt'))}`,
    'agents:',
    ...agents.flatMap((agent) => agentLines(agent, fast)),
    ...(fast ? ['collectors:', ...collectors.flatMap((name) => [`  ${name}:`, `    interval: ${FAST_SECONDS}s`])] : []),
    '',
  ].join('\n');
}
