/** A process that keeps count of what is given back, and a footprint of it on a clock that the test moves. */
import { Footprint, type FootprintOptions, type OwnProcess } from '../../../../src/main/footprint/footprint.ts';
import { PAGE_BYTES } from '../../../../src/main/footprint/mappings.ts';
import type { LoadedNative, NativeMemory } from '../../../../src/main/footprint/native.ts';
import { Scheduler } from '../../../../src/main/schedule/scheduler.ts';
import { FakeClock } from '../../../fakes/clock.ts';
import { FakeLog } from '../../../fakes/log.ts';
import { mapsOf, NODE, smapsOf } from './smaps.ts';

const TEXT = { range: '1000-9000' };
const LIBRARY = { range: '20000-24000', permissions: 'r--p', inode: 8, path: '/lib/a.so' };
export const TABLE = { range: '100000-201000', permissions: 'rw-p', inode: 0, path: '', rssKb: 1028 };
/** All that is mapped. */
export const PROGRAM = [TEXT, LIBRARY, TABLE];
/** Of the text and the library, as the native calls take them. */
export const ALL_PAIRS = [0x1000n, 0x8000n, 0x20000n, 0x4000n];

export class FakeProcess implements OwnProcess {
  readonly executable = NODE;
  readonly linked = new Set([NODE, LIBRARY.path]);
  /** What was done, in order: `collect`, `trim`, `give back` … */
  readonly done: string[] = [];
  /** What each collection takes. */
  collectionCpuMs = 0;
  /** After how many collections it was told to keep code for how many. */
  readonly codeAges: [number, number][] = [];
  /** The ranges of each giving back of pages. */
  readonly given: bigint[][] = [];
  readonly tables: bigint[][] = [];
  resident = 20_000_000;
  /** What is resident after pages were given back; null: as before. */
  left: number | null = null;
  /** How often it was asked how much is resident. */
  looks = 0;
  /** How often what it counts by was set right. */
  compared = 0;
  smapsText = smapsOf(...PROGRAM);
  mapsText = mapsOf(...PROGRAM);
  hangs = '';
  compiles: boolean | null = null;
  /** Null: there are no native calls. */
  native: LoadedNative | null;
  refused = 0;
  fault: number | null = null;
  quiet = true;
  /** Pages that are there at each look; null: it cannot be told. */
  present: ((page: number) => boolean) | null = () => false;

  constructor() {
    this.native = { calls: this.#calls(), from: 'addon' };
  }

  /** How often this was done. */
  times(what: string): number {
    return this.done.filter((done) => done === what).length;
  }

  /** Forgets what was done up to now. */
  forget(): void {
    for (const list of [this.done, this.given]) list.length = 0;
    this.looks = 0;
    this.compared = 0;
  }

  unreliable(): string {
    return this.hangs;
  }
  residentBytes(): number {
    this.looks++;
    return this.resident;
  }
  compareResident(): void {
    this.compared++;
  }
  smaps(): Buffer {
    this.done.push('smaps');
    return Buffer.from(this.smapsText);
  }
  maps(): Buffer {
    return Buffer.from(this.mapsText);
  }
  async loadNative(): Promise<{ native: LoadedNative | null; why: string }> {
    this.done.push('load');
    return { native: this.native, why: this.native ? '' : 'nothing was built' };
  }
  compile(on: boolean): void {
    this.compiles = on;
  }
  cpuMs(): number {
    return this.times('collect') * this.collectionCpuMs;
  }
  keepCode(collections: number): void {
    this.codeAges.push([this.times('collect'), collections]);
  }
  collect(): void {
    this.done.push('collect');
  }

  #calls(): NativeMemory {
    return {
      giveBack: (pairs) => {
        this.done.push('give back');
        this.given.push([...pairs]);
        if (this.left !== null) this.resident = this.left;
        return this.refused;
      },
      withoutFaultAround: (pairs) => {
        this.done.push('without fault-around');
        return this.fault ?? pairs.length / 2;
      },
      trim: () => {
        this.done.push('trim');
        return true;
      },
      quietMutexes: () => this.quiet,
      giveBackFilled: (pairs) => {
        this.tables.push([...pairs]);
        return 1_000_000;
      },
      countPresent: (pairs, counts) => {
        this.done.push('count');
        const first = Number(pairs[0]) / PAGE_BYTES;
        counts.forEach((count, at) => {
          counts[at] = count + Number(this.present?.(first + at) ?? false);
        });
        return this.present !== null;
      },
      collect: () => true,
    };
  }
}

interface Made {
  footprint: Footprint;
  process: FakeProcess;
  clock: FakeClock;
  log: FakeLog;
  scheduler: Scheduler;
  /** What a callback of the schedule threw. */
  errors: unknown[];
  /** Milliseconds until the next heartbeat, on the clock of the test. */
  heartbeat: { inMs(): number };
}

/** Started, with the process as `prepare` leaves it. */
export async function started(
  mode: FootprintOptions['mode'],
  prepare: (process: FakeProcess) => void = () => {},
): Promise<Made> {
  const [clock, log, process] = [new FakeClock(), new FakeLog(), new FakeProcess()];
  const errors: unknown[] = [];
  const scheduler = new Scheduler({ clock, random: () => 0.5, onError: (error) => errors.push(error) });
  const heartbeat = { inMs: () => Number.POSITIVE_INFINITY };
  prepare(process);
  const footprint = new Footprint({
    ...{ mode, process, clock, log },
    after: (delayMs, name, run) => scheduler.after(delayMs, name, run),
    heartbeatInMs: () => heartbeat.inMs(),
  });
  await footprint.start();
  return { footprint, process, clock, log, scheduler, errors, heartbeat };
}

/** As far as the last step after the start. */
export async function atRest(prepare?: (process: FakeProcess) => void): Promise<Made> {
  const made = await started('full', prepare);
  await made.clock.advance(12_000);
  made.process.forget();
  return made;
}
