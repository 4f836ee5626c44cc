/**
 * Ends processes: politely, then not. SIGTERM goes with SIGCONT, since a stopped process acts on nothing before it
 * goes on; SIGKILL follows when the time is up. Settles the moment the process has gone. One that is stuck in the
 * kernel (state D) cannot be ended by anybody: that is an answer, not a wait.
 */
import type { Clock } from '../../shared/platform/clock.ts';
import type { ProcessIdentity } from './instance-state.ts';
import type { Processes } from './launcher.ts';

export interface EndDeps {
  processes: Processes;
  clock: Clock;
  after(delayMs: number, name: string, run: () => void): () => void;
}

/** `abandoned`: nobody waits any more; the process was signalled and may or may not go. */
export type EndOutcome = 'gone' | 'unkillable' | 'abandoned';

/** How long after SIGKILL a process may still be there before it is called unkillable. */
const KILL_TIMEOUT_MS = 5000;
/** How long children that an agent left behind may take to end by themselves. */
const LEFTOVER_GRACE_MS = 1000;
const POLL_MS = 50;

/** True when `gone` holds, false when `limitMs` have passed or the wait was given up. `wake` makes it look at once. */
function waitUntil(
  gone: () => boolean,
  limitMs: number,
  deps: EndDeps,
  signal: AbortSignal,
  wake: Promise<unknown> | null = null,
): Promise<boolean> {
  const until = deps.clock.nowMs() + limitMs;
  return new Promise((resolve) => {
    let cancel: () => void = () => {};
    let settled = false;
    const finish = (result: boolean): void => {
      settled = true;
      cancel();
      signal.removeEventListener('abort', look);
      resolve(result);
    };
    const look = (): void => {
      if (settled) return;
      cancel();
      if (gone()) finish(true);
      else if (signal.aborted || deps.clock.nowMs() >= until) finish(false);
      else cancel = deps.after(POLL_MS, 'process end', look);
    };
    signal.addEventListener('abort', look, { once: true });
    void wake?.then(look);
    look();
  });
}

export interface EndOptions {
  /** Time between SIGTERM and SIGKILL. */
  timeoutMs: number;
  /** Aborted when nobody waits any more. */
  signal: AbortSignal;
  /** Settles when the process has gone, where that is an event. */
  exited?: Promise<unknown> | null;
}

/** Ends an agent's process and its whole group. */
export async function endProcess(identity: ProcessIdentity, deps: EndDeps, options: EndOptions): Promise<EndOutcome> {
  const { processes } = deps;
  const { signal, exited } = options;
  const gone = (): boolean => !processes.find(identity);
  processes.signalGroup(identity, 'SIGTERM');
  processes.signalGroup(identity, 'SIGCONT');
  if (await waitUntil(gone, options.timeoutMs, deps, signal, exited)) return 'gone';
  if (signal.aborted) return 'abandoned';
  processes.signalGroup(identity, 'SIGKILL');
  if (await waitUntil(gone, KILL_TIMEOUT_MS, deps, signal, exited)) return 'gone';
  return signal.aborted ? 'abandoned' : 'unkillable';
}

/** Ends what an agent left behind, each process by itself. Returns those that are still there. */
export async function endLeftovers(
  left: readonly ProcessIdentity[],
  deps: EndDeps,
  signal: AbortSignal,
): Promise<ProcessIdentity[]> {
  const { processes } = deps;
  const remaining = (): ProcessIdentity[] => left.filter((identity) => processes.find(identity));
  for (const name of ['SIGTERM', 'SIGCONT'] as const) for (const identity of left) processes.signal(identity, name);
  if (await waitUntil(() => remaining().length === 0, LEFTOVER_GRACE_MS, deps, signal)) return [];
  for (const identity of remaining()) processes.signal(identity, 'SIGKILL');
  await waitUntil(() => remaining().length === 0, KILL_TIMEOUT_MS, deps, signal);
  return remaining();
}
