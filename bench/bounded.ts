/** Waiting with an end: for an answer that has a limit, and for work whose parts must be ended whatever happens. */
import { describe } from '../src/shared/errors/daemon-error.ts';
import { Scope } from '../src/shared/lifecycle/scope.ts';

export interface Bound {
  /** For the error: `the registration`. */
  what: string;
  timeoutMs: number;
  signal: AbortSignal;
}

/** The promise's own end, or a rejection when the time is up or the signal comes; leaves no timer behind. */
export function within<T>(promise: Promise<T>, { what, timeoutMs, signal }: Bound): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`waited ${timeoutMs} ms for ${what}`)), timeoutMs);
    const onAbort = (): void => reject(signal.reason);
    if (signal.aborted) onAbort();
    else signal.addEventListener('abort', onAbort, { once: true });
    promise.then(resolve, reject).finally(() => {
      clearTimeout(timer);
      signal.removeEventListener('abort', onAbort);
    });
  });
}

/** Does the work and then ends what it added to the scope, when it failed too. No failure hides another. */
export async function withScope<T>(work: (scope: Scope) => Promise<T>): Promise<T> {
  const scope = new Scope();
  let result: T;
  try {
    result = await work(scope);
  } catch (error) {
    const late = await scope.close().then(
      () => [],
      (closing: unknown) => [closing],
    );
    throw late.length > 0 ? new AggregateError([error, ...late], describe(error)) : error;
  }
  await scope.close();
  return result;
}

/** One line an error, those inside an AggregateError instead of itself. */
export function reasons(error: unknown): string[] {
  return error instanceof AggregateError ? error.errors.flatMap(reasons) : [describe(error)];
}
