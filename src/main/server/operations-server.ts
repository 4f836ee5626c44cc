/**
 * The port on which the Manager calls the daemon (`proto.DaemonService`), over mutual TLS 1.3. A port that is taken, or
 * certificates that are not there yet, are told once and tried again: the daemon does its other work meanwhile. Each
 * operation is one line in the log: who, what, how it ended, how long it took. It never closes a connection for its
 * idleness or age, and what an operation began goes on when its caller has gone.
 */
import { readFile } from 'node:fs/promises';
import { type handleUnaryCall, Server, status } from '@grpc/grpc-js';
import type { TlsFilePaths } from '../../shared/contracts/pool-tasks.ts';
import { describe } from '../../shared/errors/daemon-error.ts';
import { type AgentOperationRequest, DaemonServiceService } from '../../shared/gen/daemon.ts';
import { MutualTlsCredentials, type ServerIdentity } from '../../shared/platform/mutual-tls-server.ts';
import { type AccessRules, checkAccess, namesOf } from './access.ts';
import { AGENT_OPERATIONS } from './agent-operations.ts';
import type { Operations } from './operations.ts';
import { StatusError } from './status-error.ts';
import { wireWords } from './wire-words.ts';

export interface OperationsServerOptions {
  operations: Operations;
  access(): AccessRules;
  /** Default: every address of the host. */
  host?: string;
  port: number;
  tls: TlsFilePaths;
  after(delayMs: number, name: string, run: () => void): () => void;
  log: {
    info(fields: object, message?: string): void;
    warn(fields: object, message?: string): void;
    error(fields: object, message?: string): void;
  };
}

const MAX_MESSAGE_BYTES = 10 * 1024 * 1024;
const RETRY_MS = 30_000;
const NEVER_MS = 2 ** 31 - 1;

export class OperationsServer {
  readonly #options: OperationsServerOptions;
  #server: Server | null = null;
  #cancelRetry: () => void = () => {};
  #opening: Promise<void> = Promise.resolve();
  #port = 0;
  #told = '';
  #closed = false;

  constructor(options: OperationsServerOptions) {
    this.#options = options;
  }

  /** The port that it listens on; 0 before it does. */
  get port(): number {
    return this.#port;
  }

  /** Settles after the first attempt, whether it listens then or not. */
  open(): Promise<void> {
    this.#opening = this.#open();
    return this.#opening;
  }

  /** Calls under way are cut; what they began goes on. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#cancelRetry();
    await this.#opening;
    this.#server?.forceShutdown();
  }

  async #open(): Promise<void> {
    const { host = '[::]', port, tls, log, after } = this.#options;
    const server = this.#make(); // one that could not listen is not used again
    try {
      const credentials = new MutualTlsCredentials(await identityIn(tls));
      if (this.#closed) return;
      this.#port = await new Promise<number>((resolve, reject) => {
        server.bindAsync(`${host}:${port}`, credentials, (error, bound) => (error ? reject(error) : resolve(bound)));
      });
      this.#server = server;
      log.info(
        { event: 'operations-port', port: this.#port },
        `serving the Manager's operations on port ${this.#port}`,
      );
    } catch (err) {
      server.forceShutdown();
      const why = describe(err);
      if (why !== this.#told)
        log.error({ event: 'operations-port', port, err }, "the Manager's operations cannot be served yet");
      this.#told = why;
      if (!this.#closed) this.#cancelRetry = after(RETRY_MS, 'operations port', () => void this.open());
    }
  }

  #make(): Server {
    const server = new Server({
      'grpc.max_receive_message_length': MAX_MESSAGE_BYTES,
      'grpc.max_send_message_length': MAX_MESSAGE_BYTES,
      'grpc.max_connection_idle_ms': NEVER_MS,
      'grpc.max_connection_age_ms': NEVER_MS,
      'grpc.enable_channelz': 0,
    });
    const { operations } = this.#options;
    const { listAgents, operateAgent, getAgentMetrics, getConfig, pushUpdate } = DaemonServiceService;
    server.addService(
      { listAgents, operateAgent, getAgentMetrics, getConfig, pushUpdate },
      {
        listAgents: this.#handler(
          'ListAgents',
          () => 'list',
          () => operations.listAgents(),
        ),
        operateAgent: this.#handler('OperateAgent', asked, (request) => operations.operateAgent(request)),
        getAgentMetrics: this.#handler(
          'GetAgentMetrics',
          () => 'metrics',
          (request) => operations.agentMetrics(request),
        ),
        getConfig: this.#handler(
          'GetConfig',
          () => 'config',
          (request) => operations.config(request),
        ),
        pushUpdate: this.#handler(
          'PushUpdate',
          () => 'update',
          (request) => operations.pushUpdate(request),
        ),
      },
    );
    return server;
  }

  #handler<Request, Response>(
    operation: string,
    /** What it is in `remote.allow`; empty where it is nothing at all, which is then refused for that. */
    allowedAs: (request: Request) => string,
    serve: (request: Request) => Response | Promise<Response>,
  ): handleUnaryCall<Request, Response> {
    return (call, callback) => {
      const startedMs = performance.now();
      const callers = namesOf(call.getAuthContext()?.sslPeerCertificate);
      const caller = callers.join(', ');
      const audit = (outcome: string, extra: object = {}): void => {
        const durationMs = Math.round(performance.now() - startedMs);
        const fields = {
          event: 'operation',
          operation,
          caller,
          outcome,
          durationMs,
          ...subjectOf(call.request),
          ...extra,
        };
        this.#options.log.info(fields, `${operation} for the Manager: ${outcome}`);
      };
      Promise.resolve()
        .then(() => {
          checkAccess(allowedAs(call.request), callers, this.#options.access());
          return serve(call.request);
        })
        .then(
          (response) => {
            const { success, words } = outcomeOf(response);
            audit(success ? 'done' : 'failed', words ? { message: words } : {});
            callback(null, withWireWords(response));
          },
          (error: unknown) => {
            const code = error instanceof StatusError ? error.status : status.INTERNAL;
            audit('refused', { err: error });
            callback({ code, details: wireWords(describe(error)) });
          },
        );
    };
  }
}

/** Rejects where a file is not there. */
async function identityIn({ certFile, keyFile, caFile }: TlsFilePaths): Promise<ServerIdentity> {
  return { cert: await readFile(certFile), ca: await readFile(caFile), key: await readFile(keyFile) };
}

function asked({ operation }: AgentOperationRequest): string {
  return AGENT_OPERATIONS.some((known) => known === operation) ? operation : '';
}

/** What of a request belongs in the log. */
function subjectOf(request: unknown): object {
  const { agentId, operation, component, version, configType } = request as Record<string, unknown>;
  const named = { agentId, asked: operation, component, version, configType };
  return Object.fromEntries(Object.entries(named).filter(([, value]) => typeof value === 'string' && value !== ''));
}

function outcomeOf(response: unknown): { success: boolean; words: string } {
  const { success, message, errorMessage } = response as Record<string, unknown>;
  return { success: success !== false, words: String(message ?? errorMessage ?? '') };
}

/** The texts of an answer, in words that may leave. */
function withWireWords<Response>(response: Response): Response {
  const texts = Object.entries(response as object)
    .filter(([name, value]) => /^(message|errorMessage)$/.test(name) && typeof value === 'string')
    .map(([name, value]) => [name, wireWords(value)]);
  return { ...response, ...Object.fromEntries(texts) };
}
