/** The standard health service of gRPC (grpc.health.v1): serving until it is told that it is not. Needs no permission. */
import { type handleUnaryCall, type ServerWritableStream, status } from '@grpc/grpc-js';
import {
  type HealthCheckRequest,
  type HealthCheckResponse,
  HealthCheckResponse_ServingStatus as Serving,
} from '../../shared/gen/health.ts';

const KNOWN: readonly string[] = ['', 'proto.DaemonService'];
/** Streams of Watch at a time: each is held for as long as its caller likes. */
const MAX_WATCHERS = 16;

type Watch = ServerWritableStream<HealthCheckRequest, HealthCheckResponse>;

export class HealthService {
  readonly #watchers = new Set<Watch>();
  #serving = true;

  readonly check: handleUnaryCall<HealthCheckRequest, HealthCheckResponse> = ({ request }, answer) => {
    if (KNOWN.includes(request.service)) answer(null, this.#status());
    else answer({ code: status.NOT_FOUND, details: 'there is no such service here' });
  };

  readonly watch = (call: Watch): void => {
    if (this.#watchers.size >= MAX_WATCHERS) {
      call.emit('error', { code: status.RESOURCE_EXHAUSTED, details: 'too many watch already' });
      return;
    }
    this.#watchers.add(call);
    call.on('cancelled', () => this.#watchers.delete(call));
    call.on('error', () => this.#watchers.delete(call)); // its caller has gone
    call.write(KNOWN.includes(call.request.service) ? this.#status() : { status: Serving.SERVICE_UNKNOWN });
  };

  /** Tells those who watch, and ends their streams. */
  stop(): void {
    this.#serving = false;
    for (const call of this.#watchers) {
      if (KNOWN.includes(call.request.service)) call.write(this.#status());
      call.end();
    }
    this.#watchers.clear();
  }

  #status(): HealthCheckResponse {
    return { status: this.#serving ? Serving.SERVING : Serving.NOT_SERVING };
  }
}
