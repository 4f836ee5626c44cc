/**
 * What became of updates on this host: the last results, numbered, with how far the Manager has taken note of them,
 * and the versions that were rolled back and are not tried again by themselves. Pure: takes what is known and what
 * happened, gives what is known then.
 */
import type { RefusedVersion, UpdateComponent, UpdateResult } from '../../shared/contracts/update.ts';
import { isSameVersion } from './versions.ts';

export interface Outcomes {
  /** Newest last. */
  results: UpdateResult[];
  refused: RefusedVersion[];
  /** Number of the last result that the Manager has answered. */
  delivered: number;
  /** Number of the last result. */
  last: number;
}

export const NO_OUTCOMES: Outcomes = { results: [], refused: [], delivered: 0, last: 0 };

const MAX_RESULTS = 100;
const MAX_REFUSED = 100;

type Target = Pick<RefusedVersion, 'component' | 'agentId'>;

const sameTarget = (a: Target, b: Target): boolean => a.component === b.component && a.agentId === b.agentId;

/**
 * The result of one update enters once, however often its end is found. `refuse`: the version was tried and is no good,
 * so that it is not to be tried again by itself, also where going back from it failed.
 */
export function withResult(
  outcomes: Outcomes,
  result: Omit<UpdateResult, 'number'>,
  refuse = result.rolledBack,
): Outcomes {
  if (outcomes.results.some(({ id }) => id === result.id)) return outcomes;
  const number = outcomes.last + 1;
  const results = [...outcomes.results, { ...result, number }].slice(-MAX_RESULTS);
  const version = { component: result.component, agentId: result.agentId, version: result.newVersion };
  const others = outcomes.refused.filter(
    (known) => !(sameTarget(known, version) && isSameVersion(known.version, version.version)),
  );
  if (!refuse) return { ...outcomes, results, last: number, refused: result.success ? others : outcomes.refused };
  const refused = { ...version, reason: result.error, atMs: result.atMs, acknowledged: false };
  return { ...outcomes, results, last: number, refused: [...others, refused].slice(-MAX_REFUSED) };
}

export function refusedVersion(
  outcomes: Outcomes,
  component: UpdateComponent,
  agentId: string,
  version: string,
): RefusedVersion | undefined {
  return outcomes.refused.find(
    (known) => sameTarget(known, { component, agentId }) && isSameVersion(known.version, version),
  );
}

/** Somebody has seen what was rolled back. */
export function acknowledged(outcomes: Outcomes): Outcomes {
  return { ...outcomes, refused: outcomes.refused.map((known) => ({ ...known, acknowledged: true })) };
}

/** Results that the Manager has not answered yet, oldest first. */
export function undelivered({ results, delivered }: Outcomes): UpdateResult[] {
  return results.filter(({ number }) => number > delivered);
}

export function deliveredUpTo(outcomes: Outcomes, number: number): Outcomes {
  return { ...outcomes, delivered: Math.max(outcomes.delivered, Math.min(number, outcomes.last)) };
}

function isOutcomes(value: unknown): value is Outcomes {
  if (typeof value !== 'object' || value === null) return false;
  const { results, refused, delivered, last } = value as Partial<Record<keyof Outcomes, unknown>>;
  return Array.isArray(results) && Array.isArray(refused) && Number.isInteger(delivered) && Number.isInteger(last);
}

/** Throws an Error that says what is wrong with the text. */
export function parseOutcomes(text: string): Outcomes {
  const data: unknown = JSON.parse(text);
  if (!isOutcomes(data)) throw new Error('not the outcomes of updates');
  return data;
}
