/**
 * A process that does all that the daemon does, by the daemon's own parts, as fast as it can, and gives its pages back
 * each 5 ms meanwhile. Started as the daemon is, with a StressOrder. At its end it says one StressLine, and exits with 0;
 * the first call that fails, or result that is wrong, ends it with 1 and what it was.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { isMainThread, workerData } from 'node:worker_threads';
import { ownProcess } from '../src/main/footprint/own-process.ts';
import { encoded } from '../src/main/link/queue/report-entry.ts';
import { toWireMetric } from '../src/main/link/wire-values.ts';
import { Pool } from '../src/main/threads/pool.ts';
import { Runner } from '../src/main/threads/runner.ts';
import type { Sample } from '../src/shared/contracts/metrics.ts';
import type { Scope } from '../src/shared/lifecycle/scope.ts';
import { reasons, withScope } from './bounded.ts';
import { COLLECTORS } from './collectors.ts';
import { connect, heartbeat } from './manager-calls.ts';
import { requireEqual } from './stress/checks.ts';
import { GiveBack } from './stress/give-back.ts';
import { GIVE_BACK_EVERY_MS, type GiverOrder, giveBackUntilStopped, startGiver } from './stress/giver.ts';
import type { StressCounts, StressLine, StressOrder } from './stress/order.ts';
import { type Acts, together } from './stress/together.ts';
import { children, collections, compressing, hashing } from './stress/work.ts';

const COLLECT_EVERY_MS = 1000;
/** Between starting counters and the figures of the reports. */
const PRIME_MS = 100;

/** Does it at this cadence, or as soon as the event loop lets it. */
function each(everyMs: number, signal: AbortSignal, act: () => void): () => Promise<void> {
  let dueMs = performance.now() + everyMs;
  return async () => {
    await sleep(Math.max(0, dueMs - performance.now()), undefined, { signal });
    dueMs = Math.max(performance.now(), dueMs) + everyMs;
    act();
  };
}

function wireMetrics(samples: readonly Sample[]) {
  const metrics = samples.flatMap((sample) => toWireMetric(sample) ?? []);
  requireEqual('the parts of a report', metrics.length, COLLECTORS.length);
  return metrics;
}

async function load(scope: Scope, order: StressOrder): Promise<StressLine> {
  const { bundles, folder, forMs, mebibytes } = order;
  const own = ownProcess(bundles);
  own.compile(false);
  const unreliable = own.unreliable();
  if (unreliable) return { event: 'stress', none: unreliable };
  const { native, why } = await own.loadNative();
  if (!native) return { event: 'stress', none: why };

  const abort = new AbortController();
  const { signal } = abort;
  let giveBack: GiveBack | null = null;
  const threads = { onStarted: () => giveBack?.threadStarted(), onEnded: () => giveBack?.threadEnded() };
  const runner = new Runner({ ...threads, bundles, onEnding: () => giveBack?.threadEnding() });
  await scope.add(() => runner.close());
  const pool = new Pool({ ...threads, bundles });
  await scope.add(() => pool.close());
  const calls = await connect(scope, order, signal);
  const collect = collections(runner, signal);
  await collect();
  await sleep(PRIME_MS);
  const metrics = wireMetrics(await collect());
  const work: Omit<Acts<keyof StressCounts>, 'givings' | 'threadGivings' | 'majorCollections'> = {
    heartbeats: () => heartbeat(calls),
    reports: () => calls.report(metrics.map(encoded)),
    collections: collect,
    hashes: await hashing(pool, folder, mebibytes, signal),
    logs: await compressing(pool, folder, signal),
    children: await children(folder),
  };

  const giving = new GiveBack(own, native.calls);
  giveBack = giving;
  giving.now();
  const giver = startGiver(__filename, { bundles, pairs: giving.pairs }, (error) => abort.abort(error));
  await scope.add(async () => {
    await giver.stop();
  });
  const startedMs = performance.now();
  const before = process.resourceUsage();
  const done = await together<Exclude<keyof StressCounts, 'threadGivings'>>(
    {
      givings: each(GIVE_BACK_EVERY_MS, signal, () => giving.now()),
      majorCollections: each(Math.min(COLLECT_EVERY_MS, forMs / 2), signal, () => giving.collect()),
      ...work,
    },
    { forMs, abort },
  );
  const counts: StressCounts = { ...done, threadGivings: await giver.stop() };
  const elapsedMs = performance.now() - startedMs;
  const after = process.resourceUsage();
  const faults = {
    minorFaults: after.minorPageFault - before.minorPageFault,
    majorFaults: after.majorPageFault - before.majorPageFault,
  };
  return {
    event: 'stress',
    figures: { node: process.versions.node, elapsedMs, counts, ...giving.told(), ...faults },
  };
}

function orderOf(text: string | undefined): StressOrder {
  if (!text) throw new Error('it is started by the stress benchmark, with an order');
  return JSON.parse(text) as StressOrder;
}

async function main(): Promise<void> {
  const order = orderOf(process.argv[2]);
  // said when all of it has ended well
  const line = await withScope((scope) => load(scope, order));
  process.stdout.write(`${JSON.stringify(line)}\n`);
}

const end = isMainThread ? main() : giveBackUntilStopped(workerData as GiverOrder);
end.catch((error: unknown) => {
  if (!isMainThread) throw error; // to the main thread
  for (const reason of reasons(error)) process.stderr.write(`${reason}\n`);
  // whatever is still under way is not waited for
  process.exit(1);
});
