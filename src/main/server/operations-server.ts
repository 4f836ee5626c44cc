/**
 * The port on which the Manager calls the daemon (`proto.DaemonService`), over mutual TLS 1.3. Serves PushUpdate; the
 * other operations answer UNIMPLEMENTED. A port that is taken, or certificates that are not there yet, are told once and
 * tried again: the daemon does its other work meanwhile. It never closes a connection for its idleness or age.
 */
import { Server, type ServerUnaryCall, type sendUnaryData, status } from '@grpc/grpc-js';
import type { TlsFilePaths } from '../../shared/contracts/pool-tasks.ts';
import { describe } from '../../shared/errors/daemon-error.ts';
import { DaemonServiceService, type UpdateRequest, type UpdateResponse } from '../../shared/gen/daemon.ts';
import { type PushUpdateOptions, pushUpdate } from './push-update.ts';
import { OperationsCredentials } from './server-credentials.ts';
import { StatusError } from './status-error.ts';
import { wireWords } from './wire-words.ts';

export interface OperationsServerOptions extends PushUpdateOptions {
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
      const credentials = await OperationsCredentials.load(tls);
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
    const { pushUpdate: definition } = DaemonServiceService;
    server.addService(
      { pushUpdate: definition },
      {
        pushUpdate: (call: ServerUnaryCall<UpdateRequest, UpdateResponse>, callback: sendUnaryData<UpdateResponse>) => {
          void this.#pushUpdate(call.request, callback);
        },
      },
    );
    return server;
  }

  /** Never rejects. */
  async #pushUpdate(request: UpdateRequest, callback: sendUnaryData<UpdateResponse>): Promise<void> {
    const { log } = this.#options;
    try {
      const { success, message } = await pushUpdate(request, this.#options);
      const { component, agentId, version } = request;
      log.info({ event: 'operation', operation: 'PushUpdate', component, agentId, version, success }, message);
      callback(null, { success, message: wireWords(message) });
    } catch (err) {
      const code = err instanceof StatusError ? err.status : status.INTERNAL;
      log.warn({ event: 'operation', operation: 'PushUpdate', err }, 'an operation was refused');
      callback({ code, details: wireWords(describe(err)) });
    }
  }
}
