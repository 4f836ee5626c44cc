/** What was found, as a table, and what it comes to. Pure. */
import type { Table } from '../text/table.ts';
import { colourOf, type Paint } from '../text/terminal.ts';
import { type Finding, OUTCOMES } from './finding.ts';

export function findingsTable(findings: readonly Finding[], paint: Paint): Table {
  return {
    head: ['OUTCOME', 'CHECK', 'FOUND'],
    rows: findings.map(({ outcome, check, subject, found, advice }) => [
      paint(colourOf(outcome), outcome),
      check,
      `${subject}: ${found}${advice === '' ? '' : `\n-> ${advice}`}`,
    ]),
  };
}

/** `3 ok, 1 warning`: those that there are. */
export function summary(findings: readonly Finding[]): string {
  const counts = OUTCOMES.map(
    (outcome) => [findings.filter((one) => one.outcome === outcome).length, outcome] as const,
  );
  return counts.flatMap(([count, outcome]) => (count > 0 ? [`${count} ${outcome}`] : [])).join(', ');
}
