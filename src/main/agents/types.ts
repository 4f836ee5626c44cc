/** What the daemon knows about each type of agent. One entry a type: adding a type is adding an entry. */
import type { AgentType } from '../../shared/contracts/agent.ts';

interface TypeFacts {
  /** Arguments where the configuration gives none. */
  defaultArgs(agent: { configFile: string; workDir: string }): string[];
}

const TYPES: Record<AgentType, TypeFacts> = {
  filebeat: {
    defaultArgs: ({ configFile, workDir }) => [...(configFile ? ['-c', configFile] : []), '-path.home', workDir],
  },
  telegraf: { defaultArgs: ({ configFile }) => (configFile ? ['-config', configFile] : []) },
  node_exporter: { defaultArgs: ({ configFile }) => (configFile ? [`--web.config.file=${configFile}`] : []) },
  custom: { defaultArgs: () => [] },
};

/** `args` of the configuration replace the type's own (design document 5.1). */
export function agentArguments(agent: {
  type: AgentType;
  args: string[] | null;
  configFile: string;
  workDir: string;
}): string[] {
  return agent.args ?? TYPES[agent.type].defaultArgs(agent);
}
