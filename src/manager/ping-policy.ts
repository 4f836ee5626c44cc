/**
 * When a client pings too often, as a gRPC server in Go decides it (keepalive.EnforcementPolicy): a ping that comes
 * sooner than the least time after the one before is a strike, anything that the server sends for a call forgives
 * them all, and the third strike in a row ends the connection. Pure.
 */
const LEAST_MS = 20_000;
const STRIKES_ALLOWED = 2;

export class PingPolicy {
  #lastMs = Number.NEGATIVE_INFINITY;
  #strikes = 0;

  /** Whether this ping is one too many. Answers to the server's own pings are none. */
  ping(nowMs: number): boolean {
    if (nowMs - this.#lastMs < LEAST_MS) this.#strikes++;
    this.#lastMs = nowMs;
    return this.#strikes > STRIKES_ALLOWED;
  }

  /** The server sent headers or data. */
  forgive(): void {
    this.#strikes = 0;
  }
}
