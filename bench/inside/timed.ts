/** The time that a thread took itself, beside its answer: said there (timed-collect.ts), read here. */

interface Timed {
  threadMs: number;
}

/** Each part of the answer with the time that all of it took. */
export async function timed<Part extends object>(act: () => Promise<Part[]>): Promise<(Part & Timed)[]> {
  const startedMs = performance.now();
  const parts = await act();
  const threadMs = performance.now() - startedMs;
  return parts.map((part) => ({ ...part, threadMs }));
}

/** Throws an Error where another worker answered. */
export function threadMsOf(parts: readonly (object & Partial<Timed>)[]): number {
  const threadMs = parts[0]?.threadMs;
  if (threadMs === undefined) throw new Error('the thread did not say how long it took');
  return threadMs;
}
