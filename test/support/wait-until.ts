/** Waiting for a condition with a bound, in place of sleeping. */
import { setTimeout as sleep } from 'node:timers/promises';
import { inspect } from 'node:util';

export interface WaitOptions {
  /** What is awaited, for the error: `the second heartbeat`. */
  what: string;
  /** Default: 10 s. */
  timeoutMs?: number;
  /** Default: 10 ms. */
  everyMs?: number;
}

/** Everything that does not count as having come. */
type Absent = false | null | undefined | 0 | '';

function shown(outcome: { value: unknown } | { error: unknown }): string {
  if ('error' in outcome)
    return `threw ${outcome.error instanceof Error ? outcome.error.message : String(outcome.error)}`;
  return inspect(outcome.value, { depth: 4, breakLength: 120 });
}

/**
 * Asks until the answer is truthy, and gives that answer. A condition that throws is asked again. When the time is
 * up, throws an Error that says what was awaited and what the last answer was.
 */
export async function waitFor<T>(condition: () => T | Promise<T>, options: WaitOptions): Promise<Exclude<T, Absent>> {
  const { what, timeoutMs = 10_000, everyMs = 10 } = options;
  const until = performance.now() + timeoutMs;
  for (;;) {
    let outcome: { value: T } | { error: unknown };
    try {
      const value = await condition();
      if (value) return value as Exclude<T, Absent>;
      outcome = { value };
    } catch (error) {
      outcome = { error };
    }
    if (performance.now() >= until)
      throw new Error(`waited ${timeoutMs} ms for ${what}; the last answer: ${shown(outcome)}`);
    await sleep(everyMs);
  }
}
