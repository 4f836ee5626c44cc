/**
 * What work in other threads does to the thread that asked for it and to its heartbeats: stretches of the same calls,
 * idle and busy in turn, so that what drifts meets both. Busy means that each kind of work is done over and over for
 * as long as the calls last. Each is done once before, so that starting what stays is not part of it.
 */
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { roundTrips, WARM_UP_CALLS } from '../manager-calls.ts';
import { type Summary, summarise } from '../statistics.ts';

export interface StretchSettings {
  /** Idle ones and busy ones, as many each. */
  stretches: number;
  callsInStretch: number;
  pauseMs: number;
}

/** Milliseconds, the resolution of 1 ms included. The middle one of the stretches' medians, else the worst stretch. */
export interface Delay {
  median: number;
  p99: number;
  max: number;
}

export interface Stretches {
  heartbeat: Summary;
  delay: Delay;
}

export interface Compared {
  idle: Stretches;
  busy: Stretches;
  /** How often each kind of work was done in the busy stretches, in their order. */
  done: number[];
}

export interface Stretch {
  /** Milliseconds of each call. */
  took: number[];
  delay: Delay;
}

type Work = () => Promise<unknown>;

async function stretch(call: () => Promise<void>, settings: StretchSettings, signal: AbortSignal): Promise<Stretch> {
  const { callsInStretch, pauseMs } = settings;
  const delay = monitorEventLoopDelay({ resolution: 1 });
  delay.enable();
  try {
    const took = await roundTrips(call, { calls: callsInStretch, pauseMs, signal });
    const [median, p99] = [delay.percentile(50) / 1e6, delay.percentile(99) / 1e6];
    return { took, delay: { median, p99, max: delay.max / 1e6 } };
  } finally {
    delay.disable();
  }
}

/** Gives how often each was done, too. The last one of each is waited for: the next stretch is to be idle. */
function busyStretch(measure: () => Promise<Stretch>, work: readonly Work[]): Promise<[Stretch, number[]]> {
  let going = true;
  const overAndOver = async (once: Work): Promise<number> => {
    let count = 0;
    while (going) {
      await once();
      count++;
    }
    return count;
  };
  const measured = measure().finally(() => {
    going = false;
  });
  return Promise.all([measured, Promise.all(work.map(overAndOver))]);
}

/** Pure. */
export function together(stretches: readonly Stretch[]): Stretches {
  const of = (key: keyof Delay): Summary => summarise(stretches.map(({ delay }) => delay[key]));
  return {
    heartbeat: summarise(stretches.flatMap(({ took }) => took)),
    delay: { median: of('median').median, p99: of('p99').max, max: of('max').max },
  };
}

/** Rejects where a call or a piece of work does. `call`: a heartbeat of this thread's. */
export async function compareStretches(
  call: () => Promise<void>,
  work: readonly Work[],
  settings: StretchSettings,
  signal: AbortSignal,
): Promise<Compared> {
  const [idle, busy]: [Stretch[], Stretch[]] = [[], []];
  const done = work.map(() => 0);
  await Promise.all(work.map((once) => once()));
  await roundTrips(call, { calls: WARM_UP_CALLS, pauseMs: settings.pauseMs, signal });
  for (let n = 0; n < settings.stretches; n++) {
    idle.push(await stretch(call, settings, signal));
    const [measured, counts] = await busyStretch(() => stretch(call, settings, signal), work);
    busy.push(measured);
    for (const [at, count] of counts.entries()) done[at] = (done[at] ?? 0) + count;
  }
  return { idle: together(idle), busy: together(busy), done };
}
