/**
 * Faults on order: what the Manager does wrong with the next calls of a method. One fault a method, the newest
 * counts. Calls that are held wait here until they are released, their caller gives up, or the Manager stops.
 */
import type { ManagerMethod } from '../shared/contracts/manager-events.ts';
import type { Clock } from '../shared/platform/clock.ts';

export type Fault =
  /** `success: false` with the message; with a status (gRPC's number) the call fails with that instead. */
  | { kind: 'refuse'; message: string; status?: number }
  /** Held: not looked at before it is released, then served as if nothing had been. */
  | { kind: 'stall' }
  /** Taken and kept, but no answer ever leaves. */
  | { kind: 'lose' }
  /** Served this many milliseconds late. */
  | { kind: 'delay'; ms: number };

export interface HeldCall {
  /** Served by itself after this; otherwise held for good. */
  forMs?: number;
  serve(): void;
  /** Registers what is to be called when the caller gives up. */
  onGivenUp(givenUp: () => void): void;
}

interface Ordered {
  fault: Fault;
  left: number;
}

interface Held {
  method: ManagerMethod;
  end(served: boolean): void;
}

export class Faults {
  readonly #clock: Clock;
  readonly #ordered = new Map<ManagerMethod, Ordered>();
  readonly #held = new Set<Held>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** For the next `times` calls, or until cleared. */
  set(method: ManagerMethod, fault: Fault, times = Number.POSITIVE_INFINITY): void {
    this.#ordered.set(method, { fault, left: times });
  }

  /** Ends the faults of a method, or all, and lets held calls go on. */
  clear(method?: ManagerMethod): void {
    if (method) this.#ordered.delete(method);
    else this.#ordered.clear();
    this.release(method);
  }

  /** Lets held calls go on; the fault stays for those to come. */
  release(method?: ManagerMethod): void {
    for (const held of [...this.#held]) if (!method || held.method === method) held.end(true);
  }

  /** Calls that wait at this moment. */
  heldCount(method?: ManagerMethod): number {
    return [...this.#held].filter((held) => !method || held.method === method).length;
  }

  /** The fault for a call that came in just now: asking uses up one of its times. */
  take(method: ManagerMethod): Fault | null {
    const ordered = this.#ordered.get(method);
    if (!ordered) return null;
    ordered.left--;
    if (ordered.left <= 0) this.#ordered.delete(method);
    return ordered.fault;
  }

  /** Keeps a call until it is released, its time has passed, or its caller gives up. */
  hold(method: ManagerMethod, call: HeldCall): void {
    let cancel = (): void => {};
    const held: Held = {
      method,
      end: (served) => {
        cancel();
        if (this.#held.delete(held) && served) call.serve();
      },
    };
    this.#held.add(held);
    call.onGivenUp(() => held.end(false));
    if (call.forMs !== undefined) cancel = this.#clock.after(call.forMs, () => held.end(true));
  }

  /** The Manager stops: no fault is left, and held calls are never served. */
  abandon(): void {
    this.#ordered.clear();
    for (const held of [...this.#held]) held.end(false);
  }
}
