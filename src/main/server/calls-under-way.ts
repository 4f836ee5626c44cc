/**
 * The calls on the port whose callers wait. Each is answered once, in time: a little before its deadline, and when the
 * port closes, it is told that its operation goes on. A call that ends by itself ends DEADLINE_EXCEEDED or UNAVAILABLE
 * on the caller's side, and on these the existing Manager stops calling every node. Begins and ends no operation.
 */
import { type sendUnaryData, status } from '@grpc/grpc-js';
import type { RemoteCallName, RemoteCalls, RemoteOutcome } from '../../shared/contracts/remote.ts';

export interface WaitingCall {
  /** Its caller has gone. */
  readonly cancelled: boolean;
  /** Wall clock; Infinity: none. */
  getDeadline(): Date | number;
}

/** Before the deadline, which the caller counts from the moment at which it sent the request. */
const MARGIN_MS = 2000;
const MARGIN_PART = 0.2;

/** When to answer at the latest, from now. Pure. */
export function answerWithinMs(leftMs: number): number {
  return Math.max(0, leftMs - Math.min(MARGIN_MS, leftMs * MARGIN_PART));
}

const GOES_ON = 'it goes on: ask again for its outcome';

export class CallsUnderWay {
  readonly #after: (delayMs: number, name: string, run: () => void) => () => void;
  readonly #waiting = new Set<(outcome: { status: number; message: string }) => void>();

  constructor(after: (delayMs: number, name: string, run: () => void) => () => void) {
    this.#after = after;
  }

  /** `serve` is told how to ask whether anybody still waits. It never rejects. */
  add<N extends RemoteCallName>(
    call: WaitingCall,
    callback: sendUnaryData<RemoteCalls[N]['response']>,
    serve: (gone: () => boolean) => Promise<RemoteOutcome<N>>,
  ): void {
    let answered = false;
    let cancelTimer = (): void => {};
    const answer = (outcome: RemoteOutcome<N>): void => {
      if (answered) return;
      answered = true;
      cancelTimer();
      this.#waiting.delete(answer);
      if ('response' in outcome) callback(null, outcome.response);
      else callback({ code: outcome.status, details: outcome.message });
    };
    this.#waiting.add(answer);
    const leftMs = Number(call.getDeadline()) - Date.now(); // the wall clock, as grpc-js reckons deadlines
    if (Number.isFinite(leftMs)) {
      cancelTimer = this.#after(answerWithinMs(leftMs), 'answer to the Manager', () =>
        answer({ status: status.INTERNAL, message: `not done in the time that the caller has; ${GOES_ON}` }),
      );
    }
    void serve(() => answered || call.cancelled).then(answer);
  }

  /** Answers all of them. */
  end(): void {
    for (const answer of this.#waiting) {
      answer({ status: status.INTERNAL, message: `the daemon ends before it is done; ${GOES_ON}` });
    }
  }
}
