/**
 * Operations that somebody on this host asks for: the Manager's own (operations.ts), with other words for the reason
 * and an audit line each. Neither `remote.allow` nor the limit on calls is for the people of this host.
 */
import type { ActionOutcome, AgentAction } from '../../shared/contracts/control.ts';
import type { AuditEntry } from '../../shared/contracts/remote.ts';
import type { UpdateComponent, UpdateRequest } from '../../shared/contracts/update.ts';
import { describe } from '../../shared/errors/daemon-error.ts';
import type { ResourceDataPoint } from '../../shared/gen/daemon.ts';
import type { Clock } from '../../shared/platform/clock.ts';
import { THIS_HOST } from './agent-operations.ts';
import type { Operations } from './operations.ts';

interface Begun {
  id: string;
  state: 'begun' | 'under-way' | 'done';
  message: string;
}

export interface LocalOperationsOptions {
  operations: Pick<Operations, 'operateAgent' | 'agentMetrics' | 'config'>;
  agents: {
    /** In their order; each one's failure is its own. */
    actOnAll(
      action: AgentAction,
      act: (id: string) => Promise<void>,
    ): Promise<{ agentId: string; ok: boolean; reason: string }[]>;
  };
  updates: {
    request(request: UpdateRequest): Promise<Begun>;
    rollback(component: UpdateComponent, agentId: string, backup: string): Promise<Begun>;
  };
  audit: { write(entry: AuditEntry): void };
  clock: Clock;
}

type Subject = Pick<AuditEntry, 'operation' | 'agentId' | 'asked' | 'component' | 'version'>;

const DONE = { outcome: 'done', message: '' } as const;

export class LocalOperations {
  readonly #options: LocalOperationsOptions;

  constructor(options: LocalOperationsOptions) {
    this.#options = options;
  }

  /**
   * `agentId` empty: all that are enabled. What failed is an outcome. Whoever asks counts as waiting: whether it still
   * reads cannot be known, and what it asks for again is to be done again.
   */
  async operate(agentId: string, action: AgentAction): Promise<ActionOutcome[]> {
    if (agentId !== '') return [await this.#one(agentId, action)];
    const outcomes = await this.#options.agents.actOnAll(action, async (id) => {
      const { success, error } = await this.#one(id, action);
      if (!success) throw new Error(error);
    });
    return outcomes.map(({ agentId: id, ok, reason }) => ({ agentId: id, success: ok, error: reason }));
  }

  usage(agentId: string, seconds: number): ResourceDataPoint[] {
    return this.#options.operations.agentMetrics({ agentId, durationSeconds: seconds }).dataPoints;
  }

  /** `message`: why there is none; empty where there is. */
  async agentConfig(agentId: string): Promise<{ text: string; message: string }> {
    const request = { nodeId: '', configType: 'agent', agentId };
    const { success, message, configData } = await this.#options.operations.config(request);
    return { text: Buffer.from(configData).toString('utf8'), message: success ? '' : message };
  }

  update(request: UpdateRequest): Promise<Begun> {
    const { component, agentId, version } = request;
    return this.#audited({ operation: 'PushUpdate', component, agentId, version }, () =>
      this.#options.updates.request(request),
    );
  }

  rollback(component: UpdateComponent, agentId: string, backup: string): Promise<Begun> {
    return this.#audited({ operation: 'Rollback', component, agentId }, () =>
      this.#options.updates.rollback(component, agentId, backup),
    );
  }

  async #one(agentId: string, action: AgentAction): Promise<ActionOutcome> {
    const { operations, clock } = this.#options;
    const startedMs = clock.nowMs();
    const subject = { operation: 'OperateAgent', agentId, asked: action } as const;
    try {
      const answer = await operations.operateAgent({ agentId, operation: action }, undefined, THIS_HOST);
      const { success, errorMessage: error } = answer;
      this.#write(subject, startedMs, success ? DONE : { outcome: 'failed', message: error });
      return { agentId, success, error };
    } catch (error) {
      this.#write(subject, startedMs, { outcome: 'failed', message: describe(error) });
      return { agentId, success: false, error: describe(error) };
    }
  }

  async #audited<T>(subject: Subject, work: () => Promise<T>): Promise<T> {
    const startedMs = this.#options.clock.nowMs();
    try {
      const answer = await work();
      this.#write(subject, startedMs, DONE);
      return answer;
    } catch (error) {
      this.#write(subject, startedMs, { outcome: 'failed', message: describe(error) });
      throw error;
    }
  }

  #write(subject: Subject, startedMs: number, end: Pick<AuditEntry, 'outcome' | 'message'>): void {
    const { audit, clock } = this.#options;
    const given = Object.fromEntries(Object.entries(subject).filter(([, text]) => text !== ''));
    const durationMs = Math.round(clock.nowMs() - startedMs);
    audit.write({ via: 'control', caller: [], ...end, status: 0, durationMs, ...(given as Subject) });
  }
}
