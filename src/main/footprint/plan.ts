/**
 * When memory is given back, and what. Pure.
 *
 * A thread costs 7 to 10 MB while it lives, and makes pages of the program resident by the thousand while it starts:
 * they are given back meanwhile, or both together would be the peak. V8 keeps the memory of a thread that has ended
 * for 8 s. A full collection then finds the least to keep; it holds everything up for 5 to 20 ms, so it comes when no
 * heartbeat is due.
 */
export interface Due {
  /** Milliseconds from what it follows. */
  afterMs: number;
  /**
   * `trim`: pages of files, and what the C library keeps free. `tidy`: that, after a collection, once the last one
   * is long enough ago. `again`: the same once more. `first` and `last` of the start: after a collection in any case.
   */
  step: 'trim' | 'tidy' | 'again' | 'first' | 'last';
}

/** After the start: registered and at rest; then the starting counters are taken, and there is a first report. */
export const AFTER_START: readonly Due[] = [
  { afterMs: 2500, step: 'first' },
  { afterMs: 11_000, step: 'last' },
];

/**
 * In how many collections in a row V8 finds a function not to have run before it lets go of its compiled form: 1 MB
 * has run at the start only. What runs each minute is to be kept: compiling it again costs more than it takes.
 */
export const CODE_AGE = { atStart: 1, later: 6 };

/** After the last thread has ended. */
export const AFTER_THREADS: readonly Due[] = [
  { afterMs: 20, step: 'trim' },
  { afterMs: 9500, step: 'tidy' },
];
/** After a tidying collection: frees 0.7 MB that it has only emptied. */
export const AFTER_TIDYING = { afterMs: 3000, step: 'again' } as const satisfies Due;

const MB = 1_000_000;

/** When to look at how much is resident, and how much is too much. */
export interface Watch {
  everyMs: number;
  /** Resident bytes above which pages are given back, after so many were left by the last time. */
  aboveBytes(leftBytes: number): number;
}

/** Each giving back is paid for by what is needed again: it waits until there is something to give. */
export const STARTING_THREAD: Watch = {
  everyMs: 2, // pages come in at up to 1 MB a millisecond
  // the daemon is to stay under 30 MB, and a look may be late; where that cannot be, it is not looked for in vain
  aboveBytes: (leftBytes) => Math.max(Math.min(Math.max(leftBytes + 3 * MB, 24 * MB), 27 * MB), leftBytes + MB),
};
/** One that has work for longer: what comes in does so slowly. */
export const LONG_THREAD: Watch = { ...STARTING_THREAD, everyMs: 100 };
/** The memory of an ended thread is still kept, while its results are sent. */
export const ENDED_THREAD: Watch = { everyMs: 600, aboveBytes: (leftBytes) => leftBytes + 1.5 * MB };

/**
 * While the main thread itself has much to do, piece by piece (a backlog of reports): looked at after each piece. Its
 * garbage would lie there until V8 minds, and what V8 then frees it keeps: 15 MB more. A collection itself takes 10 MB
 * for a moment, so that it has to come early.
 */
export const BURST = {
  aboveBytes: (leftBytes: number): number => Math.max(leftBytes + 3 * MB, 22 * MB),
  /** Of what is left when pages were given back: so much more than after the last collection is worth another one. */
  collectAfterBytes: 2 * MB,
};

/** Whether too much is left when only cold pages were given back. */
export function isTight(leftBytes: number): boolean {
  return leftBytes > 26.4 * MB;
}

const STARTING_MS = 2000;
const KEPT_MS = 9000;

/** Null: nothing to watch. Times are milliseconds since the newest thread was started and since the last one ended. */
export function watchFor(threads: number, startedMs: number, endedMs: number): Watch | null {
  if (threads > 0) return startedMs < STARTING_MS ? STARTING_THREAD : LONG_THREAD;
  return endedMs < KEPT_MS ? ENDED_THREAD : null;
}

/** Where the kernel has fault-around on, each touch brings 16 pages: they are given back all the time. */
export const WITH_FAULT_AROUND_EVERY_MS = 1000;

/** Of one core: a collection takes 10 ms of CPU on Node 20 and 25 ms on Node 24, several times that on a busy host. */
const COLLECTING_SHARE = 1 / 100;

/** Milliseconds without another round of collections after one that took so many of CPU: so they keep their share. */
export function restAfterCollectionMs(tookCpuMs: number): number {
  return tookCpuMs / COLLECTING_SHARE;
}

/** A collection keeps this distance from a heartbeat: several times what one takes. */
const CLEAR_MS = 100;

/** Milliseconds to wait with a collection; 0: it may come now. `heartbeatInMs`: 0 while one is under way. */
export function waitForHeartbeatMs(heartbeatInMs: number): number {
  return heartbeatInMs > CLEAR_MS ? 0 : Math.max(0, heartbeatInMs) + CLEAR_MS;
}
