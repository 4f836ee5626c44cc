/** How much of a log is kept: what is beyond goes in whole segments, the oldest first. */
import type { SegmentLog } from './segment-log.ts';

export interface Limits {
  maxBytes: number;
  /** Unix ms: what is older is given up. */
  oldestMs: number;
}

export type LossReason = 'room' | 'age';

const LARGEST_SEGMENT = 1024 * 1024;
const SMALLEST_SEGMENT = 4096;
/** So many make up the bound, so that giving up the oldest does not give up most. */
const SEGMENTS = 8;

export function segmentBytes({ maxBytes }: Limits): number {
  return Math.min(LARGEST_SEGMENT, Math.max(SMALLEST_SEGMENT, maxBytes / SEGMENTS));
}

/** Tells of entries from `head` on that are given up. The newest segment stays, however large, unless it is too old. */
export async function trim(
  disk: SegmentLog,
  head: number,
  { maxBytes, oldestMs }: Limits,
  onLost: (reason: LossReason, count: number) => void,
): Promise<void> {
  while (disk.bytes > maxBytes && disk.segments > 1) onLost('room', await disk.dropOldest(head));
  for (;;) {
    const newestMs = await disk.oldestMs();
    if (newestMs === null || newestMs >= oldestMs) return;
    onLost('age', await disk.dropOldest(head));
  }
}
