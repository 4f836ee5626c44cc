/**
 * Which collectors run when. Pure. Each has a fixed cadence of its own; those whose due times fall together share
 * one run, since starting a thread costs more than collecting. A late or missed run is skipped, never made up for.
 */
import { nextRun } from './next-run.ts';

export interface PlannedCollector {
  name: string;
  intervalMs: number;
  /** Monotonic milliseconds. */
  dueMs: number;
  running: boolean;
  /** Runs left out since the start, because one was still under way or the process was held up. */
  skipped: number;
}

/** Due times this close together count as the same. */
export const SHARED_RUN_MS = 250;

/** The collectors to run now, as they are to be remembered. Those still running are skipped and counted. */
export function takeDue(plan: readonly PlannedCollector[], nowMs: number): { due: string[]; plan: PlannedCollector[] } {
  const due: string[] = [];
  const next = plan.map((collector) => {
    if (collector.dueMs > nowMs + SHARED_RUN_MS) return collector;
    const { dueMs, skipped } = nextRun(collector.dueMs, collector.intervalMs, nowMs);
    if (collector.running) return { ...collector, dueMs, skipped: collector.skipped + skipped + 1 };
    due.push(collector.name);
    return { ...collector, dueMs, skipped: collector.skipped + skipped, running: true };
  });
  return { due, plan: next };
}

/** Monotonic milliseconds of the next run; infinity when there is no collector. */
export function earliestDue(plan: readonly PlannedCollector[]): number {
  return plan.reduce((earliest, { dueMs }) => Math.min(earliest, dueMs), Number.POSITIVE_INFINITY);
}
