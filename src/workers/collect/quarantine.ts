/** Mounts that did not answer are left alone for a while: when they are asked again, and that only one asks. Pure. */

export interface Quarantined {
  /** The process that is still asking, by pid and start time. */
  pid: number;
  startTicks: number;
  /** Monotonic milliseconds. */
  sinceMs: number;
  /** Questions in a row that got no answer. */
  attempts: number;
  retryAtMs: number;
}

const FIRST_WAIT_MS = 60_000;
const LONGEST_WAIT_MS = 15 * 60_000;

export function isQuarantined(value: unknown): value is Quarantined {
  if (typeof value !== 'object' || value === null) return false;
  const entry = value as Partial<Quarantined>;
  const numbers = [entry.pid, entry.startTicks, entry.sinceMs, entry.attempts, entry.retryAtMs];
  return numbers.every((number) => Number.isFinite(number));
}

/** 1 min, 2, 4, 8, then 15. */
export function retryWaitMs(attempts: number): number {
  return Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** (attempts - 1));
}

/** `asking`: whether the process of the last question is still there. */
export function mayAsk(entry: Quarantined, nowMs: number, asking: boolean): boolean {
  return !asking && nowMs >= entry.retryAtMs;
}

export function afterSilence(
  entry: Quarantined | undefined,
  asking: { pid: number; startTicks: number },
  nowMs: number,
): Quarantined {
  const attempts = (entry?.attempts ?? 0) + 1;
  return {
    pid: asking.pid,
    startTicks: asking.startTicks,
    sinceMs: entry?.sinceMs ?? nowMs,
    attempts,
    retryAtMs: nowMs + retryWaitMs(attempts),
  };
}
