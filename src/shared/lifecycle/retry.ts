/**
 * The retry policy of the design document (7.2): how often, how long in between, and for how long altogether. Whether
 * a failure may be retried is the caller's to say; docs/retries.md lists what is retried. Attempts never overlap, and
 * nothing of them is left when it returns: no timer, no listener, no attempt under way.
 */
import type { Clock } from '../platform/clock.ts';
import { type BackoffLimits, backoffMs } from './backoff.ts';

export interface RetryPolicy extends BackoffLimits {
  /** Further attempts after the first; Infinity: until it is aborted. */
  maxRetries: number;
  /** No attempt begins later than this after the first one; default: no limit. Does not end one that is under way. */
  budgetMs?: number;
}

/** `failures`: those in a row, from 1. Null when the retries are used up. */
export function delayAfter(policy: RetryPolicy, failures: number, random: () => number): number | null {
  return failures > policy.maxRetries ? null : backoffMs(failures, policy, random);
}

/** No further attempt is made; the cause is what the last one failed by. */
export class GaveUp extends Error {
  override readonly name = 'GaveUp';
  readonly attempts: number;
  /** What was used up. */
  readonly limit: 'retries' | 'budget';

  constructor(attempts: number, limit: 'retries' | 'budget', cause: unknown) {
    super(`given up at attempt ${attempts}`, { cause });
    this.attempts = attempts;
    this.limit = limit;
  }
}

export interface Failure {
  error: unknown;
  /** In a row, this one counted. */
  failures: number;
  /** Until the next attempt. */
  delayMs: number;
}

export interface RetryOptions {
  /** Ends the wait at once; an attempt is handed it and ends itself. */
  signal: AbortSignal;
  clock: Clock;
  random: () => number;
  /** Whether no further attempt would help. */
  isFinal(error: unknown): boolean;
  /** How long the other side asked to be left alone; heeded up to `maxMs`. */
  askedMs?(error: unknown): number;
  /** Told before each wait. */
  onRetry?(failure: Failure): void;
}

/** Waits on the clock; rejects with the signal's reason once it is aborted. */
export function pause(ms: number, clock: Clock, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason);
    const stop = (): void => {
      cancel();
      reject(signal.reason);
    };
    const cancel = clock.after(ms, () => {
      signal.removeEventListener('abort', stop);
      resolve();
    });
    signal.addEventListener('abort', stop, { once: true });
  });
}

/**
 * The value of the first attempt that succeeds. Rejects with a final error as it is, with `GaveUp` when a limit is
 * reached, and with the signal's reason when it was aborted and no attempt succeeded.
 */
export async function retry<T>(
  policy: RetryPolicy,
  attempt: (signal: AbortSignal) => Promise<T>,
  options: RetryOptions,
): Promise<T> {
  const { signal, clock, random, isFinal, askedMs, onRetry } = options;
  const { budgetMs = Number.POSITIVE_INFINITY } = policy;
  const startedMs = clock.nowMs();
  for (let failures = 1; ; failures++) {
    signal.throwIfAborted();
    try {
      return await attempt(signal);
    } catch (error) {
      signal.throwIfAborted();
      if (isFinal(error)) throw error;
      const drawnMs = delayAfter(policy, failures, random);
      if (drawnMs === null) throw new GaveUp(failures, 'retries', error);
      const delayMs = Math.max(drawnMs, Math.min(policy.maxMs, askedMs?.(error) ?? 0));
      if (clock.nowMs() - startedMs + delayMs > budgetMs) throw new GaveUp(failures, 'budget', error);
      onRetry?.({ error, failures, delayMs });
      signal.throwIfAborted(); // by what was just told
      await pause(delayMs, clock, signal);
    }
  }
}
