/**
 * What the daemon's work in threads does to its main thread: the event loop's delay and heartbeats while a package is
 * hashed, a log compressed and the collectors run, all at the same time, against the same without. By the daemon's own
 * link, pool and runner, all of one thread, which here is the harness's.
 */
import { Runner } from '../../src/main/threads/runner.ts';
import type { Scope } from '../../src/shared/lifecycle/scope.ts';
import { withScope } from '../bounded.ts';
import { BenchHost } from '../host.ts';
import { connect, heartbeat } from '../manager-calls.ts';
import type { BenchContext, BenchReport } from '../report.ts';
import type { Settings } from '../settings.ts';
import { openPool, verifierOf } from '../verify.ts';
import { COLLECTORS, timed } from './collect.ts';
import { stallRatios, stallTable } from './stall-figures.ts';
import { logCompression } from './stall-log.ts';
import { type Compared, compareStretches } from './stall-stretches.ts';
import { MIB, makePackage } from './update-package.ts';

const COLLECT_DEADLINE_MS = 30_000;

/** One collection by a thread that is started for it, as the daemon's is. */
async function collection(scope: Scope, { bundles, signal }: BenchContext): Promise<() => Promise<number>> {
  const runner = new Runner({ bundles });
  await scope.add(() => runner.close());
  const states = new Map<string, unknown>();
  return () =>
    timed(COLLECTORS, states, (tasks) => runner.run('collect', tasks, { deadlineMs: COLLECT_DEADLINE_MS, signal }));
}

function measure(context: BenchContext): Promise<Compared> {
  return withScope(async (scope) => {
    const { bundles, settings, signal } = context;
    const host = await BenchHost.start(scope, context);
    const { signed } = await makePackage(host.folder, settings.stall.mebibytes, signal);
    const calls = await connect(scope, host, signal);
    const pool = await openPool(scope, bundles);
    const { verify } = verifierOf(pool, signal);
    const compress = await logCompression(host.folder, pool, signal);
    const collect = await collection(scope, context);
    return compareStretches(() => heartbeat(calls), [() => verify(signed), compress, collect], settings.stall, signal);
  });
}

function notes({ mebibytes, stretches, callsInStretch }: Settings['stall'], [hashes, logs, collections]: number[]) {
  const calls = stretches * callsInStretch;
  return [
    `Busy: at each moment a cached file of ${mebibytes} MiB was hashed, a log compressed and a collection under way, ` +
      'one after another of each; a daemon collects once a minute.',
    `Done meanwhile: ${hashes} times hashing, ${logs} logs, ${collections} collections, a thread started for each of the last.`,
    `${calls} heartbeats idle and ${calls} busy, to a Manager on loopback, in ${stretches} stretches of each in turn.`,
    'The event loop’s delay is that of the thread that asks, its resolution of 1 ms included: of the median the middle ' +
      'stretch, of the others the worst.',
    'Four threads and the Manager share the cores here: with few of them, waiting for a core is part of the figures.',
  ];
}

export async function stall(context: BenchContext): Promise<BenchReport> {
  const compared = await measure(context);
  const { idle, busy, done } = compared;
  const [hashes, compressions, collections] = done;
  return {
    name: 'stall',
    title: 'the main thread while others hash, compress and collect, in milliseconds',
    table: stallTable(compared),
    notes: notes(context.settings.stall, done),
    verdicts: [],
    figures: {
      unit: 'ms',
      hashedBytes: context.settings.stall.mebibytes * MIB,
      ...{ idle, busy, ratios: stallRatios(compared) },
      done: { hashes, compressions, collections },
    },
  };
}
