/** How much is measured: the full run, and one that a commit can afford. Pure. */
export interface Settings {
  quick: boolean;
  idle: {
    /** Of heartbeats and collectors; null leaves the daemon its own defaults. */
    intervalMs: number | null;
    warmUpMs: number;
    windowMs: number;
  };
  collect: { coldRuns: number; warmRuns: number; readings: number };
  health: { rounds: number };
  /** `pauseMs`: between two calls, so that each finds both sides at rest. */
  report: { calls: number; pauseMs: number };
  start: { runs: number };
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
}

export const FULL: Settings = {
  quick: false,
  idle: { intervalMs: null, warmUpMs: 10_000, windowMs: 180_000 },
  collect: { coldRuns: 40, warmRuns: 200, readings: 1000 },
  health: { rounds: 200 },
  report: { calls: 2000, pauseMs: 5 },
  start: { runs: 10 },
  link: {
    drain: { entries: 10_000, rounds: 3, beforeMs: 5000, restMs: 20_000 },
    returns: 20,
    wire: { intervalMs: null, warmUpMs: 10_000, windowMs: 180_000 },
  },
  update: { mebibytes: 1024, stretches: 5, callsInStretch: 400, pauseMs: 5, rounds: 9 },
};

export const QUICK: Settings = {
  quick: true,
  idle: { intervalMs: 15_000, warmUpMs: 3000, windowMs: 38_000 },
  collect: { coldRuns: 5, warmRuns: 30, readings: 100 },
  health: { rounds: 20 },
  report: { calls: 150, pauseMs: 2 },
  start: { runs: 3 },
  link: {
    drain: { entries: 1000, rounds: 1, beforeMs: 1000, restMs: 4000 },
    returns: 4,
    wire: { intervalMs: 2000, warmUpMs: 200, windowMs: 8000 },
  },
  update: { mebibytes: 128, stretches: 4, callsInStretch: 150, pauseMs: 2, rounds: 5 },
};
