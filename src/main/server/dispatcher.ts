/**
 * Where every operation of the Manager comes in, over the port and over the stream alike: who may, how many a second,
 * carrying out, an audit line each, and words that may leave. Never rejects; what has begun goes on to its end whether
 * or not somebody waits for it.
 */
import { status } from '@grpc/grpc-js';
import type {
  AuditEntry,
  RemoteCaller,
  RemoteCallName,
  RemoteCalls,
  RemoteDispatcher,
  RemoteOutcome,
} from '../../shared/contracts/remote.ts';
import { describe } from '../../shared/errors/daemon-error.ts';
import { RateLimit } from '../../shared/lifecycle/rate-limit.ts';
import type { Clock } from '../../shared/platform/clock.ts';
import { type AccessRules, checkAccess } from './access.ts';
import { AGENT_OPERATIONS } from './agent-operations.ts';
import type { Operations } from './operations.ts';
import { StatusError } from './status-error.ts';
import { wireWords } from './wire-words.ts';

export interface DispatcherOptions {
  operations: Operations;
  access(): AccessRules;
  audit: { write(entry: AuditEntry): void };
  clock: Clock;
}

/** Over both ways together: a person at a page is far below it, a loop in a Manager is not. */
const PER_SECOND = 20;
const BURST = 40;
/** Of what a caller wrote, in the audit log and in what it is told: no longer than what could be meant. */
const MAX_SUBJECT = 200;
const MAX_MESSAGE = 2000;

/** Refusals that are written down one by one: whoever is refused may ask for ever, and the log rotates. */
const REFUSALS_PER_SECOND = 5;
const MAX_NAMES = 20;

type Serve = {
  [N in RemoteCallName]: (
    request: RemoteCalls[N]['request'],
    gone?: () => boolean,
  ) => Promise<RemoteCalls[N]['response']>;
};

export class Dispatcher implements RemoteDispatcher {
  readonly #options: DispatcherOptions;
  readonly #limit = new RateLimit(PER_SECOND, BURST);
  readonly #refusals = new RateLimit(REFUSALS_PER_SECOND, BURST);
  readonly #serve: Serve;
  #unlisted = 0;

  constructor(options: DispatcherOptions) {
    this.#options = options;
    const { operations } = options;
    this.#serve = {
      ListAgents: async () => operations.listAgents(),
      OperateAgent: (request, gone) => operations.operateAgent(request, gone),
      GetAgentMetrics: async (request) => operations.agentMetrics(request),
      GetConfig: (request) => operations.config(request),
      PushUpdate: (request) => operations.pushUpdate(request),
    };
  }

  async call<N extends RemoteCallName>(
    name: N,
    request: RemoteCalls[N]['request'],
    caller: RemoteCaller,
  ): Promise<RemoteOutcome<N>> {
    const { access, clock } = this.#options;
    const startedMs = clock.nowMs();
    const written = (outcome: AuditEntry['outcome'], code: number, message: string): void => {
      const { via, names } = caller;
      const durationMs = Math.round(clock.nowMs() - startedMs);
      this.#write({
        via,
        caller: names.slice(0, MAX_NAMES).map((text) => text.slice(0, MAX_SUBJECT)),
        operation: name,
        outcome,
        status: code,
        message,
        durationMs,
        ...subjectOf(request),
      });
    };
    let response: RemoteCalls[N]['response'];
    try {
      checkAccess(allowedAs(name, request), caller, access());
      if (!this.#limit.take(startedMs)) {
        throw new StatusError(
          status.RESOURCE_EXHAUSTED,
          `more than ${PER_SECOND} operations a second: ask again later`,
        );
      }
      response = await this.#serve[name](request, caller.gone);
    } catch (error) {
      const refused = error instanceof StatusError;
      const code = refused ? error.status : status.INTERNAL;
      const message = describe(error);
      written(refused ? 'refused' : 'failed', code, message);
      return { status: code, message: wireWords(message) };
    }
    const { success, words } = outcomeOf(response);
    written(success ? 'done' : 'failed', status.OK, success ? '' : words);
    return { response: withWireWords(response) };
  }

  #write(entry: AuditEntry): void {
    if (entry.outcome === 'refused' && !this.#refusals.take(this.#options.clock.nowMs())) {
      this.#unlisted++;
      return;
    }
    const others = this.#unlisted === 0 ? '' : ` (${this.#unlisted} refusals before this one are not listed)`;
    this.#unlisted = 0;
    this.#options.audit.write({ ...entry, message: `${entry.message.slice(0, MAX_MESSAGE)}${others}`.trimStart() });
  }
}

const ALLOWED_AS = { ListAgents: 'list', GetAgentMetrics: 'metrics', GetConfig: 'config', PushUpdate: 'update' };

/** What it is in `remote.allow`; empty where it is nothing at all, which is then refused for that. */
function allowedAs(name: RemoteCallName, request: object): string {
  if (name !== 'OperateAgent') return ALLOWED_AS[name];
  return 'operation' in request ? (AGENT_OPERATIONS.find((known) => known === request.operation) ?? '') : '';
}

/** What of a request belongs in the audit log. A caller that is refused cannot fill it with a field of megabytes. */
function subjectOf(request: object): Partial<AuditEntry> {
  const { agentId, operation, component, version, configType }: Record<string, unknown> = { ...request };
  const named = { agentId, asked: operation, component, version, configType };
  return Object.fromEntries(
    Object.entries(named).flatMap(([key, value]) =>
      typeof value === 'string' && value !== '' ? [[key, value.slice(0, MAX_SUBJECT)]] : [],
    ),
  );
}

function outcomeOf(response: object): { success: boolean; words: string } {
  const { success, message, errorMessage }: Record<string, unknown> = { ...response };
  return { success: success !== false, words: String(errorMessage || message || '') };
}

/** The texts of an answer, in words that may leave. A configuration is data, not a text of ours. */
function withWireWords<Response extends object>(response: Response): Response {
  const texts = Object.entries(response)
    .filter(([name, value]) => /^(message|errorMessage)$/.test(name) && typeof value === 'string')
    .map(([name, value]) => [name, wireWords(value)]);
  return { ...response, ...Object.fromEntries(texts) };
}
