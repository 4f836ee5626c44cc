/** What must be true of results under stress. Pure: each throws an Error that says what was wrong. */
import type { CollectOutcome, CollectTask } from '../../src/shared/contracts/jobs.ts';
import type { Sample } from '../../src/shared/contracts/metrics.ts';
import { fromWire } from '../../src/shared/errors/wire.ts';

/** Those that the kernel lets go back, and what is no counter. */
const MAY_FALL = new Set(['idle', 'iowait', 'steal', 'guest']);
/** Those whose state is counters since boot. A disk's may begin anew at any time. */
const COUNTING = new Set(['cpu', 'network']);

/**
 * The place of the first number that is less than it was, or null. What has come or gone is passed over, and so is
 * what has another text in it (an interface's index): it is another thing under the same name.
 */
export function fallen(before: unknown, after: unknown, path = ''): string | null {
  if (typeof before === 'number' || typeof before === 'bigint') {
    const is = typeof after === typeof before ? (after as number | bigint) : null;
    return is !== null && is < before ? `${path}: ${is} after ${before}` : null;
  }
  if (typeof before !== 'object' || typeof after !== 'object' || before === null || after === null) return null;
  const now = after as Record<string, unknown>;
  const fields = Object.entries(before);
  if (fields.some(([key, value]) => typeof value === 'string' && now[key] !== value)) return null;
  for (const [key, value] of fields) {
    const found = MAY_FALL.has(key) ? null : fallen(value, now[key], path ? `${path}.${key}` : key);
    if (found) return found;
  }
  return null;
}

/** The samples of one collection: one a task, except from those that had no starting counters. */
export function samplesOf(tasks: readonly CollectTask[], outcomes: readonly CollectOutcome[]): Sample[] {
  const wanted = tasks.map(({ name }) => name).join(', ');
  const given = outcomes.map(({ name }) => name).join(', ');
  if (given !== wanted) throw new Error(`a collection of ${wanted} gave outcomes of ${given || 'none'}`);
  return tasks.flatMap(({ name, state: before }, at): Sample[] => {
    const { state = null, sample = null, error = null } = outcomes[at] ?? {};
    if (error) throw new Error(`collector ${name} failed`, { cause: fromWire(error) });
    const fell = COUNTING.has(name) ? fallen(before, state) : null;
    if (fell) throw new Error(`a counter of ${name} fell: ${fell}`);
    if (!sample && before !== null) throw new Error(`collector ${name} gave no sample`);
    return sample ? [sample] : [];
  });
}

export function requireEqual(what: string, is: unknown, wanted: unknown): void {
  if (is !== wanted) throw new Error(`${what}: ${is}, and not ${wanted}`);
}
