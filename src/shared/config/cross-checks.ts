/**
 * Checks that look at more than one value. They run even when single values are wrong, on the completed model, and
 * leave alone what has its own error already.
 */
import { join, resolve } from 'node:path';
import { agentPath, type Findings } from './findings.ts';
import { shown } from './formats.ts';
import type { AgentConfig, Config } from './schema.ts';
import { checkStartOrder } from './start-order-checks.ts';
import { quantity } from './values.ts';

/** Longest path of a Unix socket, in bytes: sun_path of 108 with its NUL (unix(7)). */
const MAX_SOCKET_PATH = 107;

const DEFAULTS = 'agent_defaults.restart';

export function crossCheck(config: Config, findings: Findings): void {
  checkHeartbeatSocket(config, findings);
  checkBackoff(findings, DEFAULTS, config.agentDefaults.restart);
  config.agents.forEach((agent, i) => {
    checkBackoff(findings, `${agentPath(findings.places, i)}.restart`, agent.restart);
  });
  checkStartOrder(config.agents, findings);
  checkVerification(config, findings);
  checkServerIdentity(config, findings);
  checkStatusPort(config, findings);
  checkShared(config, findings, 'socket_path', (agent) => agent.socketPath);
  checkShared(config, findings, 'work_dir', (agent) => agent.workDir);
}

function offsetOf(findings: Findings, ...paths: string[]): number | null {
  for (const path of paths) {
    const offset = findings.places.offsets.get(path);
    if (offset !== undefined) return offset;
  }
  return null;
}

function checkHeartbeatSocket(config: Config, findings: Findings): void {
  const keyPath = 'daemon.work_dir';
  const length = Buffer.byteLength(join(config.daemon.workDir, 'heartbeat.sock'));
  if (length <= MAX_SOCKET_PATH || !findings.sound(keyPath)) return;
  const message = `is too long: heartbeat.sock in it has a path of ${length} bytes, a socket's may have ${MAX_SOCKET_PATH}`;
  findings.add({ keyPath, offset: offsetOf(findings, keyPath), message, hint: 'choose a shorter folder' });
}

/** A version that must be well for longer than it may take could never prove itself. The default gives way. */
function checkVerification({ update }: Config, findings: Findings): void {
  const [keyPath, other] = ['update.verify_seconds', 'update.verify_timeout'] as const;
  if (!findings.places.offsets.has(keyPath) || !findings.sound(keyPath, other)) return;
  if (update.verifyMs < update.verifyTimeoutMs) return;
  const [own, limit] = [update.verifyMs, update.verifyTimeoutMs].map((ms) => quantity('duration', ms));
  const message = `verify_seconds (${own}) is not shorter than verify_timeout (${limit})`;
  findings.add({ keyPath, offset: offsetOf(findings, keyPath), message });
}

/** The port takes its certificate from `manager.tls`: without one there it must say that it is plaintext too. */
function checkServerIdentity({ manager, server, daemon }: Config, findings: Findings): void {
  if (!manager.tls.off || server.tls === 'off' || daemon.grpcPort === 0) return;
  const message = 'has no certificate to serve with, since `manager.tls` is off';
  const hint = 'say `off` here too, or `grpc_port: 0`';
  findings.add({ keyPath: 'server.tls', offset: offsetOf(findings, 'server.tls', 'manager.tls'), message, hint });
}

function checkStatusPort({ status, daemon }: Config, findings: Findings): void {
  const keyPath = 'status.listen';
  if (status.listen === '' || !findings.sound(keyPath)) return;
  const port = Number(/\d+$/.exec(status.listen)?.[0]);
  const other = port === daemon.httpPort ? 'http_port' : port === daemon.grpcPort ? 'grpc_port' : null;
  if (other === null) return;
  const message = `port ${port} is that of \`daemon.${other}\` too`;
  findings.add({ keyPath, offset: offsetOf(findings, keyPath), message, hint: 'choose another' });
}

function checkBackoff(findings: Findings, section: string, restart: AgentConfig['restart']): void {
  if (restart.backoffBaseMs <= restart.backoffMaxMs) return;
  const { offsets } = findings.places;
  const origins = ['backoff_base', 'backoff_max'].map((key) =>
    offsets.has(`${section}.${key}`) ? `${section}.${key}` : `${DEFAULTS}.${key}`,
  );
  const own = origins.filter((path) => path.startsWith(`${section}.`) && offsets.has(path));
  // an agent that inherits both is not where the mistake is
  const [keyPath] = own;
  if (keyPath === undefined || !findings.sound(...origins)) return;
  const [base, max] = [restart.backoffBaseMs, restart.backoffMaxMs].map((ms) => quantity('duration', ms));
  const message = `backoff_base (${base}) is longer than backoff_max (${max})`;
  const hint = own.length === 2 ? '' : 'only one of the two is given here';
  findings.add({ keyPath, offset: offsetOf(findings, keyPath), message, hint });
}

/** Two agents in one folder, or on one socket, would take each other's files and heartbeats. */
function checkShared(config: Config, findings: Findings, key: string, pathOf: (agent: AgentConfig) => string): void {
  const first = new Map<string, { id: string; where: string }>();
  if (key === 'socket_path') {
    const where = 'the socket that all agents share; leave the key out';
    first.set(resolve(config.daemon.workDir, 'heartbeat.sock'), { id: '', where });
  }
  config.agents.forEach((agent, i) => {
    const path = pathOf(agent);
    const keyPath = `${agentPath(findings.places, i)}.${key}`;
    if (path === '' || !findings.sound(keyPath)) return;
    const other = first.get(resolve(path));
    const offset = offsetOf(findings, keyPath, agentPath(findings.places, i));
    if (other === undefined) {
      const line = offset === null ? 0 : findings.places.lines.linePos(offset).line;
      first.set(resolve(path), { id: agent.id, where: `that of \`${agent.id || `agents[${i}]`}\`, line ${line}` });
      // the same id twice has been reported, and gives the same default folder
    } else if (agent.id === '' || other.id !== agent.id) {
      findings.add({ keyPath, offset, message: `${shown(path)} is also ${other.where}` });
    }
  });
}
