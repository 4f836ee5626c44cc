/**
 * The Manager's side of one stream of opslink.v1.Link, from its hello to its end: requests with ids out, answers and
 * events in. An answer goes to whoever waits for its id; events are answered Taken after they have been kept. What
 * waits when the stream ends is told so.
 */
import { Metadata, type ServerDuplexStream, status } from '@grpc/grpc-js';
import type { AnsweredEvent, ReportedEvent, ReportedUpdate } from '../shared/contracts/manager-events.ts';
import type { Answer, Events, FromDaemon, FromManager, Hello } from '../shared/gen/link.ts';
import { reportedEvent } from './node-services.ts';
import { type RemoteCall, type RemoteFailure, type RemoteResponse, requestMessage, responseIn } from './remote-call.ts';

export type LinkCall = ServerDuplexStream<FromDaemon, FromManager>;
type Outcome = RemoteResponse | RemoteFailure;

export interface LinkStreamOptions {
  call: LinkCall;
  /** The first message came. */
  onHello(hello: Hello): void;
  onAnswer(answer: Omit<AnsweredEvent, 'event' | 'nodeId'>): void;
  /** To be kept before it returns. Answers whether that is to be told to the daemon. */
  onEvents(events: ReportedEvent[], updates: ReportedUpdate[]): boolean;
  /** Once, whoever ended it. */
  onEnd(reason: string): void;
}

const highest = (numbers: readonly { number: number }[]): number => Math.max(0, ...numbers.map(({ number }) => number));

export class LinkStream {
  readonly #options: LinkStreamOptions;
  readonly #waiting = new Map<number, ((outcome: Outcome) => void)[]>();
  #hello: Hello | null = null;
  #ended = false;

  constructor(options: LinkStreamOptions) {
    this.#options = options;
    const { call } = options;
    // at once: until then the daemon cannot tell a Manager that has the service from one that thinks
    call.sendMetadata(new Metadata());
    call.on('data', (message: FromDaemon) => this.#take(message));
    call.on('end', () => this.end(status.OK, 'the daemon ended it'));
    call.on('cancelled', () => this.#over('it was broken off'));
  }

  /** Null before it came. */
  get hello(): Hello | null {
    return this.#hello;
  }

  /** Reads nothing more: what the daemon sends piles up on its side. */
  hold(): void {
    this.#options.call.pause();
  }

  goOn(): void {
    this.#options.call.resume();
  }

  /** Settles with the answer, with UNAVAILABLE when the stream ends, or DEADLINE_EXCEEDED when `after` calls back. */
  request(id: number, call: RemoteCall, after: (givenUp: () => void) => () => void): Promise<Outcome> {
    if (this.#ended) return Promise.resolve({ status: status.UNAVAILABLE, message: 'the stream has ended' });
    return new Promise((resolve) => {
      const settle = (outcome: Outcome): void => {
        cancel();
        resolve(outcome);
      };
      const cancel = after(() => {
        const others = (this.#waiting.get(id) ?? []).filter((other) => other !== settle);
        if (others.length > 0) this.#waiting.set(id, others);
        else this.#waiting.delete(id);
        resolve({ status: status.DEADLINE_EXCEEDED, message: 'no answer came over the stream' });
      });
      this.#waiting.set(id, [...(this.#waiting.get(id) ?? []), settle]);
      this.#options.call.write({ request: requestMessage(id, call) });
    });
  }

  /** Ends it with a status of gRPC. */
  end(code: number, details: string): void {
    if (this.#ended) return;
    const { call } = this.#options;
    if (code === status.OK) call.end();
    else call.emit('error', { code, details });
    this.#over(details);
  }

  #take({ hello, answer, events }: FromDaemon): void {
    if (this.#ended) return;
    if (!this.#hello) {
      if (!hello || hello.nodeId === '') {
        this.end(status.INVALID_ARGUMENT, 'the first message is no hello with a node_id');
        return;
      }
      this.#hello = hello;
      this.#options.onHello(hello);
    } else if (hello) this.end(status.INVALID_ARGUMENT, 'a second hello came');
    else if (answer) this.#answered(answer);
    else if (events) this.#happened(events);
    // else one of a later version of the protocol: not for this Manager
  }

  #answered(answer: Answer): void {
    const { id, status: code, message } = answer;
    const waiting = this.#waiting.get(id) ?? [];
    this.#waiting.delete(id);
    const outcome = responseIn(answer) ?? { status: status.INTERNAL, message: 'the answer has no result' };
    const expected = waiting.length > 0;
    this.#options.onAnswer({ id, status: status[code] ?? `${code}`, message, expected });
    for (const settle of waiting) settle(outcome);
  }

  #happened({ events, updateResults }: Events): void {
    if (!this.#options.onEvents(events.map(reportedEvent), updateResults)) return;
    const taken = { eventNumber: highest(events), updateNumber: highest(updateResults) };
    this.#options.call.write({ taken });
  }

  #over(reason: string): void {
    if (this.#ended) return;
    this.#ended = true;
    const waiting = [...this.#waiting.values()].flat();
    this.#waiting.clear();
    for (const settle of waiting) settle({ status: status.UNAVAILABLE, message: `the stream has ended: ${reason}` });
    this.#options.onEnd(reason);
  }
}
