/**
 * One registered connection: the first heartbeat at once and the next ones by interval, the agents' states after
 * it, reports as they come. Heartbeats never wait behind a report: each kind of call goes by itself. Ends itself on
 * the first sign that the connection or the registration no longer holds; close() releases every timer.
 */
import type { AgentSnapshot } from '../../shared/contracts/agent.ts';
import type { UpdateResult } from '../../shared/contracts/update.ts';
import { describe } from '../../shared/errors/daemon-error.ts';
import type { Clock } from '../../shared/platform/clock.ts';
import { agentStates, wireResult } from './agent-states.ts';
import { CallError, type ManagerCalls } from './calls.ts';
import type { Delivery, Outbox } from './outbox.ts';

export interface LinkLog {
  debug(fields: object, message?: string): void;
  info(fields: object, message?: string): void;
  warn(fields: object, message?: string): void;
  error(fields: object, message?: string): void;
}

export interface SessionOptions {
  nodeId: string;
  calls: ManagerCalls;
  outbox: Outbox;
  heartbeatIntervalMs: number;
  agents(): AgentSnapshot[];
  /** Results of updates that the Manager has not answered yet, oldest first. */
  updateResults(): UpdateResult[];
  /** It has answered them up to this number. */
  onResultsTaken(number: number): void;
  after(delayMs: number, name: string, run: () => void): () => void;
  every(intervalMs: number, name: string, run: () => void | Promise<void>, jitter?: number): () => void;
  clock: Clock;
  log: LinkLog;
  /** The connection or the registration no longer holds. */
  onFailure(error: CallError): void;
}

/** To the hundredth: what is finer is noise. */
export function milliseconds(ms: number): number {
  return Math.round(ms * 100) / 100;
}

const SYNC_INTERVAL_MS = 30_000;
/** Changes this close together go as one. */
const SYNC_GATHER_MS = 200;
const HEARTBEAT_JITTER = 0.1;
/** How soon a report that was refused is tried again. */
const REFUSED_RETRY_MS = 5000;

export class Session {
  readonly #options: SessionOptions;
  readonly #stops: (() => void)[] = [];
  #closed = false;
  #reporting: Promise<void> | null = null;
  #syncing = false;
  #syncAgain = false;
  #syncUnknown = false;
  #cancelGather: (() => void) | null = null;
  #cancelRetry: (() => void) | null = null;

  constructor(options: SessionOptions) {
    this.#options = options;
  }

  async start(): Promise<void> {
    const { every, heartbeatIntervalMs } = this.#options;
    await this.#heartbeat();
    if (this.#closed) return;
    this.#stops.push(every(heartbeatIntervalMs, 'heartbeat', () => this.#heartbeat(), HEARTBEAT_JITTER));
    this.#stops.push(every(SYNC_INTERVAL_MS, 'agent states', () => this.#sync(), HEARTBEAT_JITTER));
    void this.#sync();
    this.reportsWaiting();
  }

  /** Sends what waits in the outbox, unless that is under way. */
  reportsWaiting(): void {
    if (this.#closed || this.#reporting !== null) return;
    this.#cancelRetry?.();
    this.#reporting = this.#drain().finally(() => {
      this.#reporting = null;
    });
  }

  statesChanged(): void {
    if (this.#closed || this.#cancelGather) return;
    this.#cancelGather = this.#options.after(SYNC_GATHER_MS, 'agent states', () => {
      this.#cancelGather = null;
      void this.#sync();
    });
  }

  /** Begins nothing new; settles when the report that is under way has its answer. */
  close(): Promise<void> {
    this.#closed = true;
    for (const stop of this.#stops) stop();
    this.#cancelGather?.();
    this.#cancelRetry?.();
    return this.#reporting ?? Promise.resolve();
  }

  /** How long a successful call took; null when it failed, which is told and ends the session where it must. */
  async #timed(call: Promise<void>, endsOnRefusal: boolean): Promise<number | CallError> {
    const { clock, log, onFailure } = this.#options;
    const startedMs = clock.nowMs();
    try {
      await call;
      return milliseconds(clock.nowMs() - startedMs);
    } catch (error) {
      const failure = error instanceof CallError ? error : new CallError('D2003', 'unanswered', 'a call failed', error);
      if (this.#closed) return failure; // the session was ended under it
      if (failure.kind === 'unanswered' || failure.kind === 'not-sent' || endsOnRefusal) onFailure(failure);
      else log.warn({ event: 'call-failed', code: failure.code, err: failure }, describe(failure));
      return failure;
    }
  }

  async #heartbeat(): Promise<void> {
    const { calls, nodeId, clock, log } = this.#options;
    // a refused heartbeat means that the Manager does not know this node any more: register again
    const took = await this.#timed(calls.heartbeat(nodeId, Math.floor(clock.wallMs() / 1000)), true);
    if (typeof took === 'number') log.debug({ event: 'heartbeat', roundTripMs: took }, 'heartbeat answered');
  }

  async #sync(): Promise<void> {
    const { calls, nodeId, agents, log } = this.#options;
    if (this.#closed || this.#syncUnknown) return;
    if (this.#syncing) {
      this.#syncAgain = true; // never two in flight: what changed meanwhile goes as it then is
      return;
    }
    this.#syncing = true;
    const states = agentStates(agents());
    const results = this.#options.updateResults();
    const took = await this.#timed(calls.syncStates(nodeId, states, results.map(wireResult)), false);
    this.#syncing = false;
    if (typeof took === 'number') {
      log.debug({ event: 'states-synced', agents: states.length, roundTripMs: took }, 'states sent');
      const last = results.at(-1);
      if (last) this.#options.onResultsTaken(last.number);
    } else if (took.kind === 'unimplemented') this.#syncUnknown = true; // asked again after the next registration
    if (this.#syncAgain) {
      this.#syncAgain = false;
      await this.#sync();
    }
  }

  async #drain(): Promise<void> {
    const { calls, nodeId, outbox, log, after } = this.#options;
    for (let batch = outbox.peek(); batch && !this.#closed; batch = outbox.peek()) {
      const took = await this.#timed(calls.report(nodeId, batch.metrics), false);
      const delivery: Delivery = typeof took === 'number' ? 'taken' : deliveryOf(took);
      const refused = outbox.settle(batch, delivery);
      if (refused.length > 0) {
        log.error(
          { event: 'report-refused', code: 'D2003', entries: refused.length },
          'reports were refused for good and dropped',
        );
      }
      if (typeof took === 'number') {
        log.debug({ event: 'reported', entries: batch.metrics.length, roundTripMs: took }, 'report taken');
      } else {
        if (!this.#closed) this.#cancelRetry = after(REFUSED_RETRY_MS, 'report', () => this.reportsWaiting());
        return;
      }
    }
  }
}

function deliveryOf(failure: CallError): Delivery {
  if (failure.kind === 'not-sent') return 'not-sent';
  return failure.kind === 'unanswered' ? 'unanswered' : 'refused';
}
