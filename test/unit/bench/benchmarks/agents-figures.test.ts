import { expect, test } from 'vitest';
import {
  type AgentsFigures,
  agentsFigures,
  agentsTable,
  growthOf,
} from '../../../../bench/benchmarks/agents-figures.ts';
import type { LogLine } from '../../../../bench/benchmarks/link-log.ts';
import type { Reading } from '../../../../bench/process-figures.ts';
import { summarise } from '../../../../bench/statistics.ts';
import { renderTable } from '../../../../bench/table.ts';
import type { Watched } from '../../../../bench/watch.ts';

const figures = (agents: number, rounds: number[]): AgentsFigures => ({
  agents,
  rssBytes: summarise([20e6 + agents * 10_000, 20e6, 21e6 + agents * 10_000]),
  anonymousBytes: summarise([12e6 + agents * 4000]),
  cpuPercent: 0.4 + agents * 0.005,
  healthRoundMs: rounds.length > 0 ? summarise(rounds) : null,
});

test('one count alone does not grow', () => {
  expect(growthOf([figures(10, [])])).toBeNull();
});

test('only health rounds over all agents count', () => {
  const round = (agents: number, durationMs: number): LogLine => {
    return { timeMs: 0, event: 'health-round', fields: { agents, durationMs } };
  };
  const log = [round(3, 90), round(10, 40), { timeMs: 0, event: 'heartbeat', fields: { agents: 10 } }, round(10, 60)];
  const reading = { rssBytes: 5, anonymousBytes: 3 } as Reading;
  const watched: Watched = { readings: [reading], atMs: [0], cpuTicks: 5, minorFaults: 0, elapsedMs: 10_000 };
  const { healthRoundMs, cpuPercent } = agentsFigures(10, watched, log);
  expect(healthRoundMs).toMatchObject({ n: 2, min: 40, max: 60 });
  expect(cpuPercent).toBe(0.5);
  expect(agentsFigures(11, watched, log).healthRoundMs).toBeNull();
});

test('a row a count, then what each agent more costs', () => {
  const all = [figures(1, [30]), figures(10, [31, 34, 33]), figures(200, [80])];
  expect(renderTable(agentsTable(all, growthOf(all)))).toEqual([
    'agents     RSS, MB   max  anonymous    CPU, %  rounds  round, ms   max',
    '1             20.0  21.0       12.0      0.41       1       30.0  30.0',
    '10            20.1  21.1       12.0      0.45       3       33.0  34.0',
    '200           22.0  23.0       12.8      1.40       1       80.0  80.0',
    'each more  10.0 KB           4.0 KB  0.0050 %           0.249 ms',
    'with none     20.0             12.0      0.40               30.1',
  ]);
});

test('a count without a round has none, and then there is no growth of rounds', () => {
  const all = [figures(1, []), figures(10, [31])];
  const growth = growthOf(all);
  expect(growth?.healthRoundMs).toBeNull();
  expect(renderTable(agentsTable(all, growth)).at(1)).toMatch(/ 0 {10}- {5}-$/);
});
