/**
 * Keeps the daemon small: gives memory back to the kernel by plan (plan.ts), what may be given back by the maps
 * (mappings.ts). `basic`: only what V8 and the C library hold on to. `full`: also pages of the program's files, which
 * come back when they are touched. Whatever is not as it should be ends the giving back of pages, and nothing else.
 * docs/footprint.md has what each part buys.
 */
import type { Config } from '../../shared/config/schema.ts';
import type { Clock } from '../../shared/platform/clock.ts';
import type { HotPages } from './hot-pages.ts';
import { asPairs, stillMapped } from './mappings.ts';
import type { LoadedNative, NativeMemory } from './native.ts';
import {
  AFTER_START,
  AFTER_THREADS,
  AFTER_TIDYING,
  BURST,
  CODE_AGE,
  type Due,
  isTight,
  restAfterCollectionMs,
  WITH_FAULT_AROUND_EVERY_MS,
  waitForHeartbeatMs,
  watchFor,
} from './plan.ts';
import { findProgramPages } from './program-pages.ts';

/** The process, as far as it is looked at and acted on here. */
export interface OwnProcess {
  executable: string;
  /** Files that it is linked with, itself included. */
  linked: ReadonlySet<string>;
  /** What it stands on cannot be read again at any moment: a file system that may hang. Empty: it can. */
  unreliable(): string;
  /** Of all that is resident, to within some pages. */
  residentBytes(): number;
  /** Sets right what that counts by. While nothing else runs. */
  compareResident(): void;
  smaps(): Buffer;
  maps(): Buffer;
  loadNative(): Promise<{ native: LoadedNative | null; why: string }>;
  /** Whether code that runs often is compiled: a process that is idle gains nothing by it. */
  compile(on: boolean): void;
  /** CPU time of all its threads so far. */
  cpuMs(): number;
  /** How many collections the compiled form of a function outlives in which it has not run. */
  keepCode(collections: number): void;
  /** A collection of everything, at once: by the native calls where there are any, else by what V8 has for tests. */
  collect(calls: Pick<NativeMemory, 'collect'> | null): void;
}

export interface FootprintOptions {
  mode: Config['daemon']['footprint'];
  process: OwnProcess;
  after(delayMs: number, name: string, run: () => void): () => void;
  clock: Pick<Clock, 'nowMs' | 'after'>;
  /** Milliseconds until the next heartbeat; 0 while one is under way, infinity where none is planned. */
  heartbeatInMs(): number;
  log: {
    debug(fields: object, message?: string): void;
    info(fields: object, message?: string): void;
  };
}

interface Pages {
  native: LoadedNative;
  /** As /proc/self/maps has them. */
  heads: Buffer[];
  pairs: BigUint64Array;
  /** Without those that are needed again at once while a thread starts; all of them until these are known. */
  coldPairs: BigUint64Array;
  hot: HotPages | null;
}

const NAME = 'footprint';
/** One with each collection: written files are on the disk within a minute; those of a tmpfs never are. */
const LOOKS_FOR_PAGES = 10;

export class Footprint {
  readonly #options: FootprintOptions;
  #native: LoadedNative | null = null;
  /** Pages of files that are given back; `looking` until they are looked for, `none` where they are not, or no more. */
  #pages: Pages | 'looking' | 'none' = 'looking';
  #looksLeft = LOOKS_FOR_PAGES;
  #threads = 0;
  /** Monotonic milliseconds. */
  #startedMs = Number.NEGATIVE_INFINITY;
  #endedMs = Number.NEGATIVE_INFINITY;
  /** Resident bytes after pages were given back last, and after the last of those that followed a collection. */
  #leftBytes = 0;
  #collectedBytes = 0;
  #cancelLook: () => void = () => {};
  #closed = false;
  #planned: (() => void)[] = [];
  /** Collections that are planned and serve whichever thread ends until then. */
  #collections = 0;
  /** Monotonic milliseconds before which no further one pays. */
  #restUntilMs = 0;

  constructor(options: FootprintOptions) {
    this.#options = options;
  }

  /** Whether pages of files are being given back. */
  get givesPagesBack(): boolean {
    return typeof this.#pages === 'object';
  }

  /** To be called once the process has loaded what it runs on. */
  async start(): Promise<void> {
    const { mode, process } = this.#options;
    process.compile(mode === 'off');
    if (mode === 'off') return;
    const { native, why } = await process.loadNative();
    this.#native = native;
    if (why)
      this.#options.log.debug(
        { event: 'footprint', mode, native: native?.from ?? 'none', why },
        'the native calls could not be loaded as they should be',
      );
    this.#plan(AFTER_START);
  }

  /** What is planned goes with the schedule that it is planned in. */
  close(): void {
    this.#closed = true;
    this.#cancelLook();
  }

  /** A thread has been started. */
  threadStarted(): void {
    this.#threads++;
    this.#startedMs = this.#options.clock.nowMs();
    this.#look();
  }

  /** One is about to end: nothing can be given back while its end is waited for. */
  threadEnding(): void {
    this.#givePagesBack();
  }

  /** One has ended. */
  threadEnded(): void {
    this.#threads--;
    this.#endedMs = this.#options.clock.nowMs();
    this.#look();
    if (this.#threads === 0 && this.#options.mode !== 'off') this.#plan(AFTER_THREADS);
  }

  /** A piece of much work in the main thread is done, and a pause follows. */
  pieceDone(): void {
    if (typeof this.#pages === 'string') return;
    const { process, heartbeatInMs } = this.#options;
    if (process.residentBytes() <= BURST.aboveBytes(this.#leftBytes)) return;
    this.#givePagesBack();
    if (this.#leftBytes <= this.#collectedBytes + BURST.collectAfterBytes) return;
    if (waitForHeartbeatMs(heartbeatInMs()) > 0) return;
    process.collect(this.#native?.calls ?? null);
    this.#collected();
  }

  /** In place of what was planned before, except that a collection which is planned already serves. */
  #plan(dues: readonly Due[]): void {
    for (const cancel of this.#planned) cancel();
    const serves = this.#collections > 0;
    this.#planned = [];
    for (const { afterMs, step } of dues) {
      if (step === 'trim') this.#planned.push(this.#options.after(afterMs, NAME, () => this.#trim()));
      else if (!serves) this.#planCollection(afterMs, step);
    }
  }

  #planCollection(afterMs: number, step: Exclude<Due['step'], 'trim'>): void {
    const serves = step === 'again' ? 0 : 1;
    this.#collections += serves;
    this.#options.after(afterMs, NAME, () => {
      this.#collections -= serves;
      const waitMs = waitForHeartbeatMs(this.#options.heartbeatInMs());
      if (waitMs > 0) this.#planCollection(waitMs, step);
      else if (step === 'tidy') this.#tidy();
      else if (step === 'again') this.#collect();
      else this.#settle(step);
    });
  }

  #tidy(): void {
    const restMs = this.#restUntilMs - this.#options.clock.nowMs();
    if (restMs > 0) {
      this.#trim();
      this.#planCollection(restMs, 'tidy');
      return;
    }
    this.#collect();
    this.#planCollection(AFTER_TIDYING.afterMs, AFTER_TIDYING.step);
  }

  /** What has run at the start and not since is let go with the last of these collections. */
  #settle(step: 'first' | 'last'): void {
    const { process } = this.#options;
    if (step === 'first') process.keepCode(CODE_AGE.atStart);
    this.#collect();
    if (step === 'last') process.keepCode(CODE_AGE.later);
  }

  #collect(): void {
    if (this.#options.mode === 'full' && this.#pages === 'looking') this.#pages = this.#findPages();
    const { clock, process } = this.#options;
    const beforeMs = process.cpuMs(); // on a busy host its time is much longer
    process.collect(this.#native?.calls ?? null);
    const fromMs = Math.max(clock.nowMs(), this.#restUntilMs);
    this.#restUntilMs = fromMs + restAfterCollectionMs(process.cpuMs() - beforeMs);
    this.#collected();
  }

  #collected(): void {
    this.#trim();
    this.#collectedBytes = this.#leftBytes;
  }

  #trim(): void {
    this.#native?.calls.trim();
    this.#check(); // here there is time for it
    this.#givePagesBack();
  }

  /** When everything that stays has been loaded. */
  #findPages(): Pages | 'looking' | 'none' {
    const { process, log, after } = this.#options;
    const native = this.#native;
    if (!native) return 'none';
    try {
      const unreliable = process.unreliable();
      if (unreliable) throw new Error(unreliable);
      const found = findProgramPages(process, native.calls);
      if (!found && --this.#looksLeft > 0) return 'looking';
      if (!found) throw new Error('what the program runs from is never written to a disk');
      const { heads, pairs, hot, withoutFaultAround, lockTableBytes: tableBytes } = found;
      log.debug(
        { event: 'footprint', native: native.from, mappings: heads.length, withoutFaultAround, tableBytes },
        'pages of files are given back',
      );
      if (withoutFaultAround <= 0) after(WITH_FAULT_AROUND_EVERY_MS, NAME, () => this.#again());
      return { native, heads, pairs, coldPairs: pairs, hot };
    } catch (err) {
      this.#stop(err);
      return 'none';
    }
  }

  #again(): void {
    if (typeof this.#pages === 'string') return;
    this.#givePagesBack();
    this.#options.after(WITH_FAULT_AROUND_EVERY_MS, NAME, () => this.#again());
  }

  /** Gives back by need while there are threads, and while their memory is kept. */
  #look(): void {
    this.#cancelLook();
    const { clock, process } = this.#options;
    if (this.#closed || typeof this.#pages === 'string') return;
    const nowMs = clock.nowMs();
    const watch = watchFor(this.#threads, nowMs - this.#startedMs, nowMs - this.#endedMs);
    if (!watch) return;
    if (process.residentBytes() > watch.aboveBytes(this.#leftBytes)) this.#squeeze(this.#pages);
    this.#cancelLook = clock.after(watch.everyMs, () => this.#look());
  }

  #check(): void {
    if (typeof this.#pages === 'string') return;
    if (this.#threads === 0) this.#options.process.compareResident();
    try {
      if (!stillMapped(this.#pages.heads, this.#options.process.maps())) throw new Error('what is mapped has changed');
    } catch (err) {
      this.#stop(err);
    }
  }

  #givePagesBack(): void {
    if (typeof this.#pages === 'object') this.#giveBack(this.#pages, this.#pages.pairs);
  }

  #squeeze(pages: Pages): void {
    if (this.#threads > 0 && pages.hot) this.#learn(pages, pages.hot);
    this.#giveBack(pages, this.#threads > 0 ? pages.coldPairs : pages.pairs);
    if (isTight(this.#leftBytes)) this.#givePagesBack();
  }

  #learn(pages: Pages, hot: HotPages): void {
    const tells = hot.look(pages.native.calls.countPresent);
    if (tells && !hot.learned) return;
    if (tells) pages.coldPairs = asPairs(hot.others());
    pages.hot = null;
  }

  #giveBack({ native }: Pages, pairs: BigUint64Array): void {
    const refused = native.calls.giveBack(pairs);
    this.#leftBytes = this.#options.process.residentBytes();
    if (refused > 0) this.#stop(new Error(`the kernel refused ${refused} of ${pairs.length / 2} ranges`));
  }

  #stop(err: unknown): void {
    this.#pages = 'none';
    this.#options.log.info({ event: 'footprint', err }, 'pages of files are not given back');
  }
}
