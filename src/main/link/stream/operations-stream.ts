/**
 * The way back to hosts that the Manager cannot dial (opslink.v1.Link): keeps one stream open on a channel that is
 * there already, over which the Manager sends operations and takes events. It opens no connection and ends none; it
 * serves one registration, and the next one has another. docs/link-protocol.md is the protocol.
 */
import { type Client, connectivityState, Metadata } from '@grpc/grpc-js';
import type { RemoteDispatcher } from '../../../shared/contracts/remote.ts';
import type { UpdateResult } from '../../../shared/contracts/update.ts';
import { LinkService } from '../../../shared/gen/link.ts';
import { backoffMs } from '../../../shared/lifecycle/backoff.ts';
import type { Clock } from '../../../shared/platform/clock.ts';
import type { EventSource, LinkLog } from '../session.ts';
import { type LinkCall, LinkStream } from './link-stream.ts';
import { MAX_REQUESTS } from './request-desk.ts';
import type { StreamEnd } from './stream-end.ts';

export interface OperationsStreamOptions {
  /** Its channel is shared with the unary calls. */
  client: Client;
  /** As registered. */
  nodeId: string;
  daemonVersion: string;
  /** What this host allows: `remote.allow`. */
  operations(): readonly string[];
  dispatcher: RemoteDispatcher;
  /** Names in the Manager's certificate; none without TLS. */
  callerNames(): readonly string[];
  events: EventSource;
  /** Results of updates that the Manager has not taken yet, oldest first. */
  updateResults(): UpdateResult[];
  /** It has taken them up to this number. */
  onResultsTaken(number: number): void;
  /** The stream has ended, or the Manager has none; not told of close(). */
  onEnd(): void;
  after(delayMs: number, name: string, run: () => void): () => void;
  clock: Clock;
  random: () => number;
  log: LinkLog;
}

/** `closed`: not begun, between two attempts, or over. */
export type StreamState = 'closed' | 'opening' | 'open' | 'unimplemented';

const REOPEN = { baseMs: 1000, maxMs: 60_000 };
/** A stream that lived so long forgets the failures before it. */
const STEADY_MS = 60_000;
/** Events this close together go as one batch. */
const GATHER_MS = 200;
/** How long answers under way may take when the stream is closed. */
const CLOSE_MS = 8000;

export class OperationsStream {
  readonly #options: OperationsStreamOptions;
  #state: StreamState = 'closed';
  #stream: LinkStream | null = null;
  #started = false;
  #openedAtMs = 0;
  #failures = 0;
  #told = '';
  #toTell: StreamEnd | null = null;
  #closing: Promise<void> | null = null;
  #cancelReopen: () => void = () => {};
  #cancelGather: (() => void) | null = null;

  constructor(options: OperationsStreamOptions) {
    this.#options = options;
  }

  get state(): StreamState {
    return this.#state;
  }

  /** Once; from then on it opens the stream anew after each end by itself. */
  start(): void {
    if (this.#started || this.#closing !== null) return;
    this.#started = true;
    this.#open();
  }

  /** There is something new to send. */
  eventsWaiting(): void {
    if (this.#closing !== null || this.#cancelGather || this.#state === 'unimplemented') return;
    this.#cancelGather = this.#options.after(GATHER_MS, 'stream events', () => {
      this.#cancelGather = null;
      this.#stream?.eventsWaiting();
    });
  }

  /** Takes no new requests, lets answers under way go out for a bounded time, then ends the stream. Never rejects. */
  close(withinMs = CLOSE_MS): Promise<void> {
    this.#closing ??= this.#close(withinMs);
    return this.#closing;
  }

  async #close(withinMs: number): Promise<void> {
    this.#cancelReopen();
    this.#cancelGather?.();
    await this.#stream?.close(withinMs);
    this.#state = 'closed';
  }

  #open(): void {
    const { clock, nodeId, daemonVersion, operations, dispatcher, callerNames, log } = this.#options;
    this.#openedAtMs = clock.nowMs();
    const call = this.#call();
    if (!call) {
      this.#ended({ kind: 'with-connection', reason: 'there is no connection to open it on' });
      return;
    }
    this.#tellEnd();
    this.#state = 'opening';
    this.#stream = new LinkStream({
      ...this.#options,
      call,
      hello: { nodeId, daemonVersion, operations: [...operations()], maxRequests: MAX_REQUESTS },
      dispatcher,
      caller: () => ({ via: 'stream', names: callerNames() }),
      onOpen: () => {
        this.#state = 'open';
        log.debug({ event: 'stream-open' }, 'the stream for operations is open');
      },
      onEnd: (end) => this.#ended(end),
    });
  }

  /** Null where the channel is not connected: a call would have it connect anew, to a Manager that knows no node. */
  #call(): LinkCall | null {
    const { client } = this.#options;
    const bytes = (message: Buffer): Buffer => message;
    const asBuffer = ({ buffer, byteOffset, byteLength }: Uint8Array): Buffer =>
      Buffer.from(buffer, byteOffset, byteLength);
    try {
      if (client.getChannel().getConnectivityState(false) !== connectivityState.READY) return null;
      return client.makeBidiStreamRequest(LinkService.connect.path, asBuffer, bytes, new Metadata());
    } catch (error) {
      this.#options.log.debug({ event: 'stream-not-opened', err: error }, 'the channel was closed meanwhile');
      return null;
    }
  }

  #ended(end: StreamEnd): void {
    const { clock, after, random, log, onEnd } = this.#options;
    this.#stream = null;
    this.#state = 'closed';
    if (this.#closing !== null) return;
    if (end.kind === 'unimplemented') this.#state = 'unimplemented';
    onEnd();
    if (end.kind === 'unimplemented') {
      log.debug({ event: 'stream-unimplemented' }, 'the Manager has no stream for operations: it dials this host');
      return;
    }
    const steady = clock.nowMs() - this.#openedAtMs >= STEADY_MS;
    if (steady) this.#told = '';
    this.#failures = steady ? 1 : this.#failures + 1;
    const delayMs = Math.round(backoffMs(this.#failures, REOPEN, random));
    const fields = { event: 'stream-ended', reason: end.reason, delayMs };
    log.debug(fields, `the stream for operations ended: ${end.reason}`);
    if (end.kind !== 'with-connection') this.#toTell = end;
    this.#cancelReopen = after(delayMs, 'operations stream', () => this.#open());
  }

  /** Only once there is still a connection: many an end is the first that is heard of the connection's own. */
  #tellEnd(): void {
    const end = this.#toTell;
    this.#toTell = null;
    if (!end || end.reason === this.#told) return;
    this.#told = end.reason;
    const { log } = this.#options;
    const fields = { event: 'stream-reopened', reason: end.reason };
    log[end.kind === 'fault' ? 'warn' : 'info'](fields, `opened the stream for operations anew: ${end.reason}`);
  }
}
