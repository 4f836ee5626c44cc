/**
 * One registered connection: the first heartbeat at once and the next ones by interval, the agents' states after
 * it, reports as they come, the stream for the Manager's operations. Heartbeats never wait behind a report: each kind
 * of call goes by itself. Tells the first sign that the connection or the registration no longer holds; close() begins
 * nothing new and lets what is under way come to its end.
 */
import type { AgentSnapshot } from '../../shared/contracts/agent.ts';
import type { UpdateResult } from '../../shared/contracts/update.ts';
import { describe } from '../../shared/errors/daemon-error.ts';
import type { Event } from '../../shared/gen/daemon.ts';
import type { RegisterNodeRequest } from '../../shared/gen/manager.ts';
import type { Clock } from '../../shared/platform/clock.ts';
import { agentStates, wireResult } from './agent-states.ts';
import { CallError, type ManagerCalls } from './calls.ts';
import { ReportDrain, type ReportSource } from './report-drain.ts';

export interface LinkLog {
  debug(fields: object, message?: string): void;
  info(fields: object, message?: string): void;
  warn(fields: object, message?: string): void;
  error(fields: object, message?: string): void;
}

/** What happened on the host, numbered, kept until the Manager has it. */
export interface EventSource {
  /** The oldest ones, a call's worth. */
  next(): Promise<Event[]>;
  /** Up to and with this number. */
  taken(number: number): Promise<void>;
}

/** The way back for hosts that cannot be dialled. */
export interface SessionStream {
  readonly state: string;
  start(): void;
  eventsWaiting(): void;
  close(): Promise<void>;
}

export interface SessionOptions {
  calls: ManagerCalls;
  reports: ReportSource;
  events: EventSource;
  /** What the session before still has under way: neither reports nor states go out before it has ended. */
  before: Promise<void>;
  heartbeatIntervalMs: number;
  agents(): AgentSnapshot[];
  /** Results of updates that the Manager has not answered yet, oldest first. */
  updateResults(): UpdateResult[];
  /** It has answered them up to this number. */
  onResultsTaken(number: number): void;
  /** What is to be registered anew; null where nothing has changed since the last one that was taken. */
  changedRegistration(): Promise<RegisterNodeRequest | null>;
  onRenewed(request: RegisterNodeRequest): void;
  /** A piece of much work is done, and a pause follows. */
  onPieceDone(): void;
  /** `onEnd`: told when a stream has ended, or is not to be had. */
  makeStream(onEnd: () => void): SessionStream;
  after(delayMs: number, name: string, run: () => void): () => void;
  every(intervalMs: number, name: string, run: () => void | Promise<void>, jitter?: number): () => void;
  clock: Clock;
  random: () => number;
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
const JITTER = 0.1;

export class Session {
  readonly #options: SessionOptions;
  readonly #reports: ReportDrain;
  readonly #stream: SessionStream;
  readonly #stops: (() => void)[] = [];
  readonly #underWay = new Set<Promise<unknown>>();
  #closed = false;
  #syncing = false;
  #syncAgain = false;
  #syncUnknown = false;
  #cancelGather: (() => void) | null = null;

  constructor(options: SessionOptions) {
    this.#options = options;
    this.#stream = options.makeStream(() => this.statesChanged()); // what waits for it goes with the states then
    this.#reports = new ReportDrain({ ...options, timed: (call) => this.#timed(call, false) });
  }

  get streamState(): string {
    return this.#stream.state;
  }

  start(): void {
    this.#track(this.#start());
  }

  async #start(): Promise<void> {
    const { every, heartbeatIntervalMs, before } = this.#options;
    await this.#heartbeat();
    if (this.#closed) return;
    this.#stops.push(every(heartbeatIntervalMs, 'heartbeat', () => this.#heartbeat(), JITTER));
    this.#stream.start();
    await before;
    if (this.#closed) return;
    this.#stops.push(every(SYNC_INTERVAL_MS, 'agent states', () => this.renew().then(() => this.#sync()), JITTER));
    this.#track(this.#sync());
    this.reportsWaiting();
  }

  /** Sends what waits, unless that is under way. */
  reportsWaiting(): void {
    if (!this.#closed) this.#track(this.#options.before.then(() => this.#reports.go()));
  }

  statesChanged(): void {
    if (this.#closed || this.#cancelGather) return;
    this.#cancelGather = this.#options.after(SYNC_GATHER_MS, 'agent states', () => {
      this.#cancelGather = null;
      this.#track(this.#options.before.then(() => this.#sync()));
    });
  }

  eventsWaiting(): void {
    if (this.#hasStream) this.#stream.eventsWaiting();
    else this.statesChanged();
  }

  /** Settles when every call that is under way has its answer; an operation over the stream may take longer. */
  get callsEnded(): Promise<void> {
    return Promise.all(this.#underWay).then(() => {});
  }

  /** Begins nothing new; settles when calls and answers that are under way have come to their end. */
  async close(): Promise<void> {
    this.#closed = true;
    for (const stop of this.#stops) stop();
    this.#cancelGather?.();
    this.#reports.close();
    await Promise.all([this.#stream.close(), this.callsEnded]);
  }

  /** Calls tell their failures themselves: what still rejects is a fault of ours, which must not end the daemon. */
  #track(work: Promise<unknown>): void {
    const { log } = this.#options;
    const settled = work.then(
      () => {},
      (err: unknown) => log.error({ event: 'link-fault', err }, 'a fault in the link to the Manager'),
    );
    this.#underWay.add(settled);
    void settled.then(() => this.#underWay.delete(settled));
  }

  /** How long a successful call took, or its failure, which is told and ends the session where it must. */
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
    const { calls, clock, log } = this.#options;
    // a refused heartbeat means that the Manager does not know this node any more: register again
    const beat = this.#timed(calls.heartbeat(Math.floor(clock.wallMs() / 1000)), true);
    this.#track(beat);
    const took = await beat;
    if (typeof took === 'number') log.debug({ event: 'heartbeat', roundTripMs: took }, 'heartbeat answered');
  }

  /** Sends what the host says of itself, where that has changed. */
  async renew(): Promise<void> {
    const { calls, changedRegistration, onRenewed, log } = this.#options;
    const request = await changedRegistration();
    if (request && !this.#closed) {
      const renewal = this.#timed(calls.register(request, calls.protocol), false);
      this.#track(renewal);
      if (typeof (await renewal) === 'number') {
        onRenewed(request);
        log.info({ event: 'registration-renewed' }, 'what this host says of itself has changed, registered again');
        await this.#heartbeat(); // a registration clears what the Manager knows of the last one
      }
    }
  }

  async #sync(): Promise<void> {
    if (this.#closed || this.#syncUnknown) return;
    if (this.#syncing) {
      this.#syncAgain = true; // never two in flight: what changed meanwhile goes as it then is
      return;
    }
    this.#syncing = true;
    const sending = this.#sendStates();
    this.#track(sending);
    let more = false;
    try {
      more = await sending;
    } finally {
      this.#syncing = false;
    }
    if (!this.#syncAgain && !more) return;
    this.#syncAgain = false;
    await this.#sync();
  }

  /** Or will know in a moment: what waits must not go both ways. */
  get #hasStream(): boolean {
    return this.#stream.state === 'open' || this.#stream.state === 'opening';
  }

  /** Whether more events wait than one call takes. */
  async #sendStates(): Promise<boolean> {
    const { calls, agents, events, updateResults, onResultsTaken, log } = this.#options;
    const overStream = this.#hasStream;
    const happened = overStream ? [] : await events.next();
    const results = overStream ? [] : updateResults();
    const states = agentStates(agents());
    const request = { states, updateResults: results.map(wireResult), events: happened };
    const took = await this.#timed(calls.syncStates(request), false);
    if (typeof took !== 'number') {
      if (took.kind === 'unimplemented') this.#syncUnknown = true; // asked again after the next registration
      return false;
    }
    log.debug({ event: 'states-synced', agents: states.length, roundTripMs: took }, 'states sent');
    const [lastResult, lastEvent] = [results.at(-1), happened.at(-1)];
    if (lastResult) onResultsTaken(lastResult.number);
    if (lastEvent) await events.taken(lastEvent.number);
    return happened.length > 0 && (await events.next()).length > 0;
  }
}
