/** An agent's configuration with every default, for tests that care about a few of its fields. */
import type { AgentConfig } from '../../src/shared/config/schema.ts';

export const NO_LIMITS: AgentConfig['limits'] = {
  ...{ openFiles: 0, processes: 0, addressSpaceBytes: 0, coreBytes: null },
  ...{ memoryBytes: 0, memoryHighBytes: 0, cpuPercent: 0, tasks: 0 },
};

export function agentConfig(over: Partial<AgentConfig> & { id: string }): AgentConfig {
  return {
    type: 'custom',
    displayName: '',
    binaryPath: '/opt/agent',
    configFile: '',
    workDir: `/var/lib/agents/${over.id}`,
    socketPath: '',
    enabled: true,
    args: [],
    versionArgs: null,
    env: {},
    user: '',
    group: '',
    after: [],
    limits: NO_LIMITS,
    startMs: 1000,
    stopTimeoutMs: 30_000,
    healthCheck: {
      intervalMs: 30_000,
      heartbeatTimeoutMs: 0,
      cpuThresholdPercent: 0,
      memoryThresholdBytes: 0,
      thresholdDurationMs: 0,
      httpEndpoint: '',
      httpTimeoutMs: 5000,
      failures: 0,
    },
    restart: { policy: 'always', maxRetries: 3, backoffBaseMs: 10_000, backoffMaxMs: 60_000, noRestartExitCodes: [] },
    ...over,
  };
}
