/**
 * What a changed configuration means for a daemon that runs. Pure: two configurations in, a plan out. Agents are
 * restarted only where their process would be another one; what cannot change while the daemon runs is named.
 */
import type { AgentConfig, Config } from '../../shared/config/schema.ts';
import { isSecretName, SECRET, scrub, scrubArgs } from '../../shared/secrets/rules.ts';
import { agentArguments } from './types.ts';

export interface ReloadPlan {
  /** Ids of agents; none stands in two of them. `update`: applied without touching the process. */
  agents: Record<'add' | 'remove' | 'start' | 'stop' | 'restart' | 'update', string[]>;
  /** Names of collectors that differ. */
  collectors: string[];
  /** The link is to be made anew. */
  link: boolean;
  log: boolean;
  /** Key paths whose change takes effect only when the daemon is started again. */
  needsRestart: string[];
  /** A line a changed key path: `agents[a].args: ["x"] → ["y"]`. Neither values of `env` nor secrets are in it. */
  changes: string[];
}

const MAX_TEXT = 120;
/** Of section `daemon`: what is taken over as it is. */
const LIVE_DAEMON_KEYS = new Set([
  ...['logLevel', 'agentLogMaxBytes', 'agentLogMaxFiles', 'agentLogMaxAgeMs'],
  ...['labels', 'advertiseAddress'],
]);
/** Of section `manager`: what is taken over without a new connection. */
const QUEUE_BOUNDS = { queueMaxBytes: 0, queueMaxAgeMs: 0 };

type Data = Record<string, unknown>;

function isData(value: unknown): value is Data {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function text(path: string, value: unknown): string {
  if (value === undefined) return 'nothing';
  const shown = /args$/i.test(path) && Array.isArray(value) ? scrubArgs(value.map(String)) : value;
  // the id of an agent says nothing of a value
  const whole = isSecretName(path.replace(/\[[^\]]*\]/g, '')) ? SECRET : scrub(JSON.stringify(shown));
  return whole.length > MAX_TEXT ? `${whole.slice(0, MAX_TEXT)}…` : whole;
}

/** Lists of things with an id are compared by id, so that their order means nothing. */
function byId(list: readonly unknown[]): Map<string, unknown> | null {
  if (!list.every((item) => isData(item) && typeof item['id'] === 'string')) return null;
  return new Map(list.map((item) => [(item as { id: string }).id, item]));
}

function differences(path: string, old: unknown, next: unknown): string[] {
  if (isData(old) && isData(next)) {
    const keys = new Set([...Object.keys(old), ...Object.keys(next)]);
    const secret = path === 'env' || path.endsWith('.env');
    return [...keys].flatMap((key) => {
      const at = path ? `${path}.${key}` : key;
      if (!secret) return differences(at, old[key], next[key]);
      return old[key] === next[key] ? [] : [`${at}: changed`];
    });
  }
  const [before, after] = [Array.isArray(old) ? byId(old) : null, Array.isArray(next) ? byId(next) : null];
  if (before && after && before.size + after.size > 0) {
    return [...new Set([...before.keys(), ...after.keys()])].flatMap((id) => {
      const at = `${path}[${id}]`;
      if (!before.has(id)) return [`${at}: new`];
      return after.has(id) ? differences(at, before.get(id), after.get(id)) : [`${at}: gone`];
    });
  }
  return JSON.stringify(old) === JSON.stringify(next) ? [] : [`${path}: ${text(path, old)} → ${text(path, next)}`];
}

/** What the process of an agent is made of: where this differs, it would be another process. */
function processOf(agent: AgentConfig): unknown {
  const { binaryPath, configFile, workDir, socketPath, env, user, group, limits } = agent;
  const variables = Object.entries(env).sort(([a], [b]) => a.localeCompare(b));
  return [binaryPath, agentArguments(agent), configFile, workDir, socketPath, variables, user, group, limits];
}

function agentLists(old: readonly AgentConfig[], next: readonly AgentConfig[]): ReloadPlan['agents'] {
  const lists: ReloadPlan['agents'] = { add: [], remove: [], start: [], stop: [], restart: [], update: [] };
  const before = new Map(old.map((agent) => [agent.id, agent]));
  for (const agent of next) {
    const was = before.get(agent.id);
    before.delete(agent.id);
    if (!was) lists.add.push(agent.id);
    else if (was.enabled !== agent.enabled) lists[agent.enabled ? 'start' : 'stop'].push(agent.id);
    else if (differences('', was, agent).length > 0) {
      const another = JSON.stringify(processOf(was)) !== JSON.stringify(processOf(agent));
      lists[another && agent.enabled ? 'restart' : 'update'].push(agent.id);
    }
  }
  lists.remove.push(...before.keys());
  return lists;
}

export function planReload(old: Config, next: Config): ReloadPlan {
  const { plugins: oldPlugins, ...oldBuiltIn } = old.collectors;
  const { plugins: nextPlugins, ...nextBuiltIn } = next.collectors;
  const collectors = {
    before: { ...oldBuiltIn, ...oldPlugins } as Data,
    after: { ...nextBuiltIn, ...nextPlugins } as Data,
  };
  const names = new Set([...Object.keys(collectors.before), ...Object.keys(collectors.after)]);
  const daemonKeys = Object.keys(next.daemon).filter((key) => {
    const name = key as keyof Config['daemon'];
    return JSON.stringify(old.daemon[name]) !== JSON.stringify(next.daemon[name]);
  });
  return {
    agents: agentLists(old.agents, next.agents),
    collectors: [...names].filter(
      (name) => differences('', collectors.before[name], collectors.after[name]).length > 0,
    ),
    link: differences('', { ...old.manager, ...QUEUE_BOUNDS }, { ...next.manager, ...QUEUE_BOUNDS }).length > 0,
    log: daemonKeys.includes('logLevel'),
    needsRestart: [
      ...daemonKeys.filter((key) => !LIVE_DAEMON_KEYS.has(key)).map((key) => `daemon.${key}`),
      ...(old.server.tls === next.server.tls ? [] : ['server.tls']),
    ],
    changes: differences('', old, next).map((line) => line.replace(/^\./, '')),
  };
}
