/**
 * What the daemon's work in threads does to its main thread: the event loop's delay and heartbeats while a package is
 * hashed, a log compressed and the collectors run, all at the same time, against the same without. Measured under the
 * daemon's conditions, in a process of its own (bench/inside).
 */
import { withScope } from '../bounded.ts';
import { BenchHost } from '../host.ts';
import { measureInside } from '../inside/run.ts';
import type { BenchContext, BenchReport } from '../report.ts';
import type { Settings } from '../settings.ts';
import { stallRatios, stallTable } from './stall-figures.ts';
import { MIB, makePackage } from './update-package.ts';

function notes({ mebibytes, stretches, callsInStretch }: Settings['stall'], [hashes, logs, collections]: number[]) {
  const calls = stretches * callsInStretch;
  return [
    `Busy: at each moment a cached file of ${mebibytes} MiB was hashed, a log compressed and a collection under way, ` +
      'one after another of each; a daemon collects once a minute.',
    `Done meanwhile: ${hashes} times hashing, ${logs} logs, ${collections} collections, a thread started for each of the last.`,
    `${calls} heartbeats idle and ${calls} busy, to a Manager on loopback, in ${stretches} stretches of each in turn.`,
    'The event loop’s delay is that of the thread that asks, its resolution of 1 ms included: of the median the middle ' +
      'stretch, of the others the worst.',
    'A daemon collects garbage when no heartbeat is due; here one always is, so that these collections are in it.',
    'Four threads and the Manager share the cores here: with few of them, waiting for a core is part of the figures.',
  ];
}

export async function stall(context: BenchContext): Promise<BenchReport> {
  const { settings, signal } = context;
  const inside = await withScope(async (scope) => {
    const { folder, managerPort } = await BenchHost.start(scope, context);
    const { signed } = await makePackage(folder, settings.stall.mebibytes, signal);
    return measureInside(scope, context, folder, 'stall', { ...settings.stall, folder, managerPort, signed });
  });
  const { idle, busy, done } = inside.figures;
  const [hashes, compressions, collections] = done;
  return {
    name: 'stall',
    title: 'the main thread while others hash, compress and collect, in milliseconds',
    table: stallTable(inside.figures),
    notes: [...notes(settings.stall, done), ...inside.notes],
    verdicts: [],
    figures: {
      unit: 'ms',
      hashedBytes: settings.stall.mebibytes * MIB,
      ...{ idle, busy, ratios: stallRatios(inside.figures) },
      done: { hashes, compressions, collections },
    },
  };
}
