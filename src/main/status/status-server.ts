/**
 * Serves the status page, its data and the metrics over HTTP on loopback, to be read and nothing else. Everything has
 * a limit: connections, headers, time, rate; there is no body to take. The page may load nothing and run nothing but
 * what it carries.
 */
import { createHash } from 'node:crypto';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Config } from '../../shared/config/schema.ts';
import type { Sample } from '../../shared/contracts/metrics.ts';
import { describe } from '../../shared/errors/daemon-error.ts';
import { RateLimit } from '../../shared/lifecycle/rate-limit.ts';
import { hostOf } from '../../shared/platform/address.ts';
import type { Clock } from '../../shared/platform/clock.ts';
import { EXPOSITION_TYPE } from './exposition.ts';
import { Gatherer, type StatusSources } from './gather.ts';
import { History } from './history.ts';
import { judge } from './request-rules.ts';

export interface StatusServerOptions {
  /** ADDRESS:PORT; port 0: a free one. */
  address: string;
  /** The whole page; its one script and one style are what it may use. */
  page: string;
  sources: StatusSources;
  config(): Config;
  clock: Clock;
  log: { warn(fields: object, message?: string): void };
  /** Default: what a host needs. */
  timeLimits?: TimeLimits;
}

export interface TimeLimits {
  /** For the head of a request. */
  headersMs: number;
  /** For a whole one. */
  requestMs: number;
  /** How long a connection may be silent, its reader too. */
  idleMs: number;
  /** How often the first two are looked at. */
  lookMs: number;
}

interface Answer {
  type: string;
  body: string;
  headers?: Record<string, string>;
}

const TIME_LIMITS: TimeLimits = { headersMs: 5000, requestMs: 10_000, idleMs: 15_000, lookMs: 2500 };
const MAX_CONNECTIONS = 16;
const MAX_HEADER_BYTES = 8 * 1024;
const PER_SECOND = 20;
const BURST = 60;

/** On every answer, refusals included. */
const SECURITY_HEADERS = {
  'cache-control': 'no-store',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
};
const CLOSED_POLICY = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

class Refusal extends Error {
  readonly status: number;
  readonly headers: Record<string, string>;

  constructor(status: number, message: string, headers: Record<string, string> = {}) {
    super(message);
    this.status = status;
    this.headers = headers;
  }
}

/** What the page may do: run its script, use its style, ask where it came from. */
export function pagePolicy(page: string): string {
  const allow = (tag: string): string => {
    const [, text = ''] = new RegExp(`<${tag}>([\\s\\S]*?)</${tag}>`).exec(page) ?? [];
    return `'sha256-${createHash('sha256').update(text).digest('base64')}'`;
  };
  const own = [`script-src ${allow('script')}`, `style-src ${allow('style')}`, "connect-src 'self'", 'img-src data:'];
  return [CLOSED_POLICY, ...own, "require-trusted-types-for 'script'", "trusted-types 'none'"].join('; ');
}

export class StatusServer {
  readonly #options: StatusServerOptions;
  readonly #history = new History();
  readonly #gatherer: Gatherer;
  readonly #rate = new RateLimit(PER_SECOND, BURST);
  readonly #policy: string;
  /** What is being made just now: all who ask meanwhile get the same. */
  readonly #making = new Map<string, Promise<string>>();
  #server: Server | null = null;
  #address = '';
  #lastError = '';

  private constructor(options: StatusServerOptions) {
    this.#options = options;
    this.#gatherer = new Gatherer(options.sources, options.config, this.#history);
    this.#policy = pagePolicy(options.page);
  }

  /** Rejects with the system's error where the address cannot be had. */
  static async listen(options: StatusServerOptions): Promise<StatusServer> {
    const made = new StatusServer(options);
    await made.#listen();
    return made;
  }

  /** ADDRESS:PORT. */
  get address(): string {
    return this.#address;
  }

  /** What was collected, for the curves. */
  samples(samples: readonly Sample[]): void {
    for (const sample of samples) this.#history.add(sample);
  }

  async close(): Promise<void> {
    const server = this.#server;
    if (!server) return;
    this.#server = null;
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    server.closeAllConnections();
    await closed;
  }

  async #listen(): Promise<void> {
    const { createServer } = await import('node:http');
    const { address, timeLimits = TIME_LIMITS } = this.#options;
    const limits = {
      maxHeaderSize: MAX_HEADER_BYTES,
      headersTimeout: timeLimits.headersMs,
      requestTimeout: timeLimits.requestMs,
      connectionsCheckingInterval: timeLimits.lookMs,
      keepAliveTimeout: timeLimits.idleMs,
    };
    const server = createServer(limits, (request, response) => this.#serve(request, response));
    server.maxConnections = MAX_CONNECTIONS;
    server.setTimeout(timeLimits.idleMs);
    const host = hostOf(address);
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(Number(/\d+$/.exec(address)?.[0]), host, resolve);
    });
    server.removeAllListeners('error');
    server.on('error', () => {}); // of a single connection, which is closed by it
    const bound = server.address();
    const port = typeof bound === 'object' && bound ? bound.port : 0;
    this.#address = address.replace(/\d+$/, String(port));
    this.#server = server;
  }

  #serve(request: IncomingMessage, response: ServerResponse): void {
    const send = (status: number, { type, body, headers }: Answer): void => {
      const length = String(Buffer.byteLength(body));
      response
        .writeHead(status, {
          ...SECURITY_HEADERS,
          'content-security-policy': CLOSED_POLICY,
          ...{ 'content-type': type, 'content-length': length },
          ...headers,
        })
        .end(body);
    };
    this.#answer(request).then(
      (answer) => send(200, answer),
      (error: unknown) => {
        const known = error instanceof Refusal ? error : this.#fault(error);
        // what may still come is not read: the connection has no further use
        const headers = { connection: 'close', ...known.headers };
        send(known.status, { type: 'text/plain; charset=utf-8', body: `${known.message}\n`, headers });
      },
    );
  }

  async #answer(request: IncomingMessage): Promise<Answer> {
    const { 'content-length': length = '0', 'transfer-encoding': coding } = request.headers;
    const verdict = judge(
      {
        method: request.method ?? '',
        target: request.url ?? '',
        hosts: request.headersDistinct['host'] ?? [],
        hasBody: coding !== undefined || Number(length) !== 0,
      },
      this.#address,
    );
    if ('status' in verdict) throw new Refusal(verdict.status, verdict.message, verdict.headers);
    const { clock, config, page } = this.#options;
    if (!this.#rate.take(clock.nowMs())) throw new Refusal(429, 'too many requests at once', { 'retry-after': '1' });
    switch (verdict.path) {
      case '/':
        return { type: 'text/html; charset=utf-8', body: page, headers: { 'content-security-policy': this.#policy } };
      case '/api/status': {
        const view = async (): Promise<string> => JSON.stringify(await this.#gatherer.view(clock.wallMs()));
        return { type: 'application/json', body: await this.#once('view', view) };
      }
      case '/metrics':
        if (!config().status.metrics) throw new Refusal(404, 'there are no metrics here: status.metrics is false');
        return {
          type: EXPOSITION_TYPE,
          body: await this.#once('metrics', () => this.#gatherer.exposition(clock.wallMs())),
        };
      default:
        throw new Refusal(404, 'there are /, /api/status and /metrics');
    }
  }

  #once(what: string, make: () => Promise<string>): Promise<string> {
    const made = this.#making.get(what) ?? make().finally(() => this.#making.delete(what));
    this.#making.set(what, made);
    return made;
  }

  /** Told in the log, once for as long as it is the same. */
  #fault(error: unknown): Refusal {
    const text = describe(error);
    if (text !== this.#lastError)
      this.#options.log.warn({ event: 'status-page', err: error }, 'the status page failed');
    this.#lastError = text;
    return new Refusal(500, 'that could not be found out; the log of the daemon says why');
  }
}
