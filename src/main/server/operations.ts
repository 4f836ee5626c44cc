/**
 * What the Manager may ask of this host, whichever way it comes in: one dispatcher for every way. A request that is
 * wrong in itself is a StatusError; one that could not be carried out is an answer that says so.
 */
import { status } from '@grpc/grpc-js';
import type { AgentSnapshot } from '../../shared/contracts/agent.ts';
import type {
  AgentMetricsRequest,
  AgentMetricsResponse,
  AgentOperationRequest,
  AgentOperationResponse,
  ConfigRequest,
  ConfigResponse,
  ListAgentsResponse,
  UpdateRequest,
  UpdateResponse,
} from '../../shared/gen/daemon.ts';
import { type Clock, systemClock } from '../../shared/platform/clock.ts';
import { AgentOperator, type Asker, checkOperation, type OperableAgents } from './agent-operations.ts';
import { agentInfo, dataPoint, type UsagePoint } from './agent-views.ts';
import { agentConfig, daemonConfig } from './config-view.ts';
import { agentOf, type PushUpdateOptions, pushUpdate } from './push-update.ts';
import { StatusError } from './status-error.ts';

export interface OperationsOptions extends Omit<PushUpdateOptions, 'agentIds'> {
  /** As which nodes the Manager may know this host. */
  nodeIds(): readonly string[];
  agents: OperableAgents & {
    list(): AgentSnapshot[];
    usage(id: string, seconds: number): UsagePoint[];
    find(id: string): { config: { configFile: string } } | null;
  };
  /** Whether an update acts on the agent now. */
  isUpdating(agentId: string): boolean;
  /** In the file's own keys, without secrets. */
  effectiveConfig(): Promise<object>;
  /** Default: the system's. */
  clock?: Clock;
}

/** What GetAgentMetrics gives where nobody says how much. */
const HOUR_SECONDS = 3600;

export class Operations {
  readonly #options: OperationsOptions;
  readonly #operator: AgentOperator;

  constructor(options: OperationsOptions) {
    this.#options = options;
    this.#operator = new AgentOperator(options.agents, options.clock ?? systemClock);
  }

  listAgents(): ListAgentsResponse {
    return { agents: this.#options.agents.list().map(agentInfo) };
  }

  /** `gone`: whether nobody waits for the answer any more. `asker`: the Manager, unless another is named. */
  async operateAgent(
    { agentId, operation }: AgentOperationRequest,
    gone?: () => boolean,
    asker?: Asker,
  ): Promise<AgentOperationResponse> {
    const checked = checkOperation(agentId, operation, this.#ids());
    if (this.#options.isUpdating(agentId)) {
      return { success: false, errorMessage: `agent ${agentId} is being updated: ask again after it` };
    }
    return this.#operator.operate(agentId, checked, gone, asker);
  }

  agentMetrics({ agentId, durationSeconds }: AgentMetricsRequest): AgentMetricsResponse {
    if (agentId === '') throw new StatusError(status.INVALID_ARGUMENT, 'agent_id is empty');
    if (!this.#ids().includes(agentId)) throw new StatusError(status.NOT_FOUND, `there is no agent ${agentId}`);
    if (durationSeconds < 0) throw new StatusError(status.INVALID_ARGUMENT, 'duration_seconds is below 0');
    const points = this.#options.agents.usage(agentId, durationSeconds || HOUR_SECONDS);
    return { agentId, dataPoints: points.map(dataPoint) };
  }

  async config({ nodeId, configType, agentId }: ConfigRequest): Promise<ConfigResponse> {
    this.#requireThisNode(nodeId);
    if (configType === 'daemon') return daemonConfig(await this.#options.effectiveConfig());
    if (configType !== 'agent') {
      throw new StatusError(status.INVALID_ARGUMENT, 'config_type is neither daemon nor agent');
    }
    const id = agentOf('agent', agentId, this.#ids());
    return agentConfig(id, this.#options.agents.find(id)?.config.configFile ?? '');
  }

  pushUpdate(request: UpdateRequest): Promise<UpdateResponse> {
    this.#requireThisNode(request.nodeId);
    return pushUpdate(request, { ...this.#options, agentIds: () => this.#ids() });
  }

  #ids(): string[] {
    return this.#options.agents.list().map(({ id }) => id);
  }

  #requireThisNode(nodeId: string): void {
    const own = this.#options.nodeIds();
    if (nodeId === '' || own.includes(nodeId)) return;
    throw new StatusError(status.INVALID_ARGUMENT, `this is node ${own[0]}, not ${nodeId}`);
  }
}
