/**
 * What the daemon knows about each type of agent: one entry a type, data and pure functions only. Adding a type is
 * adding an entry.
 */
import type { AgentType } from '../../shared/contracts/agent.ts';

export interface TypedAgent {
  type: AgentType;
  /** null where the configuration gives none. */
  args: string[] | null;
  configFile: string;
  workDir: string;
}

interface TypeFacts {
  /** Arguments where the configuration gives none. */
  defaultArgs(agent: TypedAgent): string[];
  /** How it is asked for its version and what the answer looks like; null: a program of unknown habits is not run. */
  version: { args: string[]; pattern: RegExp } | null;
  /** Whether it sends heartbeats by nature: then one that never came counts as missing. */
  heartbeats: boolean;
  /** Where it answers over HTTP while it is well, as its arguments have it; empty: nowhere. */
  defaultEndpoint(args: readonly string[]): string;
}

const nowhere = (): string => '';

/** The value of `--name=value` or `--name value`, the last one given. */
function flag(args: readonly string[], name: string): string | undefined {
  const at = args.findLastIndex((arg) => arg === name || arg.startsWith(`${name}=`));
  if (at < 0) return undefined;
  const arg = args[at] ?? '';
  return arg === name ? args[at + 1] : arg.slice(name.length + 1);
}

function nodeExporterEndpoint(args: readonly string[]): string {
  // with a web configuration it may speak TLS or want a password: only the operator knows
  if (flag(args, '--web.config.file') !== undefined) return '';
  const [, host = '', port = ''] = /^(.*):(\d+)$/.exec(flag(args, '--web.listen-address') ?? ':9100') ?? [];
  if (port === '' || port === '0') return '';
  const everywhere = host === '' || host === '0.0.0.0' || host === '[::]';
  return `http://${everywhere ? '127.0.0.1' : host}:${port}${flag(args, '--web.telemetry-path') ?? '/metrics'}`;
}

export const AGENT_TYPE_FACTS: Record<AgentType, TypeFacts> = {
  filebeat: {
    defaultArgs: ({ configFile, workDir }) => [...(configFile ? ['-c', configFile] : []), '-path.home', workDir],
    version: { args: ['version'], pattern: /filebeat version (\S+)/ },
    heartbeats: false,
    defaultEndpoint: nowhere,
  },
  telegraf: {
    defaultArgs: ({ configFile }) => (configFile ? ['-config', configFile] : []),
    version: { args: ['--version'], pattern: /Telegraf (?:v|version )?(\d\S*)/i },
    heartbeats: false,
    defaultEndpoint: nowhere,
  },
  node_exporter: {
    defaultArgs: ({ configFile }) => (configFile ? [`--web.config.file=${configFile}`] : []),
    version: { args: ['--version'], pattern: /node_exporter, version (\S+)/ },
    heartbeats: false,
    defaultEndpoint: nodeExporterEndpoint,
  },
  custom: { defaultArgs: () => [], version: null, heartbeats: true, defaultEndpoint: nowhere },
};

/** `args` of the configuration replace the type's own (design document 5.1). */
export function agentArguments(agent: TypedAgent): string[] {
  return agent.args ?? AGENT_TYPE_FACTS[agent.type].defaultArgs(agent);
}

/** The URL that the agent is asked at: the configured one, or what its type and arguments say. Empty: none. */
export function healthEndpoint(agent: TypedAgent & { healthCheck: { httpEndpoint: string } }): string {
  const configured = agent.healthCheck.httpEndpoint;
  return configured || AGENT_TYPE_FACTS[agent.type].defaultEndpoint(agentArguments(agent));
}
