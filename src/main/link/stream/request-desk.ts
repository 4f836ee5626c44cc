/**
 * The Manager's requests of one stream: each is carried out once and answered once, so many at a time. It decides
 * nothing about operations; what has begun goes on when the stream ends, and its answer is then dropped.
 */
import { status } from '@grpc/grpc-js';
import type { RemoteCaller, RemoteCallName, RemoteCalls, RemoteDispatcher } from '../../../shared/contracts/remote.ts';
import type { Answer, Request } from '../../../shared/gen/link.ts';
import type { LinkLog } from '../session.ts';
import { answerBytes, answerOf, type Operation, operationOf, refusal } from './operation-messages.ts';

/** Unanswered at a time; told to the Manager in the hello. */
export const MAX_REQUESTS = 16;

export interface RequestDeskOptions {
  dispatcher: RemoteDispatcher;
  caller(): RemoteCaller;
  /** `sent` is called when the answer was handed to the network. */
  send(bytes: Uint8Array, sent: () => void): void;
  log: LinkLog;
}

export class RequestDesk {
  readonly #options: RequestDeskOptions;
  /** From the request until its answer has left, so that answers nobody reads are bounded as well. */
  readonly #serving = new Set<number>();
  #closed = false;
  #abandoned = false;
  #onIdle: () => void = () => {};

  constructor(options: RequestDeskOptions) {
    this.#options = options;
  }

  take(request: Request): void {
    const { log, send } = this.#options;
    const { id } = request;
    if (this.#closed) return;
    if (this.#serving.has(id)) {
      log.debug({ event: 'stream-request-again', id }, 'a request that is being served came again and joins it');
      return;
    }
    const refuse = (code: number, message: string): void => send(answerBytes(refusal(id, code, message)), () => {});
    const operation = operationOf(request);
    if (id === 0) refuse(status.INVALID_ARGUMENT, 'a request has an id of 1 or above');
    else if (!operation) refuse(status.INVALID_ARGUMENT, 'the request names no operation that this daemon knows');
    else if (this.#serving.size >= MAX_REQUESTS) {
      refuse(status.RESOURCE_EXHAUSTED, `${MAX_REQUESTS} requests are being served: ask again when one is answered`);
    } else {
      this.#serving.add(id);
      void this.#serve(id, operation);
    }
  }

  /** Nobody waits for the answers any more. */
  abandon(): void {
    this.#abandoned = true;
  }

  /** Takes no further request; settles when those that it had are answered. */
  close(): Promise<void> {
    this.#closed = true;
    return new Promise((resolve) => {
      this.#onIdle = resolve;
      this.#tellIdle();
    });
  }

  async #serve(id: number, operation: Operation): Promise<void> {
    const { send, log } = this.#options;
    let bytes: Uint8Array;
    try {
      bytes = answerBytes(await this.#answer(id, operation));
    } catch (err) {
      // the dispatcher never rejects: a fault of ours, which must not leave the Manager without an answer
      log.error({ event: 'stream-fault', code: 'internal', err }, `${operation.name} failed inside the daemon`);
      bytes = answerBytes(refusal(id, status.INTERNAL, `${operation.name} failed inside the daemon`));
    }
    send(bytes, () => {
      this.#serving.delete(id);
      this.#tellIdle();
    });
  }

  async #answer<N extends RemoteCallName>(
    id: number,
    { name, request }: { name: N; request: RemoteCalls[N]['request'] },
  ): Promise<Answer> {
    const { dispatcher, caller } = this.#options;
    return answerOf(id, name, await dispatcher.call(name, request, { ...caller(), gone: () => this.#abandoned }));
  }

  #tellIdle(): void {
    if (this.#serving.size === 0) this.#onIdle();
  }
}
