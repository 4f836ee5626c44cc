/**
 * The calls of the system that page give-back needs: from the small addon beside the bundle, or else through koffi
 * where that is installed. Neither need be there.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';

/** Ranges are pairs of address and length in bytes, of pages of 4 KiB. None of these throws. */
export interface NativeMemory {
  /** `madvise(MADV_DONTNEED)`. Gives how many ranges the kernel refused. */
  giveBack(ranges: BigUint64Array): number;
  /** Switches fault-around off. Gives how many ranges are without it, or -errno where the kernel has no such thing. */
  withoutFaultAround(ranges: BigUint64Array): number;
  /** `malloc_trim`. Whether the C library has it. */
  trim(): boolean;
  /** Switches the deadlock detection of abseil's locks off. Whether this Node has the switch. */
  quietMutexes(): boolean;
  /** Of abseil's table of locks, where one range holds it: the pages that were never used. Gives bytes. */
  giveBackFilled(range: BigUint64Array): number;
  /** Adds 1 for each page of one range that is there now, in the place of its number. False: it cannot be told. */
  countPresent(range: BigUint64Array, counts: Uint8Array): boolean;
  /** One full collection, as where memory is short. Whether this Node has the call. */
  collect(): boolean;
}

export interface LoadedNative {
  calls: NativeMemory;
  from: 'addon' | 'koffi';
}

/** Null where there is neither. `why` says what was tried in vain. */
export async function loadNative(bundles: string): Promise<{ native: LoadedNative | null; why: string }> {
  if (process.platform !== 'linux') return { native: null, why: `not on ${process.platform}` };
  const addon = join(bundles, 'give-back.node');
  const failures: string[] = [];
  if (existsSync(addon)) {
    try {
      const module = { exports: {} as NativeMemory };
      process.dlopen(module, addon);
      return { native: { calls: module.exports, from: 'addon' }, why: '' };
    } catch (error) {
      failures.push(`${addon}: ${error instanceof Error ? error.message : error}`);
    }
  } else failures.push(`no ${addon}`);
  try {
    const { koffiMemory } = await import('./koffi-memory.ts');
    return { native: { calls: await koffiMemory(), from: 'koffi' }, why: failures.join('; ') };
  } catch (error) {
    failures.push(`koffi: ${error instanceof Error ? error.message.split('\n')[0] : error}`);
  }
  return { native: null, why: failures.join('; ') };
}
