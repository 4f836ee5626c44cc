/**
 * Operations on nodes: which way each goes, and what became of it. Over the stream where the node has one, else to the
 * daemon's port; with `existing` the way and the weaknesses of the Manager in service (existing-caller.ts).
 */
import type { ManagerNotice, OperationOutcome } from '../shared/contracts/manager-events.ts';
import type { Clock } from '../shared/platform/clock.ts';
import type { Dialler, DialTarget } from './dialler.ts';
import type { ExistingCaller } from './existing-caller.ts';
import type { LinkStream } from './link-stream.ts';
import type { LinkStreams } from './link-streams.ts';
import { agentOf, type OperationCall, outcomeOf, refusedHere, remoteCall, timeoutOf } from './operation.ts';
import type { NodeRecord } from './records.ts';

export interface OperatorOptions {
  nodes: ReadonlyMap<string, NodeRecord>;
  streams: LinkStreams;
  dialler: Dialler;
  clock: Clock;
  existing: ExistingCaller | null;
  onNotice(notice: ManagerNotice): void;
}

export class Operator {
  readonly #options: OperatorOptions;
  /** Calls that hang. */
  readonly #hanging = new Set<() => void>();

  constructor(options: OperatorOptions) {
    this.#options = options;
  }

  /** Never rejects. `tag` comes back in the notice. */
  async operate(nodeId: string, call: OperationCall, tag?: string): Promise<OperationOutcome> {
    const { clock, onNotice } = this.#options;
    const startedMs = clock.nowMs();
    const outcome = await this.#outcome(nodeId, call);
    onNotice({
      event: 'operated',
      nodeId,
      operation: call.operation.operation,
      agent: agentOf(call.operation),
      ...outcome,
      durationMs: Math.round(clock.nowMs() - startedMs),
      ...(tag === undefined ? {} : { tag }),
    });
    return outcome;
  }

  /** Whatever is under way ends now. */
  stop(): void {
    this.#options.dialler.close();
    for (const end of [...this.#hanging]) end();
  }

  async #outcome(nodeId: string, call: OperationCall): Promise<OperationOutcome> {
    const { nodes, streams, existing } = this.#options;
    const node = nodes.get(nodeId);
    if (!node) return refusedHere(`the Manager has never heard of the node ${nodeId}`, true);
    const refusal = existing?.refusal(call, node);
    if (refusal) return refusedHere(refusal);
    const { via = 'auto' } = call;
    const stream = via === 'dial' ? null : streams.of(nodeId);
    if (stream) return this.#overStream(nodeId, stream, call);
    if (via === 'stream') return refusedHere(`the node ${nodeId} has no stream open`);
    if (!node.registration) return refusedHere(`the node ${nodeId} has not registered: where it is, is not known`);
    const { ip, hostname } = node.registration;
    return this.#byDialling({ nodeId, ip, hostname }, call);
  }

  async #overStream(nodeId: string, stream: LinkStream, call: OperationCall): Promise<OperationOutcome> {
    const { streams, clock } = this.#options;
    const id = call.requestId ?? streams.nextRequestId();
    const givenUp = (run: () => void): (() => void) => clock.after(timeoutOf(call), run);
    return outcomeOf('stream', await stream.request(id, remoteCall(nodeId, call.operation), givenUp));
  }

  async #byDialling(target: DialTarget, call: OperationCall): Promise<OperationOutcome> {
    const { existing, dialler, onNotice } = this.#options;
    if (existing && dialler.wasClosed(target.nodeId)) return this.#hang(call);
    const outcome = outcomeOf(
      'dial',
      await dialler.call(target, remoteCall(target.nodeId, call.operation), timeoutOf(call)),
    );
    if (existing?.freezes(outcome)) {
      const { status: ended, message } = outcome;
      const { operation } = call.operation;
      onNotice({ event: 'frozen', nodeId: target.nodeId, operation, status: ended, message });
    }
    return outcome;
  }

  /** The call never ends by itself: whoever waits gives up. */
  #hang(call: OperationCall): Promise<OperationOutcome> {
    return new Promise((resolve) => {
      const end = (): void => {
        cancel();
        this.#hanging.delete(end);
        resolve({ ...refusedHere('the call hangs: the connection to the node was closed once'), via: 'dial' });
      };
      const cancel = this.#options.clock.after(timeoutOf(call), end);
      this.#hanging.add(end);
    });
  }
}
