/** How verbs find the daemon's socket, and the agents that it knows. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from 'commander';
import { type AgentView, CONTROL_SOCKET } from '../shared/contracts/control.ts';
import { askShown } from './client.ts';
import { NoAgentError } from './exit.ts';

export const DEFAULT_CONFIG = '/etc/daemon/daemon.yaml';
const DEFAULT_SOCKET = '/var/lib/daemon/control.sock';

export interface Reach {
  socket?: string;
  config?: string;
  json?: true;
}

/** The options of every verb that asks the daemon. */
export function locating(command: Command): Command {
  return command
    .option('--socket <path>', `the daemon's control socket (default: ${DEFAULT_SOCKET})`)
    .option('--config <file>', 'configuration of the daemon, whose work_dir has the socket');
}

/** Those, and that of every verb that answers. */
export function reaching(command: Command): Command {
  return locating(command).option('--json', 'print JSON');
}

/** The configuration is loaded only where it is needed. */
export async function socketOf({ socket, config }: Reach): Promise<string> {
  if (socket !== undefined) return socket;
  if (config !== undefined) return socketBy(config);
  const elsewhere = !existsSync(DEFAULT_SOCKET) && existsSync(DEFAULT_CONFIG);
  return elsewhere ? socketBy(DEFAULT_CONFIG).catch(() => DEFAULT_SOCKET) : DEFAULT_SOCKET;
}

/** The daemon runs on with what it had when the file became invalid: that must not keep it from being asked. */
async function socketBy(path: string): Promise<string> {
  const { loadConfigFile, renderDiagnostics } = await import('../shared/config/load.ts');
  const { config, diagnostics, places } = loadConfigFile(path);
  if (config) return join(config.daemon.workDir, CONTROL_SOCKET);
  const workDir = scalarAt(places.text, places.offsets.get('daemon.work_dir'));
  if (workDir !== null) return join(workDir, CONTROL_SOCKET);
  const errors = diagnostics.filter(({ severity }) => severity === 'error');
  throw new Error(`the socket cannot be told from ${path}; give --socket, or mend it:\n${renderDiagnostics(errors)}`);
}

/** A plain or quoted value of one line in YAML; null where there is none. */
function scalarAt(text: string, offset: number | undefined): string | null {
  if (offset === undefined) return null;
  const [, double, single, plain] = /^(?:"([^"\\\n]*)"|'([^'\n]*)'|([^\s"'#,}]+))/.exec(text.slice(offset)) ?? [];
  return double ?? single ?? plain ?? null;
}

/** Throws a NoAgentError that names those that there are. */
export function requireAgents(known: readonly AgentView[], ids: readonly string[]): void {
  const missing = ids.find((id) => !known.some((agent) => agent.id === id));
  if (missing === undefined) return;
  const names = known.map(({ id }) => id).join(', ');
  throw new NoAgentError(`there is no agent ${missing}; ${names === '' ? 'there are none' : `there are ${names}`}`);
}

/** The same, asking the daemon. */
export async function requireAgent(socket: string, id: string): Promise<void> {
  requireAgents(await askShown(socket, 'agents', {}), [id]);
}
