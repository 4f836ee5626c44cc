/** What an agent is started with, from its configuration and where the daemon keeps things. Pure. */
import { join } from 'node:path';
import type { AgentConfig } from '../../shared/config/schema.ts';
import type { LaunchSpec } from './launcher.ts';
import { agentArguments } from './types.ts';

export function agentLogFile(daemonWorkDir: string, agentId: string): string {
  return join(daemonWorkDir, 'logs', `${agentId}.log`);
}

export function launchSpec(config: AgentConfig, baseEnv: Record<string, string>, daemonWorkDir: string): LaunchSpec {
  const { id, binaryPath, configFile, workDir, env, user, group, limits, stopTimeoutMs } = config;
  return {
    agentId: id,
    owner: daemonWorkDir,
    program: binaryPath,
    args: agentArguments(config),
    env: { ...baseEnv, ...env },
    configFile,
    workDir,
    logFile: agentLogFile(daemonWorkDir, id),
    lockFile: join(daemonWorkDir, 'locks', `${id}.lock`),
    user,
    group,
    limits,
    stopTimeoutMs,
  };
}
