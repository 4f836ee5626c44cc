/**
 * What each verb of the control socket does, over what it needs of the daemon's parts: input checked, the part asked,
 * its answer in the contract's shape. The daemon is looked at by the same functions from its status page.
 */
import type {
  ActionOutcome,
  AgentAction,
  AgentView,
  ConfigOrigin,
  ControlHandlers,
  ControlVerbs,
  LinkView,
  LogLines,
  ShownBackup,
  StatusView,
} from '../../shared/contracts/control.ts';
import type { CheckResult } from '../../shared/contracts/health.ts';
import type { UpdateComponent, UpdateRequest, UpdateStatus } from '../../shared/contracts/update.ts';
import { DaemonError } from '../../shared/errors/daemon-error.ts';
import { eventsInput, flag, freshInput, invalid, logsInput, operateInput, text, usageInput } from './inputs.ts';
import { ControlRefusal } from './refusal.ts';
import { rollbackInput, targetInput, updateInput } from './update-input.ts';

type Output<V extends keyof ControlVerbs> = ControlVerbs[V]['output'];

/** What does not change while the daemon runs. */
export type Identity = Pick<
  StatusView,
  'version' | 'pid' | 'nodeId' | 'hostName' | 'startedMs' | 'configFile' | 'workDir'
> & { logFile: string };

export interface ControlledHost {
  identity: Identity;
  footprint(): StatusView['footprint'];
  rssBytes(): number;
  agents: {
    views(): AgentView[];
    /** The last results, and those of a look now. */
    lastChecks(id: string): { pid: number; results: readonly CheckResult[] };
    checks(id: string): Promise<{ pid: number; results: readonly CheckResult[] }>;
  };
  collection(): { last(): Output<'metrics'>; fresh(): Promise<Output<'metrics'>> };
  link(): LinkView;
  events(reading: ControlVerbs['events']['input'] & { signal?: AbortSignal }): Promise<Output<'events'>>;
  operations: {
    operate(agentId: string, action: AgentAction): Promise<ActionOutcome[]>;
    usage(agentId: string, seconds: number): Output<'usage'>;
    /** `message`: why there is none; empty where there is. */
    agentConfig(agentId: string): Promise<Output<'agentConfig'> & { message: string }>;
    update(request: UpdateRequest): Promise<Output<'update'>>;
    rollback(component: UpdateComponent, agentId: string, backup: string): Promise<Output<'rollback'>>;
  };
  updates: {
    readonly underWay: number;
    status(): Promise<UpdateStatus>;
    acknowledge(): Promise<void>;
    backups(component: UpdateComponent, agentId: string): Promise<ShownBackup[]>;
  };
  agentLines(agentId: string, wanted: { lines: number; cursor: string }): Promise<LogLines>;
  daemonLines(wanted: { lines: number; cursor: string }): Promise<LogLines>;
  /** The configuration file, taken over now; or what is wrong with it. */
  reload(): Promise<{ applied: Output<'reload'> } | { problems: string; code: 'D1001' | 'D1002' }>;
  effectiveConfig(): Promise<object>;
  configOrigins(): Promise<ConfigOrigin[]>;
}

const IN_JOURNAL = 'the daemon logs to its standard output (log_file: "-"): look where that goes, as with journalctl';

export function controlHandlers(host: ControlledHost): ControlHandlers {
  const { identity, agents, operations, updates } = host;
  const requireAgent = (agentId: string): void => {
    if (agents.views().some(({ id }) => id === agentId)) return;
    throw new ControlRefusal('no-agent', `there is no agent ${agentId}`);
  };
  return {
    status: async () => {
      const { logFile: _, ...shown } = identity;
      const { state, sinceMs, reason, address } = host.link();
      return {
        ...shown,
        footprint: host.footprint(),
        rssBytes: host.rssBytes(),
        agents: byStatus(agents.views()),
        link: { state, sinceMs, reason, address },
        lastCollectionMs: host.collection().last().atMs,
        updatesUnderWay: updates.underWay,
      };
    },
    agents: async () => agents.views(),
    operate: async (input) => {
      const { agentId, action } = operateInput(input);
      if (agentId !== '') requireAgent(agentId);
      return operations.operate(agentId, action);
    },
    logs: async (input) => {
      const { agentId, ...wanted } = logsInput(input);
      if (agentId !== '') {
        requireAgent(agentId);
        return host.agentLines(agentId, wanted);
      }
      return identity.logFile === '-' ? invalid(IN_JOURNAL) : host.daemonLines(wanted);
    },
    metrics: async (input) => (flag({ ...input }, 'fresh') ? host.collection().fresh() : host.collection().last()),
    health: async (input) => {
      const { agentId, fresh } = freshInput(input);
      requireAgent(agentId);
      const { pid, results } = fresh ? await agents.checks(agentId) : agents.lastChecks(agentId);
      return { pid, checks: [...results] };
    },
    usage: async (input) => {
      const { agentId, seconds } = usageInput(input);
      requireAgent(agentId);
      return operations.usage(agentId, seconds);
    },
    agentConfig: async (input) => {
      const agentId = text({ ...input }, 'agentId');
      requireAgent(agentId);
      const { text: config, message } = await operations.agentConfig(agentId);
      return message === '' ? { text: config } : invalid(message);
    },
    events: (input, caller) => host.events({ ...eventsInput(input), ...(caller ? { signal: caller.signal } : {}) }),
    reload: async () => {
      const outcome = await host.reload();
      if ('problems' in outcome) throw new DaemonError(outcome.code, outcome.problems.trimEnd());
      return outcome.applied;
    },
    config: async () => ({ effective: await host.effectiveConfig(), origins: await host.configOrigins() }),
    link: async () => host.link(),
    update: async (input) => operations.update(updateInput(input)),
    updateStatus: () => updates.status(),
    updateAcknowledge: async () => {
      await updates.acknowledge();
      return {};
    },
    backups: async (input) => {
      const { component, agentId } = targetInput(input);
      return updates.backups(component, agentId);
    },
    rollback: async (input) => {
      const { component, agentId, backup } = rollbackInput(input);
      return operations.rollback(component, agentId, backup);
    },
  };
}

function byStatus(agents: readonly AgentView[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { status } of agents) counts[status] = (counts[status] ?? 0) + 1;
  return counts;
}
