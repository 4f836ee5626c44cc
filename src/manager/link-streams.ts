/**
 * The streams of all nodes (opslink.v1.Link): one a node, the newest. Faults that are ordered for `Connect` happen
 * here: a refused stream ends with its status, a stalled one is not read before it is released, a late one is served
 * late, and of one to lose everything is kept and nothing is ever answered Taken.
 */
import { status } from '@grpc/grpc-js';
import type { HappenedEvent, ManagerNotice, StreamEvent } from '../shared/contracts/manager-events.ts';
import type { Hello, LinkServer } from '../shared/gen/link.ts';
import type { Clock } from '../shared/platform/clock.ts';
import type { Fault, Faults } from './faults.ts';
import { type LinkCall, LinkStream } from './link-stream.ts';

export interface LinkStreamsOptions {
  faults: Faults;
  clock: Clock;
  onNotice(notice: ManagerNotice): void;
  /** To be kept before it returns. */
  onHappened(event: HappenedEvent): void;
  /** A stream has begun: counts as a call. */
  onServed(): void;
}

export class LinkStreams {
  readonly #options: LinkStreamsOptions;
  readonly #open = new Set<LinkStream>();
  readonly #byNode = new Map<string, LinkStream>();
  #nextId = 1;

  constructor(options: LinkStreamsOptions) {
    this.#options = options;
  }

  service(): LinkServer {
    return { connect: (call) => this.#connect(call) };
  }

  /** That of the node, where it has one. */
  of(nodeId: string): LinkStream | null {
    return this.#byNode.get(nodeId) ?? null;
  }

  nextRequestId(): number {
    return this.#nextId++;
  }

  /** Stops to read the node's stream, or all; answers how many. */
  hold(nodeId?: string): number {
    const held = [...this.#byNode].filter(([node]) => nodeId === undefined || node === nodeId);
    for (const [, stream] of held) stream.hold();
    return held.length;
  }

  release(): void {
    for (const stream of this.#open) stream.goOn();
  }

  /** Ends all of them with a status of gRPC. */
  end(code: number, details: string): void {
    for (const stream of [...this.#open]) stream.end(code, details);
  }

  #connect(call: LinkCall): void {
    call.on('error', () => {}); // a stream that breaks: 'cancelled' says it too
    const { faults } = this.#options;
    const fault = faults.take('Connect');
    if (fault?.kind === 'refuse') {
      this.#options.onNotice(streamEvent('', 'refused', fault.message));
      call.emit('error', { code: fault.status ?? status.PERMISSION_DENIED, details: fault.message });
      return;
    }
    if (fault?.kind === 'stall' || fault?.kind === 'delay') {
      faults.hold('Connect', {
        ...(fault.kind === 'delay' ? { forMs: fault.ms } : {}),
        onGivenUp: (givenUp) => call.once('cancelled', givenUp),
        serve: () => this.#serve(call, null),
      });
      return;
    }
    this.#serve(call, fault);
  }

  #serve(call: LinkCall, fault: Fault | null): void {
    const { clock, onNotice, onHappened, onServed } = this.#options;
    const node = (): string => stream.hello?.nodeId ?? '';
    const stream: LinkStream = new LinkStream({
      call,
      onHello: (hello) => this.#opened(stream, hello),
      onAnswer: (answer) => onNotice({ event: 'answered', nodeId: node(), ...answer }),
      onEvents: (events, updates) => {
        onHappened({ event: 'happened', nodeId: node(), receivedAtMs: clock.wallMs(), via: 'stream', events, updates });
        return fault?.kind !== 'lose';
      },
      onEnd: (reason) => {
        this.#open.delete(stream);
        const current = this.#byNode.get(node()) === stream;
        if (current) this.#byNode.delete(node());
        onNotice(streamEvent(node(), current || node() === '' ? 'closed' : 'replaced', reason, stream.hello));
      },
    });
    this.#open.add(stream);
    onServed();
  }

  #opened(stream: LinkStream, hello: Hello): void {
    const older = this.#byNode.get(hello.nodeId);
    this.#byNode.set(hello.nodeId, stream);
    older?.end(status.ABORTED, 'a newer stream of the node has taken its place');
    this.#options.onNotice(streamEvent(hello.nodeId, 'opened', '', hello));
  }
}

function streamEvent(nodeId: string, state: StreamEvent['state'], reason: string, hello?: Hello | null): StreamEvent {
  const { daemonVersion = '', operations = [], maxRequests = 0 } = hello ?? {};
  return { event: 'stream', nodeId, state, reason, daemonVersion, operations, maxRequests };
}
