/** How much is measured: the full run, and one that a commit can afford. Pure. */
export interface Settings {
  quick: boolean;
  idle: {
    /** Of heartbeats and collectors; null leaves the daemon its own defaults. */
    intervalMs: number | null;
    warmUpMs: number;
    windowMs: number;
  };
  /** Of what is measured within a process that stands for the daemon. */
  inside: {
    /** From its start: what the daemon gives back then has been given back. */
    settleMs: number;
    /** How many times as soon as in the daemon memory is given back. */
    speedUp: number;
  };
  collect: {
    coldRuns: number;
    warmRuns: number;
    /** By a thread that is there. */
    readings: number;
    /** After a thread has ended. */
    pauseMs: number;
  };
  health: {
    /** Of agents. */
    counts: readonly number[];
    /** With each. */
    rounds: number;
  };
  report: {
    calls: number;
    /** Of those with a delay on the way, each. */
    delayedCalls: number;
    /** Between two calls, so that each finds both sides at rest. */
    pauseMs: number;
    /** Added to the way there and back together. */
    delaysMs: readonly number[];
  };
  /** Each pair is a daemon with and one without what keeps it small. */
  heartbeat: { pairs: number; warmUpMs: number; windowMs: number };
  start: { runs: number };
  stall: {
    /** Of the file that is hashed. */
    mebibytes: number;
    /** Idle and busy stretches of calls in turn, so that what drifts meets both. */
    stretches: number;
    callsInStretch: number;
    pauseMs: number;
  };
  /** A daemon each. `intervalMs` as in `idle`. */
  agents: { counts: readonly number[]; intervalMs: number | null; warmUpMs: number; windowMs: number };
  link: {
    drain: {
      /** In the queue of each round's daemon. */
      entries: number;
      rounds: number;
      /** Before the Manager is back. */
      beforeMs: number;
      /** After the drain, for heartbeats at rest. */
      restMs: number;
    };
    /** How often the Manager goes and comes back. */
    returns: number;
    /** As those of `idle`. */
    wire: { intervalMs: number | null; warmUpMs: number; windowMs: number };
  };
  update: {
    /** Of the package. */
    mebibytes: number;
    /** Idle and busy stretches of calls in turn, so that what drifts meets both. */
    stretches: number;
    callsInStretch: number;
    pauseMs: number;
    /** Each is one verification and one openssl, of both kinds. */
    rounds: number;
  };
  stress: {
    forMs: number;
    /** Of the file that is hashed. */
    mebibytes: number;
  };
  soak: {
    /** To begin with, so that what comes by seldom has come by often. */
    paced: { intervalMs: number; forMs: number };
    /** Behind that, with the intervals as shipped. */
    warmUpMs: number;
    windowMs: number;
  };
}

/** The same when all else is quick: a shorter one sees nothing. */
const SOAK: Settings['soak'] = {
  paced: { intervalMs: 15_000, forMs: 12 * 60_000 },
  warmUpMs: 5 * 60_000,
  windowMs: 30 * 60_000,
};

export const FULL: Settings = {
  quick: false,
  idle: { intervalMs: null, warmUpMs: 20_000, windowMs: 180_000 },
  inside: { settleMs: 12_000, speedUp: 1 },
  collect: { coldRuns: 40, warmRuns: 200, readings: 200, pauseMs: 50 },
  health: { counts: [1, 10, 50, 200], rounds: 200 },
  report: { calls: 2000, delayedCalls: 100, pauseMs: 5, delaysMs: [20, 80] },
  heartbeat: { pairs: 3, warmUpMs: 20_000, windowMs: 300_000 },
  start: { runs: 10 },
  stall: { mebibytes: 1024, stretches: 5, callsInStretch: 400, pauseMs: 5 },
  agents: { counts: [1, 10, 50, 200], intervalMs: null, warmUpMs: 20_000, windowMs: 120_000 },
  link: {
    drain: { entries: 10_000, rounds: 3, beforeMs: 5000, restMs: 20_000 },
    returns: 20,
    wire: { intervalMs: null, warmUpMs: 10_000, windowMs: 180_000 },
  },
  update: { mebibytes: 1024, stretches: 5, callsInStretch: 400, pauseMs: 5, rounds: 9 },
  stress: { forMs: 60_000, mebibytes: 64 },
  soak: SOAK,
};

export const QUICK: Settings = {
  quick: true,
  idle: { intervalMs: 4000, warmUpMs: 1500, windowMs: 9000 },
  inside: { settleMs: 300, speedUp: 10 },
  collect: { coldRuns: 3, warmRuns: 30, readings: 30, pauseMs: 10 },
  health: { counts: [1, 10, 50, 200], rounds: 10 },
  report: { calls: 60, delayedCalls: 5, pauseMs: 2, delaysMs: [10, 40] },
  heartbeat: { pairs: 1, warmUpMs: 0, windowMs: 1300 },
  start: { runs: 3 },
  stall: { mebibytes: 64, stretches: 2, callsInStretch: 60, pauseMs: 2 },
  agents: { counts: [1, 10], intervalMs: 1000, warmUpMs: 300, windowMs: 1800 },
  link: {
    drain: { entries: 1000, rounds: 1, beforeMs: 300, restMs: 2200 },
    returns: 1,
    wire: { intervalMs: 1000, warmUpMs: 200, windowMs: 2500 },
  },
  update: { mebibytes: 64, stretches: 2, callsInStretch: 100, pauseMs: 2, rounds: 3 },
  stress: { forMs: 2000, mebibytes: 8 },
  soak: SOAK,
};
