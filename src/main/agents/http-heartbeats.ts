/**
 * Receives heartbeats over HTTP on loopback, for agents that speak it: `POST /heartbeat` and `GET /heartbeat/stats`
 * as the agents in use know them. Nothing of it is loaded unless a port is configured. Everything has a limit: body,
 * headers, time, connections, rate.
 */
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { RateLimit } from '../../shared/lifecycle/rate-limit.ts';
import type { HeartbeatCounters } from './heartbeat-counters.ts';
import { type Heartbeat, parseHeartbeat } from './heartbeats.ts';

export interface HttpHeartbeatsOptions {
  /** 0: a free one. */
  port: number;
  counters: HeartbeatCounters;
  /** Returns why the heartbeat is refused, or null. */
  onHeartbeat(agentId: string, heartbeat: Heartbeat): string | null;
  /** Monotonic milliseconds. */
  nowMs(): number;
}

const HOSTS = ['127.0.0.1', '::1'];
const MAX_BODY_BYTES = 64 * 1024;
const MAX_HEADER_BYTES = 8 * 1024;
const MAX_CONNECTIONS = 256;
const HEADERS_MS = 5000;
const REQUEST_MS = 10_000;
const PER_SECOND = 100;
const BURST = 200;
/** A host without IPv6. */
const NO_SUCH_ADDRESS = new Set(['EADDRNOTAVAIL', 'EAFNOSUPPORT']);

class HttpError extends Error {
  readonly status: number;
  readonly headers: Record<string, string>;

  constructor(status: number, message: string, headers: Record<string, string> = {}) {
    super(message);
    this.status = status;
    this.headers = headers;
  }
}

export class HttpHeartbeats {
  readonly #options: HttpHeartbeatsOptions;
  readonly #servers: Server[] = [];
  readonly #rate = new RateLimit(PER_SECOND, BURST);
  #port = 0;

  private constructor(options: HttpHeartbeatsOptions) {
    this.#options = options;
  }

  /** Rejects with the system's error where the port is taken. */
  static async listen(options: HttpHeartbeatsOptions): Promise<HttpHeartbeats> {
    const made = new HttpHeartbeats(options);
    try {
      for (const host of HOSTS) await made.#listen(host, made.#port || options.port);
    } catch (error) {
      await made.close();
      throw error;
    }
    return made;
  }

  get port(): number {
    return this.#port;
  }

  async close(): Promise<void> {
    for (const server of this.#servers.splice(0)) {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeAllConnections();
      await closed;
    }
  }

  async #listen(host: string, port: number): Promise<void> {
    const { createServer } = await import('node:http');
    const options = { maxHeaderSize: MAX_HEADER_BYTES, headersTimeout: HEADERS_MS, requestTimeout: REQUEST_MS };
    const server = createServer(options, (request, response) => this.#serve(request, response));
    server.maxConnections = MAX_CONNECTIONS;
    try {
      await new Promise<void>((resolve, reject) => {
        server.once('error', reject);
        server.listen(port, host, resolve);
      });
    } catch (error) {
      const code = error instanceof Error && 'code' in error ? String(error.code) : '';
      if (host !== HOSTS[0] && NO_SUCH_ADDRESS.has(code)) return;
      throw error;
    }
    server.removeAllListeners('error');
    server.on('error', () => {}); // of a single connection, which is closed by it
    const address = server.address();
    if (typeof address === 'object' && address) this.#port = address.port;
    this.#servers.push(server);
  }

  #serve(request: IncomingMessage, response: ServerResponse): void {
    const answer = (status: number, body: object, headers: Record<string, string> = {}): void => {
      const text = JSON.stringify(body);
      const length = String(Buffer.byteLength(text));
      response
        .writeHead(status, { 'content-type': 'application/json', 'content-length': length, ...headers })
        .end(text);
    };
    this.#answer(request).then(
      (body) => answer(200, body),
      (error: unknown) => {
        const known = error instanceof HttpError;
        const said = {
          success: false,
          message: known ? error.message : 'the request failed',
          timestamp: new Date().toISOString(),
        };
        // what is left of the body is not read: the connection has no further use
        answer(known ? error.status : 500, said, { connection: 'close', ...(known ? error.headers : {}) });
      },
    );
  }

  async #answer(request: IncomingMessage): Promise<object> {
    const [path] = (request.url ?? '').split('?');
    const only = (method: string): void => {
      if (request.method !== method) throw new HttpError(405, `only ${method} is possible here`, { allow: method });
    };
    if (path === '/heartbeat/stats') {
      only('GET');
      return this.#options.counters.snapshot();
    }
    if (path !== '/heartbeat') throw new HttpError(404, 'there are /heartbeat and /heartbeat/stats');
    only('POST');
    const { counters, nowMs, onHeartbeat } = this.#options;
    if (!this.#rate.take(nowMs())) {
      counters.dropped++;
      throw new HttpError(503, 'too many heartbeats at once', { 'retry-after': '1' });
    }
    const { agentId, heartbeat } = await this.#read(request);
    const refusal = onHeartbeat(agentId, heartbeat);
    if (refusal !== null) throw new HttpError(400, refusal);
    return { success: true, message: 'ok', timestamp: new Date().toISOString() };
  }

  async #read(request: IncomingMessage): Promise<{ agentId: string; heartbeat: Heartbeat }> {
    const chunks: Buffer[] = [];
    let bytes = 0;
    for await (const chunk of request) {
      bytes += (chunk as Buffer).length;
      if (bytes > MAX_BODY_BYTES) throw new HttpError(413, `a heartbeat has at most ${MAX_BODY_BYTES} bytes`);
      chunks.push(chunk as Buffer);
    }
    try {
      const value: unknown = JSON.parse(Buffer.concat(chunks).toString('utf8'));
      const heartbeat = parseHeartbeat(value);
      const { agent_id: agentId } = value as Record<string, unknown>;
      if (typeof agentId !== 'string' || agentId === '') throw new Error('agent_id is not a text');
      return { agentId, heartbeat };
    } catch (error) {
      this.#options.counters.malformed++;
      throw new HttpError(400, error instanceof Error ? error.message : String(error));
    }
  }
}
