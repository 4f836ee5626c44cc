/** Several things done over and over at the same time, until the time is up or one of them fails. */

/** Each is called again as soon as it has ended. */
export type Acts<Name extends string> = Record<Name, () => Promise<unknown>>;

export interface TogetherOptions {
  forMs: number;
  /** Aborted when one has failed, so that the others end too. */
  abort: AbortController;
}

/** How often each was done, at least once. Rejects with the first failure, under the name of what failed. */
export async function together<Name extends string>(
  acts: Acts<Name>,
  { forMs, abort }: TogetherOptions,
): Promise<Record<Name, number>> {
  const untilMs = performance.now() + forMs;
  const over = async (name: Name): Promise<[Name, number]> => {
    let done = 0;
    try {
      do {
        abort.signal.throwIfAborted();
        await acts[name]();
        done++;
      } while (performance.now() < untilMs);
    } catch (cause) {
      const failure = new Error(`${name}, after ${done} that were right`, { cause });
      abort.abort(failure);
      throw failure;
    }
    return [name, done];
  };
  const counts = await Promise.all((Object.keys(acts) as Name[]).map(over));
  return Object.fromEntries(counts) as Record<Name, number>;
}
