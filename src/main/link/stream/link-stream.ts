/**
 * One stream from its hello to its end: what the Manager sends goes to the requests' desk and the events' feed, what
 * they have to say goes out one message at a time. While messages wait to go out nothing more is read, so that a
 * Manager that does not read fills neither side. Tells its end once; nothing of it is left then, timers included.
 */
import { type ClientDuplexStream, status } from '@grpc/grpc-js';
import { describe } from '../../../shared/errors/daemon-error.ts';
import { FromDaemon, FromManager, type Hello } from '../../../shared/gen/link.ts';
import { EventsFeed, type EventsFeedOptions } from './events-feed.ts';
import { MessageOutlet, STALLED_MS } from './message-outlet.ts';
import { RequestDesk, type RequestDeskOptions } from './request-desk.ts';
import { fault, type StreamEnd, streamEnd } from './stream-end.ts';

/** As bytes: what is malformed is ours to tell. */
export type LinkCall = Pick<
  ClientDuplexStream<Uint8Array, Buffer>,
  'on' | 'write' | 'end' | 'cancel' | 'pause' | 'resume'
>;

export interface LinkStreamOptions
  extends Omit<RequestDeskOptions, 'send'>,
    Pick<EventsFeedOptions, 'events' | 'updateResults' | 'onResultsTaken'> {
  call: LinkCall;
  hello: Hello;
  after(delayMs: number, name: string, run: () => void): () => void;
  /** The Manager has answered, or has not refused for a while. */
  onOpen(): void;
  onEnd(end: StreamEnd): void;
}

/** A Manager that sends its headers with its first message only counts as open after this. */
const SILENCE_IS_CONSENT_MS = 1000;
/** How long the Manager may take to end its side once we have ended ours. */
const GOODBYE_MS = 1000;

export class LinkStream {
  readonly #options: LinkStreamOptions;
  readonly #outlet: MessageOutlet;
  readonly #desk: RequestDesk;
  readonly #feed: EventsFeed;
  readonly #timers = new Set<() => void>();
  readonly #ended: Promise<void>;
  #tellEnded: () => void = () => {};
  #over = false;
  #open = false;
  #paused = false;

  constructor(options: LinkStreamOptions) {
    this.#options = options;
    const { call, hello, after } = options;
    this.#ended = new Promise((resolve) => {
      this.#tellEnded = resolve;
    });
    this.#outlet = new MessageOutlet({
      write: (bytes, written) => call.write(bytes, written),
      onClear: () => this.#resume(),
      onStalled: () => this.#abort(fault(`the Manager has not read from the stream for ${STALLED_MS / 1000} s`)),
      after,
    });
    const send = (bytes: Uint8Array, sent?: () => void): void => this.#send(bytes, sent);
    this.#desk = new RequestDesk({ ...options, send });
    this.#feed = new EventsFeed({ ...options, send });
    call.on('metadata', () => this.#opened());
    call.on('data', (bytes: Buffer) => this.#receive(bytes));
    call.on('error', () => {}); // the status that always follows says the same
    call.on('status', ({ code, details }) => this.#finish(streamEnd(code, details)));
    this.#send(FromDaemon.encode({ hello }).finish());
    this.#after(SILENCE_IS_CONSENT_MS, () => this.#opened());
  }

  /** Sends what waits, once it is open. */
  eventsWaiting(): void {
    if (this.#open) void this.#feed.more();
  }

  /** Takes no new requests, waits for answers under way for so long, then ends the stream. Never rejects. */
  async close(withinMs: number): Promise<void> {
    this.#feed.end();
    await this.#within(withinMs, this.#desk.close());
    if (this.#over) return;
    this.#outlet.end();
    this.#options.call.end();
    this.#resume(); // else its end would not be heard behind what was not read
    await this.#within(GOODBYE_MS, this.#ended);
    this.#abort(streamEnd(status.CANCELLED, 'ended by this host'));
  }

  #send(bytes: Uint8Array, sent?: () => void): void {
    this.#outlet.send(bytes, sent);
    if (!this.#outlet.backed || this.#paused) return;
    this.#paused = true;
    this.#options.call.pause();
  }

  #resume(): void {
    if (!this.#paused || this.#over) return;
    this.#paused = false;
    this.#options.call.resume();
  }

  #receive(bytes: Buffer): void {
    if (this.#over) return;
    this.#opened();
    let message: FromManager;
    try {
      message = FromManager.decode(bytes);
    } catch (error) {
      this.#abort(fault(`the Manager sent what is no message of opslink.v1 (${describe(error)})`));
      return;
    }
    if (message.request) this.#desk.take(message.request);
    else if (message.taken) void this.#feed.taken(message.taken);
    else this.#options.log.debug({ event: 'stream-message-ignored' }, 'the Manager sent a message of no known kind');
  }

  #opened(): void {
    if (this.#open || this.#over) return;
    this.#open = true;
    this.#options.onOpen();
    void this.#feed.more();
  }

  #abort(end: StreamEnd): void {
    if (this.#over) return;
    this.#options.call.cancel();
    this.#finish(end);
  }

  #finish(end: StreamEnd): void {
    if (this.#over) return;
    this.#over = true;
    this.#desk.abandon();
    this.#feed.end();
    this.#outlet.end();
    for (const cancel of this.#timers) cancel();
    this.#tellEnded();
    this.#options.onEnd(end);
  }

  #after(delayMs: number, run: () => void): () => void {
    const cancel = this.#options.after(delayMs, 'operations stream', () => {
      this.#timers.delete(cancel);
      run();
    });
    this.#timers.add(cancel);
    return () => {
      this.#timers.delete(cancel);
      cancel();
    };
  }

  /** Settles with `work`, the end of the stream, or after so long. */
  async #within(delayMs: number, work: Promise<void>): Promise<void> {
    if (this.#over) return;
    let cancel: () => void = () => {};
    const late = new Promise<void>((resolve) => {
      cancel = this.#after(delayMs, resolve);
    });
    await Promise.race([work, this.#ended, late]);
    cancel();
  }
}
