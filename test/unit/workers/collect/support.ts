/** Contexts and tasks for the collectors' tests: recorded trees, a clock that is set by hand. */
import { fileURLToPath } from 'node:url';
import type { CollectTask } from '../../../../src/shared/contracts/jobs.ts';
import type { MetricRow, MetricValues } from '../../../../src/shared/contracts/metrics.ts';
import type { CollectContext, Collected } from '../../../../src/workers/collect/context.ts';

export const FIXTURES = fileURLToPath(new URL('../../../fixtures/proc', import.meta.url));

/** A context over `test/fixtures/proc/<tree>`, read at `nowMs`. */
export function fixtureContext(tree: string, nowMs = 0, overrides: Partial<CollectContext> = {}): CollectContext {
  return {
    procRoot: `${FIXTURES}/${tree}`,
    sysRoot: `${FIXTURES}/${tree}/sys`,
    nowMs: () => nowMs,
    wallMs: () => 1_700_000_000_000,
    statProgram: '/nonexistent/stat',
    answerMs: 2000,
    ...overrides,
  };
}

export function task(name: string, state: unknown = null, more: Partial<CollectTask> = {}): CollectTask {
  return { name, state, ...more };
}

/** The values of an outcome that must have some. */
export function valuesOf(collected: Collected): MetricValues {
  if (!collected.values) throw new Error('the collector gave no values');
  return collected.values;
}

export function rowsOf(collected: Collected, list: string): MetricRow[] {
  const rows = valuesOf(collected)[list];
  if (!Array.isArray(rows)) throw new Error(`there are no ${list}`);
  return rows;
}

/** Rows by the field that names them. */
export function rowsBy(collected: Collected, list: string, key: string): Record<string, MetricRow> {
  return Object.fromEntries(rowsOf(collected, list).map((row) => [row[key], row]));
}
