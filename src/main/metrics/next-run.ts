/**
 * When a periodic job runs next. Pure. The cadence is fixed: a late run does not move the following ones, and runs
 * that were missed altogether (a suspended host, a busy loop) are skipped and counted, never made up for.
 */
export interface NextRun {
  dueMs: number;
  /** Runs that were due in between and are left out. */
  skipped: number;
}

export function nextRun(dueMs: number, intervalMs: number, nowMs: number): NextRun {
  const late = nowMs - dueMs;
  if (late < intervalMs) return { dueMs: dueMs + intervalMs, skipped: 0 };
  const skipped = Math.floor(late / intervalMs);
  return { dueMs: dueMs + (skipped + 1) * intervalMs, skipped };
}
