/**
 * The link to the Manager: connects, registers, keeps one session going, and comes back after every end of it, for
 * as long as the daemon runs. Nothing that the network, the certificates or the Manager do ends it. A connection that
 * is given up by plan (a goodbye of the Manager's, new certificates) is followed by the next one before it ends. Each
 * change of its state is one line in the log; the same failure again and again is told once.
 */
import type { HostEvent } from '../../shared/contracts/host-event.ts';
import type { Identity } from '../../shared/contracts/identity.ts';
import { DaemonError, describe } from '../../shared/errors/daemon-error.ts';
import type { MetricData } from '../../shared/gen/manager.ts';
import { CallError } from './calls.ts';
import { connectedEvent, lostLinkEvent } from './host-events.ts';
import { afterSession, type LinkState, mayFollow, NO_HISTORY, type SessionEnd } from './link-state.ts';
import { sameRegistration } from './node-info.ts';
import type { ReportQueue } from './queue/report-queue.ts';
import { explained, type Reached, type ReachOptions, reachManager, tryIdentity } from './reach.ts';
import { Session, type SessionOptions, type SessionStream } from './session.ts';
import { codeOf } from './tls-failure.ts';

type FromSession =
  | 'events'
  | 'agents'
  | 'updateResults'
  | 'onResultsTaken'
  | 'onPieceDone'
  | 'after'
  | 'every'
  | 'clock'
  | 'random'
  | 'log';

export interface ManagerLinkOptions extends Omit<ReachOptions, 'onRegistering'>, Pick<SessionOptions, FromSession> {
  /** What waits in it outlives this link: another one may take it over. */
  reports: ReportQueue;
  makeStream(reached: Reached, onEnd: () => void): SessionStream;
  /** Told with each registration: as which node. */
  onRegistered(nodeId: string): void;
  /** Connected, or no longer so: once each, however often it is tried in between. */
  onEvent(event: HostEvent): void;
}

export interface LinkStatus {
  state: LinkState;
  /** Why the last attempt failed; empty while connected, and before the first failure. */
  reason: string;
  busy: boolean;
  /** Of the stream for the Manager's operations. */
  stream: string;
  plaintext: boolean;
}

/** How long a report that is under way may take when the daemon ends. */
const DRAIN_MS = 25_000;
/** How long calls of a connection that was followed by another may take to end. */
const RETIRE_MS = 10_000;

interface Live extends Reached {
  session: Session;
  registeredMs: number;
  /** The connection is lost, or a call says that it or the registration no longer holds. */
  ended: Promise<{ planned: boolean; error: Error | null }>;
}
type Failed = SessionEnd & { error: DaemonError | null };

export class ManagerLink {
  readonly #options: ManagerLinkOptions;
  /** No new connection from here on. */
  readonly #ending = new AbortController();
  /** And nothing that is under way either. */
  readonly #abort = new AbortController();
  readonly #retired = new Set<Promise<void>>();
  #state: LinkState;
  #live: Live | null = null;
  #life: Promise<void> | null = null;
  #last = '';
  #told = '';
  #failure: Pick<LinkStatus, 'reason' | 'busy'> = { reason: '', busy: false };
  /** The last that was told as an event. */
  #toldLink: 'none' | 'connected' | 'lost' = 'none';
  #wantsMove: () => void = () => {};
  /** Asked for while one was under way. */
  #moveAgain = false;
  /** Calls of the sessions before. */
  #callsBefore: Promise<void> = Promise.resolve();

  constructor(options: ManagerLinkOptions) {
    this.#options = options;
    this.#state = { name: 'connecting', sinceMs: options.clock.wallMs() };
  }

  get status(): LinkStatus {
    const stream = this.#live?.session.streamState ?? 'closed';
    return { state: this.#state, ...this.#failure, stream, plaintext: this.#options.identities === null };
  }

  /** Of the Manager that it is, or was last, connected to; empty before the first. */
  get address(): string {
    return this.#last;
  }

  start(): void {
    this.#life ??= this.#run();
  }

  /** Reports are kept, in order and bounded, until the Manager has taken them. */
  report(metrics: MetricData[]): void {
    this.#options.reports.add(metrics);
    this.#live?.session.reportsWaiting();
  }

  statesChanged(): void {
    this.#live?.session.statesChanged();
  }

  /** Sends what the host says of itself, where that has changed; by itself it does so every 30 s. */
  async renew(): Promise<void> {
    await this.#live?.session.renew();
  }

  eventsWaiting(): void {
    this.#live?.session.eventsWaiting();
  }

  /** Whether the Manager takes another identity, on a connection beside the one in use. Throws D2001. */
  tryIdentity(identity: Identity, signal: AbortSignal): Promise<void> {
    return tryIdentity(this.#reaching(), this.#last, identity, AbortSignal.any([signal, this.#ending.signal]));
  }

  /** Moves to a new connection, with the identity that is now in use; the present one serves until then. */
  move(): void {
    this.#wantsMove();
  }

  async close(): Promise<void> {
    this.#ending.abort(new Error('the daemon is ending'));
    const underWay = Promise.all([this.#live?.session.close(), ...this.#retired]).then(() => {});
    await this.#wait(DRAIN_MS, this.#abort.signal, underWay);
    this.#abort.abort(new Error('the daemon is ending'));
    await this.#life;
    await Promise.all(this.#retired);
    this.#enter({ name: 'closed', sinceMs: this.#options.clock.wallMs() });
  }

  async #run(): Promise<void> {
    const { clock, random, manager } = this.#options;
    const { signal } = this.#ending;
    let history = NO_HISTORY;
    for (let quiet = false; !signal.aborted; ) {
      this.#enter({ name: 'connecting', sinceMs: clock.wallMs() });
      const end = await this.#attempt(quiet);
      if (signal.aborted) return;
      const retry = afterSession(end, history, manager.reconnectIntervalMs, random);
      history = retry;
      quiet = retry.delayMs === 0;
      if (quiet) continue;
      const reason = end.error ? describe(end.error) : 'the Manager closed the connection';
      const busy = end.error instanceof CallError && end.error.busy;
      const delayMs = Math.round(retry.delayMs);
      this.#enter({ name: 'backing-off', sinceMs: clock.wallMs(), reason, busy, delayMs }, end.error);
      await this.#wait(retry.delayMs, signal);
    }
  }

  /** From the first packet to the end of the last connection that followed without a gap; never throws. */
  async #attempt(quiet: boolean): Promise<Failed> {
    const { clock, manager } = this.#options;
    let reached: Reached;
    try {
      reached = await reachManager(this.#reaching(), this.#last, this.#ending.signal);
    } catch (error) {
      const known = error instanceof DaemonError ? error : new DaemonError('internal', 'no link', { cause: error });
      const refused = known instanceof CallError && known.kind === 'refused';
      return { connectedMs: 0, planned: false, refused, error: known };
    }
    for (let told = !quiet; ; told = false) {
      const live = this.#begin(reached, told);
      const next = await this.#hold(live);
      if ('connection' in next) {
        this.#retire(live, RETIRE_MS);
        reached = next;
        continue;
      }
      this.#live = null;
      const { planned } = next;
      const error = planned ? null : explained(next.error, live.connection, live.address, manager);
      // calls under way outlive a goodbye, but not a connection that is broken
      this.#retire(live, planned ? RETIRE_MS : 0);
      return { connectedMs: clock.nowMs() - live.registeredMs, planned, refused: false, error };
    }
  }

  /** Until the connection ends, or another one has taken its place. */
  async #hold(live: Live): Promise<Reached | Awaited<Live['ended']>> {
    const { manager, after, log } = this.#options;
    const { signal } = this.#abort;
    const gone = new AbortController();
    void live.ended.then(() => gone.abort(new Error('the connection before has ended')));
    let onAbort = (): void => {};
    const aborted = new Promise<Awaited<Live['ended']>>((resolve) => {
      onAbort = () => resolve({ planned: false, error: null });
    });
    signal.addEventListener('abort', onAbort, { once: true });
    if (signal.aborted) onAbort();
    let cancelRetry = (): void => {};
    try {
      for (;;) {
        const wanted = new Promise<'move'>((resolve) => {
          this.#wantsMove = () => resolve('move');
          if (this.#moveAgain) resolve('move');
        });
        const first = await Promise.race([live.ended, aborted, wanted]);
        if (first !== 'move') return first;
        cancelRetry();
        this.#moveAgain = false;
        this.#wantsMove = () => {
          this.#moveAgain = true;
        };
        try {
          // the one in use may end meanwhile: then there is nothing to move from
          return await reachManager(this.#reaching(), this.#last, AbortSignal.any([gone.signal, this.#ending.signal]));
        } catch (err) {
          log.debug({ event: 'link-move', err }, 'no second connection to move to yet, the first one stays in use');
          if (!this.#ending.signal.aborted)
            cancelRetry = after(manager.reconnectIntervalMs, 'reconnect', () => this.#wantsMove());
        }
      }
    } finally {
      signal.removeEventListener('abort', onAbort);
      cancelRetry();
      this.#wantsMove = () => {};
    }
  }

  #begin(reached: Reached, told: boolean): Live {
    const { clock, onRegistered, log } = this.#options;
    const { address, calls, connection } = reached;
    let fail: (error: CallError) => void = () => {};
    const failed = new Promise<{ planned: boolean; error: Error | null }>((resolve) => {
      fail = (error) => resolve({ planned: false, error });
    });
    const sent = { request: reached.request };
    const session = new Session({
      ...this.#options,
      calls,
      before: this.#callsBefore,
      heartbeatIntervalMs: this.#options.manager.heartbeatIntervalMs,
      changedRegistration: async () => {
        const request = await this.#options.registration(connection.localAddress, address);
        return sameRegistration(request, sent.request) ? null : request;
      },
      onRenewed: (request) => {
        sent.request = request;
        onRegistered(calls.nodeId);
      },
      makeStream: (onEnd) => this.#options.makeStream(reached, onEnd),
      onFailure: fail,
    });
    this.#last = address;
    this.#told = '';
    const live = { ...reached, session, registeredMs: clock.nowMs(), ended: Promise.race([connection.lost, failed]) };
    this.#live = live;
    onRegistered(calls.nodeId);
    const { nodeId, protocol } = calls;
    this.#enter({ name: 'connected', sinceMs: clock.wallMs(), address, protocol }, null, told);
    log[told ? 'info' : 'debug']({ event: 'registered', nodeId, address, protocol }, `registered as ${nodeId}`);
    session.start();
    return live;
  }

  /** Begins nothing new on it, lets go of it once its calls have their answers, or the time is up. */
  #retire({ session, connection }: Live, graceMs: number): void {
    const closed = session.close();
    this.#callsBefore = Promise.all([this.#callsBefore, session.callsEnded]).then(() => {});
    const ending = (graceMs > 0 ? this.#wait(graceMs, this.#abort.signal, closed) : Promise.resolve())
      .then(() => connection.close())
      .then(() => closed)
      .finally(() => this.#retired.delete(ending));
    this.#retired.add(ending);
  }

  #reaching(): ReachOptions {
    const { clock } = this.#options;
    return {
      ...this.#options,
      onRegistering: (address) => {
        // while the connection before still serves, the link is connected
        if (!this.#live) this.#enter({ name: 'registering', sinceMs: clock.wallMs(), address });
      },
    };
  }

  #enter(state: LinkState, error: DaemonError | null = null, told = true): void {
    if (state.name !== this.#state.name && !mayFollow(this.#state.name, state.name)) {
      throw new DaemonError('internal', `the link cannot go from ${this.#state.name} to ${state.name}`);
    }
    this.#state = state;
    if (state.name === 'connected') this.#failure = { reason: '', busy: false };
    if (state.name === 'backing-off') this.#failure = { reason: state.reason, busy: state.busy };
    this.#tellChange(state, error);
    const { log } = this.#options;
    const { name: stateName, sinceMs: _, ...rest } = state;
    const fields = { event: 'link-state', state: stateName, ...rest };
    if (state.name !== 'backing-off') {
      log[state.name === 'connected' && told ? 'info' : 'debug'](fields, `link is ${state.name}`);
      return;
    }
    const code = error?.code ?? 'D2001';
    // by its cause: words have times in them
    const failure = `${code} ${codeOf(error?.cause) || state.reason}`;
    const again = this.#told === failure;
    this.#told = failure;
    log[again ? 'debug' : 'warn']({ ...fields, code, err: error }, `no link to the Manager: ${state.reason}`);
  }

  #tellChange(state: LinkState, error: DaemonError | null): void {
    const change = state.name === 'connected' ? 'connected' : state.name === 'backing-off' ? 'lost' : this.#toldLink;
    if (change === this.#toldLink) return;
    this.#toldLink = change;
    if (state.name === 'connected') this.#options.onEvent(connectedEvent(state.address, state.protocol));
    if (state.name === 'backing-off') this.#options.onEvent(lostLinkEvent(state.reason, error?.code ?? 'D2001'));
  }

  /** Until the time is up, the signal is aborted, or `over` is: no later. */
  #wait(delayMs: number, signal: AbortSignal, over: Promise<void> | null = null): Promise<void> {
    return new Promise((resolve) => {
      const finish = (): void => {
        signal.removeEventListener('abort', finish);
        cancel();
        resolve();
      };
      const cancel = this.#options.after(delayMs, 'reconnect', finish);
      signal.addEventListener('abort', finish, { once: true });
      if (signal.aborted) finish();
      void over?.then(finish);
    });
  }
}
