/**
 * The link to the Manager: connects, registers, keeps one session going, and comes back after every end of it, for
 * as long as the daemon runs. Nothing that the network, the certificates or the Manager do ends it. Each change of
 * its state is one line in the log; the same failure again and again is told once.
 */
import type { Config } from '../../shared/config/schema.ts';
import type { AgentSnapshot } from '../../shared/contracts/agent.ts';
import type { UpdateResult } from '../../shared/contracts/update.ts';
import { DaemonError, describe } from '../../shared/errors/daemon-error.ts';
import type { MetricData, RegisterNodeRequest } from '../../shared/gen/manager.ts';
import type { Clock } from '../../shared/platform/clock.ts';
import { CallError, ManagerCalls } from './calls.ts';
import { type Connection, type DialOptions, dial as systemDial } from './dial.ts';
import { afterSession, type LinkState, mayFollow, type SessionEnd } from './link-state.ts';
import type { Outbox } from './outbox.ts';
import { type LinkLog, milliseconds, Session } from './session.ts';
import { connectError, isTlsVerdict } from './tls-failure.ts';

export interface ManagerLinkOptions {
  manager: Config['manager'];
  nodeId: string;
  /** What waits in it outlives this link: another one may take it over. */
  outbox: Outbox;
  /** The registration for a connection whose own end has this address. */
  registration(localAddress: string): Promise<RegisterNodeRequest>;
  agents(): AgentSnapshot[];
  updateResults(): UpdateResult[];
  onResultsTaken(number: number): void;
  after(delayMs: number, name: string, run: () => void): () => void;
  every(intervalMs: number, name: string, run: () => void | Promise<void>, jitter?: number): () => void;
  clock: Clock;
  random: () => number;
  log: LinkLog;
  dial?: (options: DialOptions) => Promise<Connection>;
}

/** How long a report that is under way may take when the daemon ends. */
const DRAIN_MS = 25_000;

interface Ended {
  planned: boolean;
  error: Error | null;
}
type Failed = SessionEnd & { error: DaemonError | null };

export class ManagerLink {
  readonly #options: ManagerLinkOptions;
  readonly #outbox: Outbox;
  readonly #abort = new AbortController();
  #state: LinkState;
  #session: Session | null = null;
  #life: Promise<void> | null = null;
  #told = '';
  #failure: ManagerLink['failure'] = null;

  constructor(options: ManagerLinkOptions) {
    this.#options = options;
    this.#outbox = options.outbox;
    this.#state = { name: 'connecting', sinceMs: options.clock.wallMs() };
  }

  get state(): LinkState {
    return this.#state;
  }

  /** Why the last attempt failed; null while connected, and before the first failure. */
  get failure(): Pick<Extract<LinkState, { name: 'backing-off' }>, 'reason' | 'busy'> | null {
    return this.#failure;
  }

  start(): void {
    this.#life ??= this.#live();
  }

  /** Reports are kept, in order and bounded, until the Manager has taken them. */
  report(metrics: MetricData[]): void {
    for (const metric of metrics) this.#outbox.add(metric);
    this.#session?.reportsWaiting();
  }

  statesChanged(): void {
    this.#session?.statesChanged();
  }

  async close(): Promise<void> {
    await Promise.race([this.#session?.close(), this.#wait(DRAIN_MS)]);
    this.#abort.abort(new Error('the daemon is ending'));
    await this.#life;
    this.#enter({ name: 'closed', sinceMs: this.#options.clock.wallMs() });
  }

  async #live(): Promise<void> {
    const { clock, random, manager } = this.#options;
    let failures = 0;
    while (!this.#abort.signal.aborted) {
      this.#enter({ name: 'connecting', sinceMs: clock.wallMs() });
      const end = await this.#attempt();
      if (this.#abort.signal.aborted) return;
      const retry = afterSession(end, failures, manager.reconnectIntervalMs, random);
      failures = retry.failures;
      if (retry.delayMs === 0) continue;
      const reason = end.error ? describe(end.error) : 'the Manager closed the connection';
      const busy = end.error instanceof CallError && end.error.busy;
      this.#enter(
        { name: 'backing-off', sinceMs: clock.wallMs(), reason, busy, delayMs: Math.round(retry.delayMs) },
        end.error,
      );
      await this.#wait(retry.delayMs);
    }
  }

  /** One connection from its first packet to its end; never throws. */
  async #attempt(): Promise<Failed> {
    const { manager, clock } = this.#options;
    const dial = this.#options.dial ?? systemDial;
    const { tls, timeoutMs } = manager;
    const address = manager.addresses[0] ?? '';
    const { signal } = this.#abort;
    let connection: Connection | null = null;
    let connectedAtMs = 0;
    // whatever waits for an answer on it ends with the connection
    const cut = (): void => connection?.close();
    signal.addEventListener('abort', cut, { once: true });
    try {
      connection = await dial({ address, tls, timeoutMs, signal });
      const calls = new ManagerCalls(connection.client, timeoutMs);
      await this.#register(calls, connection.localAddress);
      connectedAtMs = clock.nowMs();
      const { planned, error } = await this.#serve(calls, connection);
      return {
        connectedMs: clock.nowMs() - connectedAtMs,
        planned,
        refused: false,
        error: this.#explain(error, connection),
      };
    } catch (error) {
      const failure = this.#explain(error, connection);
      const refused = failure instanceof CallError && failure.kind === 'refused';
      return {
        connectedMs: connectedAtMs ? clock.nowMs() - connectedAtMs : 0,
        planned: false,
        refused,
        error: failure,
      };
    } finally {
      signal.removeEventListener('abort', cut);
      void this.#session?.close();
      this.#session = null;
      cut();
    }
  }

  async #register(calls: ManagerCalls, localAddress: string): Promise<void> {
    const { clock, log, nodeId } = this.#options;
    this.#enter({ name: 'registering', sinceMs: clock.wallMs() });
    const request = await this.#options.registration(localAddress);
    const startedMs = clock.nowMs();
    try {
      await calls.register(request);
    } catch (error) {
      if (!(error instanceof CallError) || error.kind !== 'refused' || !/duplicate/i.test(describe(error))) throw error;
      const what = `the Manager once had node ${nodeId} and deleted it: give this host another daemon.id, or have the entry removed there for good`;
      throw new CallError('D2002', 'refused', what, error);
    }
    log.info(
      { event: 'registered', nodeId, roundTripMs: milliseconds(clock.nowMs() - startedMs) },
      `registered as ${nodeId}`,
    );
  }

  async #serve(calls: ManagerCalls, connection: Connection): Promise<Ended> {
    const { manager, clock, log, nodeId, agents, updateResults, onResultsTaken, after, every } = this.#options;
    this.#told = '';
    this.#enter({ name: 'connected', sinceMs: clock.wallMs() });
    const dropped = this.#outbox.takeDropped();
    if (dropped > 0)
      log.warn(
        { event: 'reports-dropped', entries: dropped },
        `${dropped} reports were dropped while the Manager was away`,
      );
    let end: (end: Ended) => void = () => {};
    const ended = new Promise<Ended>((resolve) => {
      end = resolve;
    });
    void connection.lost.then(end);
    this.#session = new Session({
      nodeId,
      calls,
      outbox: this.#outbox,
      heartbeatIntervalMs: manager.heartbeatIntervalMs,
      agents,
      updateResults,
      onResultsTaken,
      after,
      every,
      clock,
      log,
      onFailure: (error) => end({ planned: false, error }),
    });
    void this.#session.start();
    return ended;
  }

  /** What TLS had to say explains more than the call that failed by it. */
  #explain(error: unknown, connection: Connection | null): DaemonError | null {
    const { tls, addresses } = this.#options.manager;
    const address = addresses[0] ?? '';
    const beneath = connection?.error();
    if (beneath && isTlsVerdict(beneath))
      return connectError(beneath, { address, caFile: tls.caFile, certFile: tls.certFile });
    if (error === null || error instanceof DaemonError) return error;
    return new DaemonError('D2001', 'the connection to the Manager was lost', { cause: error, retryable: true });
  }

  #enter(state: LinkState, error: DaemonError | null = null): void {
    if (state.name !== this.#state.name && !mayFollow(this.#state.name, state.name)) {
      throw new DaemonError('internal', `the link cannot go from ${this.#state.name} to ${state.name}`);
    }
    this.#state = state;
    if (state.name === 'connected') this.#failure = null;
    if (state.name === 'backing-off') this.#failure = state;
    const { log, manager } = this.#options;
    const { name: stateName, sinceMs: _, ...rest } = state;
    const fields = { event: 'link-state', state: stateName, address: manager.addresses[0], ...rest };
    if (state.name !== 'backing-off') {
      log[state.name === 'connected' ? 'info' : 'debug'](fields, `link is ${state.name}`);
      return;
    }
    const again = this.#told === state.reason;
    this.#told = state.reason;
    const code = error?.code ?? 'D2001';
    log[again ? 'debug' : 'warn']({ ...fields, code, err: error }, `no link to the Manager: ${state.reason}`);
  }

  #wait(delayMs: number): Promise<void> {
    const { signal } = this.#abort;
    return new Promise((resolve) => {
      const finish = (): void => {
        signal.removeEventListener('abort', finish);
        cancel();
        resolve();
      };
      const cancel = this.#options.after(delayMs, 'reconnect', finish);
      signal.addEventListener('abort', finish, { once: true });
      if (signal.aborted) finish();
    });
  }
}
