/** What the daemon takes with so many agents, how each more makes it grow, and the table of both. Pure. */
import { fitLine, type Line } from '../line.ts';
import { cpuPercent, type Summary, summarise } from '../statistics.ts';
import { left, megabytes, milliseconds, right, type Table } from '../table.ts';
import type { Watched } from '../watch.ts';
import type { LogLine } from './link-log.ts';

export interface AgentsFigures {
  agents: number;
  rssBytes: Summary;
  anonymousBytes: Summary;
  cpuPercent: number;
  /** Of rounds over all of the agents, milliseconds from the daemon's log, in whole ones. Null where there was none. */
  healthRoundMs: Summary | null;
}

/** Straight lines through all counts: what each agent more costs, and what is left without any. */
export interface Growth {
  rssBytes: Line;
  anonymousBytes: Line;
  cpuPercent: Line;
  /** Null where not every count had a round. */
  healthRoundMs: Line | null;
}

export function agentsFigures(agents: number, { readings, cpuTicks, elapsedMs }: Watched, log: readonly LogLine[]) {
  const rounds = log
    .filter(({ event, fields }) => event === 'health-round' && fields['agents'] === agents)
    .map(({ fields }) => Number(fields['durationMs']));
  return {
    agents,
    rssBytes: summarise(readings.map(({ rssBytes }) => rssBytes)),
    anonymousBytes: summarise(readings.map(({ anonymousBytes }) => anonymousBytes)),
    cpuPercent: cpuPercent(cpuTicks, elapsedMs),
    healthRoundMs: rounds.length > 0 ? summarise(rounds) : null,
  } satisfies AgentsFigures;
}

/** Of medians. Null for fewer than two counts. */
export function growthOf(all: readonly AgentsFigures[]): Growth | null {
  if (all.length < 2) return null;
  const line = (of: (figures: AgentsFigures) => number): Line =>
    fitLine(all.map((figures) => [figures.agents, of(figures)]));
  return {
    rssBytes: line(({ rssBytes }) => rssBytes.median),
    anonymousBytes: line(({ anonymousBytes }) => anonymousBytes.median),
    cpuPercent: line((figures) => figures.cpuPercent),
    healthRoundMs: all.every(({ healthRoundMs }) => healthRoundMs) ? line((f) => f.healthRoundMs?.median ?? 0) : null,
  };
}

const percent = (value: number): string => value.toFixed(2);

function growthRows({ rssBytes, anonymousBytes, cpuPercent: cpu, healthRoundMs }: Growth): string[][] {
  const kilobytes = ({ slope }: Line): string => `${(slope / 1000).toFixed(1)} KB`;
  return [
    [
      'each more',
      ...[kilobytes(rssBytes), '', kilobytes(anonymousBytes), `${cpu.slope.toFixed(4)} %`, ''],
      ...[healthRoundMs ? `${healthRoundMs.slope.toFixed(3)} ms` : '-', ''],
    ],
    [
      'with none',
      ...[megabytes(rssBytes.intercept), '', megabytes(anonymousBytes.intercept), percent(cpu.intercept), ''],
      ...[healthRoundMs ? milliseconds(healthRoundMs.intercept) : '-', ''],
    ],
  ];
}

export function agentsTable(all: readonly AgentsFigures[], growth: Growth | null): Table {
  const rows = all.map(({ agents, rssBytes, anonymousBytes, cpuPercent: cpu, healthRoundMs: round }) => [
    String(agents),
    ...[rssBytes.median, rssBytes.max, anonymousBytes.median].map(megabytes),
    ...[percent(cpu), String(round?.n ?? 0)],
    ...[round?.median, round?.max].map((ms) => (ms === undefined ? '-' : milliseconds(ms))),
  ]);
  return {
    columns: [left('agents'), ...['RSS, MB', 'max', 'anonymous', 'CPU, %', 'rounds', 'round, ms', 'max'].map(right)],
    rows: [...rows, ...(growth ? growthRows(growth) : [])],
  };
}
