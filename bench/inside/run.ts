/** The harness's side of what is measured within a process that stands for the daemon (bench/measure.ts). */
import { mkdir, symlink } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { Scope } from '../../src/shared/lifecycle/scope.ts';
import { runInPlaceOfDaemon } from '../in-place-of-daemon.ts';
import type { BenchContext } from '../report.ts';
import {
  conditions,
  type MeasureLine,
  type MeasurementKind,
  type Measurements,
  type MeasureOrder,
  parseMeasureLine,
} from './order.ts';

const TIMEOUT_MS = 15 * 60_000;

export interface Inside<K extends MeasurementKind> {
  figures: Measurements[K]['output'];
  /** How it was measured, for the table's notes. */
  notes: string[];
}

/** A folder in which the daemon's worker is the one that times itself. */
async function makeTimedBundles(folder: string, bundles: string): Promise<string> {
  const timed = join(folder, 'timed-bundles');
  await mkdir(timed);
  await symlink(resolve(bundles, 'timed-collect.js'), join(timed, 'collect.js'));
  return timed;
}

/** `folder`: an empty place in it is used. The process ends with the scope. */
export async function measureInside<K extends MeasurementKind>(
  scope: Scope,
  context: BenchContext,
  folder: string,
  kind: K,
  input: Measurements[K]['input'],
): Promise<Inside<K>> {
  const { bundles, node, settings } = context;
  const order: MeasureOrder<K> = {
    kind,
    bundles: resolve(bundles),
    timedBundles: await makeTimedBundles(folder, bundles),
    pace: settings.inside,
    input,
  };
  const line: MeasureLine<K> = await runInPlaceOfDaemon(scope, context, {
    ...{ name: 'measurement', bundle: 'measure.js', folder, order, timeoutMs: TIMEOUT_MS },
    parse: parseMeasureLine<K>,
  });
  if (line.node !== node.version) throw new Error(`it was measured with Node ${line.node}`);
  return { figures: line.figures, notes: conditions(line.pagesKept, settings.inside) };
}
