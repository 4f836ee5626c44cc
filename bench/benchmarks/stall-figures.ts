/** The figures of the stall benchmark as ratios and a table. Pure. */
import { ratio } from '../statistics.ts';
import { left, milliseconds, right, type Table, times } from '../table.ts';
import type { Compared, Stretches } from './stall-stretches.ts';

type Pick = (stretches: Stretches) => number;

const ROWS = [
  ['heartbeat, median', 'heartbeatMedian', ({ heartbeat }: Stretches): number => heartbeat.median],
  ['heartbeat, p99', 'heartbeatP99', ({ heartbeat }: Stretches): number => heartbeat.p99],
  ['heartbeat, maximum', 'heartbeatMax', ({ heartbeat }: Stretches): number => heartbeat.max],
  ['event loop’s delay, median', 'delayMedian', ({ delay }: Stretches): number => delay.median],
  ['event loop’s delay, p99', 'delayP99', ({ delay }: Stretches): number => delay.p99],
  ['event loop’s delay, maximum', 'delayMax', ({ delay }: Stretches): number => delay.max],
] as const satisfies readonly (readonly [string, string, Pick])[];

/** Busy to idle. */
export type StallRatios = Record<(typeof ROWS)[number][1], number | null>;

export function stallRatios({ idle, busy }: Compared): StallRatios {
  return Object.fromEntries(ROWS.map(([, key, of]) => [key, ratio(of(busy), of(idle))])) as StallRatios;
}

export function stallTable(compared: Compared): Table {
  const { idle, busy } = compared;
  const ratios = stallRatios(compared);
  return {
    columns: [left('figure'), ...['idle', 'busy', 'ratio'].map(right)],
    rows: ROWS.map(([title, key, of]) => [title, ...[idle, busy].map(of).map(milliseconds), times(ratios[key])]),
  };
}
