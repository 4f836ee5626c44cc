/**
 * Gives back what the daemon gives back, found and taken in the same way (src/main/footprint), but all of it each time
 * and without asking whether there is need. Throws where the daemon would stop doing it.
 */
import type { OwnProcess } from '../../src/main/footprint/footprint.ts';
import { asPairs, PAGE_BYTES, stillMapped } from '../../src/main/footprint/mappings.ts';
import type { NativeMemory } from '../../src/main/footprint/native.ts';
import { findProgramPages, type ProgramPages } from '../../src/main/footprint/program-pages.ts';
import { summarise } from '../statistics.ts';
import type { StressFigures } from './order.ts';

type Told = Pick<
  StressFigures,
  'ranges' | 'withoutFaultAround' | 'lockTableBytes' | 'hotPages' | 'beforeBytes' | 'afterBytes'
>;

const sizeOf = (pairs: BigUint64Array): number => {
  return pairs.reduce((sum, value, at) => sum + (at % 2 === 1 ? Number(value) : 0), 0);
};

export class GiveBack {
  readonly #process: OwnProcess;
  readonly #native: NativeMemory;
  readonly #pages: ProgramPages;
  readonly #before: number[] = [];
  readonly #after: number[] = [];
  /** null until it is known which pages are needed again at once. */
  #coldPairs: BigUint64Array | null = null;
  #threads = 0;

  /** To be made when everything that stays has been loaded. Throws an Error where the maps are not as expected. */
  constructor(process: OwnProcess, native: NativeMemory) {
    this.#process = process;
    this.#native = native;
    const found = findProgramPages(process, native);
    if (!found) throw new Error('the program has just been written, and is not on the disk yet');
    this.#pages = found;
  }

  /** All ranges, as the native calls take them. */
  get pairs(): BigUint64Array {
    return this.#pages.pairs;
  }

  threadStarted(): void {
    this.#threads++;
    if (this.#coldPairs) this.#madvise(this.#coldPairs);
  }

  threadEnding(): void {
    this.#madvise(this.pairs);
  }

  threadEnded(): void {
    this.#threads--;
  }

  /** All of it, once. */
  now(): void {
    if (this.#threads > 0) this.#learn();
    const before = this.#process.residentBytes();
    this.#madvise(this.pairs);
    this.#before.push(before);
    this.#after.push(this.#process.residentBytes());
  }

  /** As the daemon does when it is at rest. */
  collect(): void {
    this.#process.collect(this.#native);
    this.#native.trim();
    if (!stillMapped(this.#pages.heads, this.#process.maps())) throw new Error('what is mapped has changed');
  }

  /** Throws where nothing has been given back. */
  told(): Told {
    const freed = this.#before.reduce((sum, before, at) => sum + before - (this.#after[at] ?? before), 0);
    if (freed <= 0) throw new Error(`${this.#before.length} times pages were given back, and none was resident less`);
    return {
      ranges: this.pairs.length / 2,
      withoutFaultAround: this.#pages.withoutFaultAround,
      lockTableBytes: this.#pages.lockTableBytes,
      hotPages: this.#coldPairs ? (sizeOf(this.pairs) - sizeOf(this.#coldPairs)) / PAGE_BYTES : 0,
      beforeBytes: summarise(this.#before),
      afterBytes: summarise(this.#after),
    };
  }

  #learn(): void {
    const { hot } = this.#pages;
    if (this.#coldPairs || !hot.look(this.#native.countPresent) || !hot.learned) return;
    this.#coldPairs = asPairs(hot.others());
  }

  #madvise(pairs: BigUint64Array): void {
    const refused = this.#native.giveBack(pairs);
    if (refused > 0) throw new Error(`the kernel refused ${refused} of ${pairs.length / 2} ranges`);
  }
}
