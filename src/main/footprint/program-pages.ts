/** The pages of the program's files that may be given back, as they are found once; the daemon's and of its stress. */
import type { OwnProcess } from './footprint.ts';
import { HotPages } from './hot-pages.ts';
import { asPairs, givable, headsOf, isBeingWritten, mayHoldLockTable, parseSmaps } from './mappings.ts';
import type { NativeMemory } from './native.ts';

export interface ProgramPages {
  /** As /proc/self/maps has them. */
  heads: Buffer[];
  /** As the native calls take them. */
  pairs: BigUint64Array;
  /** To learn which of them are needed again at once. */
  hot: HotPages;
  /** Ranges without fault-around, or -errno. */
  withoutFaultAround: number;
  /** Given back of abseil's table of locks. */
  lockTableBytes: number;
}

/**
 * Finds them, switches fault-around off for them, and gives the table of locks back. To be called when everything that
 * stays has been loaded. Null while one of the files is not on its disk yet: then its pages cannot be told from those
 * that were changed. Throws an Error where the maps are not as expected.
 */
export function findProgramPages(process: OwnProcess, native: NativeMemory): ProgramPages | null {
  const all = parseSmaps(process.smaps());
  if (isBeingWritten(all, process.linked)) return null;
  const mappings = givable(all, process.executable, process.linked);
  const pairs = asPairs(mappings);
  const withoutFaultAround = native.withoutFaultAround(pairs);
  const tables = native.quietMutexes() ? mayHoldLockTable(all) : [];
  const lockTableBytes = tables.reduce((sum, table) => sum + native.giveBackFilled(asPairs([table])), 0);
  return { heads: headsOf(mappings), pairs, hot: new HotPages(mappings), withoutFaultAround, lockTableBytes };
}
