/** What the status page shows: the answer of its `/api/status`. Texts in it come from agents and are only ever text. */
import type { AgentView, LinkView, RecordedEvent, StatusView } from './control.ts';
import type { CheckResult } from './health.ts';
import type { Sample } from './metrics.ts';
import type { UpdateProgress } from './update.ts';

/** A point: Unix milliseconds, then a figure for each of the series' names; null where there was none. */
export type HistoryPoint = readonly [atMs: number, ...figures: (number | null)[]];

export interface HistorySeries {
  names: readonly string[];
  /** Of the last hour, oldest first. */
  points: HistoryPoint[];
}

/** Shares in percent, rates in bytes a second. */
export const HISTORY_NAMES = {
  cpu: ['usage'],
  memory: ['used'],
  /** `used`: of the fullest file system. */
  disk: ['used', 'read', 'written'],
  network: ['received', 'sent'],
} as const;
export type HistoryName = keyof typeof HISTORY_NAMES;

export interface ShownAgent extends AgentView {
  checks: CheckResult[];
}

export interface StatusPageView {
  /** Unix milliseconds, by this host. */
  nowMs: number;
  status: StatusView;
  link: LinkView;
  agents: ShownAgent[];
  /** Newest first. */
  events: Omit<RecordedEvent, 'details'>[];
  updates: UpdateProgress[];
  metrics: { atMs: number; samples: Sample[]; errors: string[] };
  history: Record<HistoryName, HistorySeries>;
}
