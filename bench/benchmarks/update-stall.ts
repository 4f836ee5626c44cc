/**
 * What verifying a package does to the thread that asked for it and to its heartbeats: stretches of the same calls,
 * idle and busy in turn. Busy means one verification after another for as long as the calls last, in a thread that is
 * there, as it is where the package has just been downloaded or copied. Starting the thread is not part of it.
 */
import { monitorEventLoopDelay } from 'node:perf_hooks';
import type { ManagerCalls } from '../../src/main/link/calls.ts';
import { withScope } from '../bounded.ts';
import { heartbeat, roundTrips, WARM_UP_CALLS } from '../manager-calls.ts';
import type { BenchContext } from '../report.ts';
import { type Summary, summarise } from '../statistics.ts';
import { verifier } from '../verify.ts';
import type { BenchPackage } from './update-package.ts';

/** Milliseconds, the resolution of 1 ms included. The worst stretch of each. */
export interface Delay {
  p99: number;
  max: number;
}

export interface Stretches {
  heartbeat: Summary;
  delay: Delay;
}

export interface Stall {
  idle: Stretches;
  busy: Stretches;
  verifications: number;
}

interface Stretch {
  took: number[];
  delay: Delay;
}

async function stretch(calls: ManagerCalls, { settings, signal }: BenchContext): Promise<Stretch> {
  const { callsInStretch, pauseMs } = settings.update;
  const delay = monitorEventLoopDelay({ resolution: 1 });
  delay.enable();
  const took = await roundTrips(() => heartbeat(calls), { calls: callsInStretch, pauseMs, signal });
  delay.disable();
  return { took, delay: { p99: delay.percentile(99) / 1e6, max: delay.max / 1e6 } };
}

/** Gives the number of verifications too. The last one is waited for: the next stretch is to be idle. */
function busyStretch(
  calls: ManagerCalls,
  context: BenchContext,
  verify: () => Promise<unknown>,
): Promise<[Stretch, number]> {
  let going = true;
  const verifyOn = async (): Promise<number> => {
    let count = 0;
    while (going) {
      await verify();
      count++;
    }
    return count;
  };
  const measured = stretch(calls, context).finally(() => {
    going = false;
  });
  return Promise.all([measured, verifyOn()]);
}

function together(stretches: readonly Stretch[]): Stretches {
  return {
    heartbeat: summarise(stretches.flatMap(({ took }) => took)),
    delay: {
      p99: Math.max(...stretches.map(({ delay }) => delay.p99)),
      max: Math.max(...stretches.map(({ delay }) => delay.max)),
    },
  };
}

export function measureStall(calls: ManagerCalls, context: BenchContext, { signed }: BenchPackage): Promise<Stall> {
  return withScope(async (scope) => {
    const { bundles, settings, signal } = context;
    const { stretches, pauseMs } = settings.update;
    const [idle, busy]: [Stretch[], Stretch[]] = [[], []];
    let verifications = 0;
    const { verify } = await verifier(scope, bundles, signal);
    await verify(signed); // starts the thread
    await roundTrips(() => heartbeat(calls), { calls: WARM_UP_CALLS, pauseMs, signal });
    for (let n = 0; n < stretches; n++) {
      idle.push(await stretch(calls, context));
      const [measured, count] = await busyStretch(calls, context, () => verify(signed));
      busy.push(measured);
      verifications += count;
    }
    return { idle: together(idle), busy: together(busy), verifications };
  });
}
